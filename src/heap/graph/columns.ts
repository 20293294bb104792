/**
 * Columns of whole numbers, one after another in a single block outside the JavaScript heap: those of a heap graph, and
 * those of every question asked of it.
 *
 *     block   kind | name | id | ... | parent | owner | what the question at work takes | free
 *                                                                                       ^ #used
 *
 * V8 collects the whole heap whenever some 64 MB have been taken outside of it. Taken one by one, the columns of a
 * heap of half a gigabyte made it do so twelve times, half a second each; a block it weighs once. The system gives memory
 * for what has been written to only, and what a question took is written to again by the next.
 *
 * Invariants: columns do not overlap while they are in use; each begins at a multiple of 8 and is all zeros.
 */
const ALIGNMENT = 8;
/** No ArrayBuffer of Node 20 is larger. */
const MAX_BLOCK_BYTES = 0xffff_0000;

export class Columns {
  readonly #block: ArrayBuffer;
  #used = 0;
  /** The block has been written to up to here. */
  #touched = 0;

  /** @param bytes of the block; a column that no longer finds room there has memory of its own */
  constructor(bytes: number) {
    this.#block = blockOf(bytes);
  }

  /** A column of numbers from 0 to 255. */
  bytes(length: number): Uint8Array {
    const start = this.#take(length);
    return start < 0 ? new Uint8Array(length) : new Uint8Array(this.#block, start, length);
  }

  /** A column of numbers from 0 to 2^32 - 1. */
  words(length: number): Uint32Array {
    const start = this.#take(length * Uint32Array.BYTES_PER_ELEMENT);
    return start < 0 ? new Uint32Array(length) : new Uint32Array(this.#block, start, length);
  }

  /** A column of any numbers. */
  floats(length: number): Float64Array {
    const start = this.#take(length * Float64Array.BYTES_PER_ELEMENT);
    return start < 0 ? new Float64Array(length) : new Float64Array(this.#block, start, length);
  }

  /** What `work` takes is free again when it has returned, and must not be used any more. */
  during<T>(work: () => T): T {
    const used = this.#used;
    try {
      return work();
    } finally {
      this.#used = used;
    }
  }

  /** @returns where the column begins in the block; -1 when it has no room there */
  #take(bytes: number): number {
    const start = this.#used;
    const end = start + Math.ceil(bytes / ALIGNMENT) * ALIGNMENT;
    if (end > this.#block.byteLength) return -1;
    this.#used = end;
    if (start < this.#touched)
      new Uint8Array(this.#block, start, Math.min(end, this.#touched) - start).fill(0);
    this.#touched = Math.max(this.#touched, end);
    return start;
  }
}

/** Empty when the system gives none of that size: smaller pieces may still be had. */
function blockOf(bytes: number): ArrayBuffer {
  try {
    return new ArrayBuffer(Math.min(bytes, MAX_BLOCK_BYTES));
  } catch (error) {
    if (error instanceof RangeError) return new ArrayBuffer(0);
    throw error;
  }
}
