/** The words of a live table in an `Int32Array`, which becomes another, longer one when the table needs more. */
import { MOST_ENTRIES } from './block-words.js';
import type { SiteTable } from './sites.js';

/** Where the words of a live table are, and the entries of the journal that is replayed into it. */
export interface TableMemory {
  /** As many as there is room for; those that the table has not used yet are 0. Another array after `reserve`. */
  readonly words: Int32Array;
  /** Another array after `reserve`, with the same entries. */
  readonly entries: Int32Array;

  /** Sees to it that there are so many words. Throws when there is no memory, and then nothing has changed. */
  reserve(words: number): void;

  /**
   * Counts entries of the journal, up to the first that is not of the usual kind.
   *
   * @param next word index of the first entry
   * @param end where the entries end
   * @returns word index of the first entry that was not counted
   */
  replay?(next: number, end: number, homes: number, top: number, sites: SiteTable): number;
}

/** What is taken beyond what is needed: a sixteenth. */
const SPARE_SHIFT = 4;

export class ArrayMemory implements TableMemory {
  words: Int32Array;
  #entries: Int32Array | undefined;
  readonly #allocate: (words: number) => Int32Array;

  /** @param allocate memory for so many words, all 0 */
  constructor(words: number, allocate: (words: number) => Int32Array) {
    this.#allocate = allocate;
    this.words = allocate(words);
  }

  get entries(): Int32Array {
    this.#entries ??= this.#allocate(2 * MOST_ENTRIES);
    return this.#entries;
  }

  reserve(words: number): void {
    if (words <= this.words.length) return;
    const longer = this.#allocate(words + (words >> SPARE_SHIFT));
    longer.set(this.words);
    this.words = longer;
  }
}
