/**
 * Memory that dies while V8 marks: what has been marked by then survives the collection that ends the marking, also
 * when that is forced.
 */
import { setImmediate as turn } from 'node:timers/promises';
import { setFlagsFromString } from 'node:v8';

const gc = globalThis.gc;

/** V8 marks from here what is alive. */
const roots = globalThis as { batch?: number[][]; block?: ArrayBuffer };

const MARKING_MS = 100;

/**
 * Some 4 MB of garbage made by `makeBatch`, of which a collection that is forced now finds nothing: V8 has begun to collect,
 * with other threads that mark, and this one has let go of the batch since.
 */
export async function dieWhileMarked(): Promise<void> {
  setFlagsFromString('--no-incremental-marking-task'); // the collection ends when it is forced to
  roots.batch = makeBatch();
  for (let i = 0; i < 2; i++) gc!(); // old enough to be marked by other threads
  await turn(); // whoever counts collections knows of these
  roots.block = new ArrayBuffer(96 * 2 ** 20); // so much memory at once has V8 begin
  Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, MARKING_MS);
  delete roots.block;
  delete roots.batch;
}

function makeBatch(): number[][] {
  return Array.from({ length: 5000 }, (_, i) => new Array<number>(100).fill(i + 0.5));
}
