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
  readonly #collected = new FinalizationRegistry<Waiters>((waiters) => waiters.stop());

  /** @param ledger one that is shared */
  constructor(ledger: Ledger) {
    this.#ledger = ledger;
  }

  /** The address of the heap in a memory; undefined when it can't be told in this engine, or there are too many. */
  heapOf(memory: WebAssembly.Memory, wideAddresses: boolean): number | undefined {
    if ((Atomics as WaitAsync).waitAsync === undefined) return undefined;
    const words = new Int32Array(memory.buffer);
    const keepWaiting = (number: number, waiters: number): void => {
      const waiting = new Waiters(words, FIRST_WORD + number);
      for (let i = 0; i < waiters; i++) waiting.add();
      this.#collected.register(memory, waiting);
    };
    const isIt = (number: number): boolean => {
      if (Atomics.notify(words, FIRST_WORD + number, 1) === 0) return false;
      keepWaiting(number, 1);
      return true;
    };
    return this.#ledger.sharedHeap(wideAddresses, isIt, (number) => keepWaiting(number, WAITERS));
  }
}

/** Those of one thread at one word. They keep nothing from running or ending but the memory, hence `stop`. */
class Waiters {
  readonly #words: Int32Array;
  readonly #index: number;
  #stopped = false;

  constructor(words: Int32Array, index: number) {
    this.#words = words;
    this.#index = index;
  }

  add(): void {
    const [words, index] = [this.#words, this.#index];
    const waiting = (Atomics as WaitAsync).waitAsync!(words, index, Atomics.load(words, index));
    if (!waiting.async) return;
    (waiting.value as Promise<unknown>).then(() => {
      if (!this.#stopped) this.add();
    });
  }

  /** The memory is gone in this thread: lets it go. Other threads' waiters are woken along and replaced. */
  stop(): void {
    this.#stopped = true;
    Atomics.notify(this.#words, this.#index);
  }
}
