/**
 * Which heap of the shared ledger a shared memory is, in whatever thread: `WebAssembly.Memory` objects that are sent to
 * another thread arrive as other objects, and nothing can be written to the memory itself, which is the program's.
 *
 * What can be seen from every thread is who waits at an address of it. So for heap n some waiters wait for ever at word
 * `FIRST_WORD + n`, asynchronously, and whoever wants to know whether a memory is heap n wakes one there: if there was
 * one to wake, it is. Each that was woken is replaced.
 *
 *     thread 1    memory M --> heap 0 --> 16 waiters at M[16]
 *     thread 2    memory W --> notify(W[16]) = 1 --> W is M --> heap 0, one more waiter
 *                              notify(W[16]) = 0, notify(W[17]) = 0 --> a new heap
 *
 * The words lie among the first kilobyte, which compilers leave empty for the sake of null pointers; a program that
 * itself waits and notifies there may count one more that it has woken.
 */
import type { Ledger } from './ledger.js';

const FIRST_WORD = 16;
/** As many threads may ask before the first one that was woken is replaced. */
const WAITERS = 16;

interface WaitAsync {
  waitAsync?(
    words: Int32Array,
    index: number,
    value: number,
  ): { async: boolean; value: Promise<unknown> | string };
}

export class SharedMemories {
  readonly #ledger: Ledger;

  /** @param ledger one that is shared */
  constructor(ledger: Ledger) {
    this.#ledger = ledger;
  }

  /** The address of the heap in a memory; undefined when it can't be told in this engine, or there are too many. */
  heapOf(memory: WebAssembly.Memory, wideAddresses: boolean): number | undefined {
    if ((Atomics as WaitAsync).waitAsync === undefined) return undefined;
    const words = new Int32Array(memory.buffer);
    const weakly = new WeakRef(memory);
    const isIt = (number: number): boolean => {
      if (Atomics.notify(words, FIRST_WORD + number, 1) === 0) return false;
      wait(weakly, FIRST_WORD + number);
      return true;
    };
    return this.#ledger.sharedHeap(wideAddresses, isIt, (number) => {
      for (let i = 0; i < WAITERS; i++) wait(weakly, FIRST_WORD + number);
    });
  }
}

/** Waits for as long as the memory is there, without keeping that or anything from ending. */
function wait(memory: WeakRef<WebAssembly.Memory>, index: number): void {
  const still = memory.deref();
  if (still === undefined) return;
  const words = new Int32Array(still.buffer);
  const waiting = (Atomics as WaitAsync).waitAsync!(words, index, Atomics.load(words, index));
  if (waiting.async) (waiting.value as Promise<unknown>).then(() => wait(memory, index));
}
