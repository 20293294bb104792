/**
 * Has V8 mark the heap before a full collection is forced, so that compiled code survives it.
 *
 * Compiled code refers weakly to the shapes of the objects that it was made for. V8 means to keep shapes of objects that come
 * and go, as long as their constructors are alive; but it looks for that as the collection begins, when in one that comes
 * out of the blue nothing is marked yet. So a forced collection throws away all code for objects of which none
 * is alive just then: 59 functions of a web server under load, nearly all of one between two requests, which
 * then ran at a third of its speed until they were compiled again. When marking has begun before, they are found marked.
 *
 * V8 begins to mark when much memory was taken outside of its heap; a block that is never written to takes none. Other
 * threads mark while this one waits, and the collection that follows is shorter by that.
 */
import { getHeapStatistics } from 'node:v8';

/** V8 begins to mark at 64 MiB more than after the last collection, since when the program may have let some go. */
const BLOCK_BYTES = 96 * 2 ** 20;
/** V8 collects at once when half of its limit is taken outside: worse than to mark nothing. */
const LEAST_LIMIT_BYTES = 512 * 2 ** 20;
/** A thread marks about so many bytes in a millisecond. */
const MARKED_BYTES = 2 ** 20;
const STEP_MS = 1;
/** A thread that does nothing for so long has nothing to do; for less, it may have been interrupted. */
const IDLE_STEPS = 5;
/** Other threads may have to wait for a processor themselves. */
const PATIENCE = 10;
const MOST_WAIT_MS = 100;

/** To be called right before what forces a collection. Takes about as long as that is then shorter. */
export function markAhead(): void {
  const { heap_size_limit: limitBytes, used_heap_size: usedBytes } = getHeapStatistics();
  if (limitBytes < LEAST_LIMIT_BYTES) return;
  try {
    letGo(new ArrayBuffer(BLOCK_BYTES));
  } catch {
    return; // the system gives no such block, not even of nothing
  }
  waitForWork(usedBytes / MARKED_BYTES);
}

/** Waits until the other threads have worked for so long, or began to and have stopped; they tell by the processor time they take. */
function waitForWork(workMs: number): void {
  const clock = new Int32Array(new SharedArrayBuffer(Int32Array.BYTES_PER_ELEMENT));
  const most = Math.min(MOST_WAIT_MS, Math.max(1, workMs) * PATIENCE) / STEP_MS;
  const begunMs = processorMs();
  let lastMs = begunMs;
  let idle = 0;
  for (let step = 0; step < most && lastMs - begunMs < workMs && idle < IDLE_STEPS; step++) {
    Atomics.wait(clock, 0, 0, STEP_MS);
    const nowMs = processorMs();
    idle = nowMs - lastMs < STEP_MS / 4 && nowMs - begunMs > STEP_MS ? idle + 1 : 0;
    lastMs = nowMs;
  }
}

function processorMs(): number {
  const { user, system } = process.cpuUsage();
  return (user + system) / 1000;
}

/** Takes the block off V8's account, which at a collection becomes what the next block is measured by. */
function letGo(block: ArrayBuffer): void {
  if ('transfer' in block) {
    (block as ArrayBuffer & { transfer(bytes: number): ArrayBuffer }).transfer(0);
    return;
  }
  // Node 20: sent to where nobody listens, it is off the account now, and Node frees it in a turn or two.
  const { port1, port2 } = new MessageChannel();
  port2.close();
  port1.postMessage(null, [block]);
  port1.close();
}
