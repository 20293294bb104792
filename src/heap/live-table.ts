/**
 * The table of live blocks: address (or id) -> bytes and site, as flat memory without an object for each block
 * (`block-words.ts`): blocks chained by the home of their key (`block-homes.ts`), 0.75 for each home.
 *
 * Memory: a block takes 16 bytes and its share of the homes 5.3. A table grows by a thirty-second at most, and its memory
 * by a sixteenth, so while a program grows that is 21.4 .. 23.5 bytes for a live block. After many frees it is more, until
 * `trim`.
 *
 * Pauses: a table grows by 1,024 homes at most, in place; so no operation takes much longer than a tenth of a millisecond, but for the
 * one that moves a table of some size into the memory of WebAssembly, once. Where that is not to be had, the array is copied.
 *
 * A shard is the homes whose number has the same remainder: the table grows by as many homes in each, and is visited one
 * shard after the other. More shards are longer steps.
 *
 * Invariants:
 *  1. Every block but `nobody` is in the chain of exactly one home, the one of its key, or in the chain of free ones.
 *  2. A key is in at most one block that is not free.
 *  3. The bytes word is `HUGE` exactly when the key is in `#huge`, which then has the size (4 GiB and more).
 *  4. There is a free block, unless there was no memory to grow.
 *
 * Not here: totals, sampling, what a site is (`sites.ts`), when something is counted (`stream.ts`).
 */

import { ArrayMemory, type TableMemory } from './array-memory.js';
import { addBlocks, forEachBlock, insertBlock, removeBlock, splitHome } from './block-chains.js';
import { homeOf, topOf, wordOfHome } from './block-homes.js';
import {
  BYTES,
  COUNT,
  FREE,
  FREED,
  GROUP_BLOCKS,
  GROUP_HOMES,
  GROUP_WORDS,
  LINK,
  NOBODY,
  SITE,
} from './block-words.js';
import { UNCAPTURED } from './live-sites.js';
import type { SiteTable } from './sites.js';

const HUGE = -1;
const DEFAULT_SHARDS = 16;
/** Groups of homes that are added in one step: a thirty-second, and so many at most. */
const STEP_SHIFT = 5;
const MOST_STEP = 64;
/** What makes WebAssembly worth its start, of some milliseconds: so many groups, or so many words of journals. */
const MANY_GROUPS = 512;
const MANY_WORDS = 16_384;
/** A table of which less is in use is rebuilt by `trim`. */
const TRIM_SHARE = 0.25;

export interface LiveTableOptions {
  /** A power of two, 1 .. 1024; default 16. */
  readonly shards?: number;
  /** Where memory for blocks comes from; a hook on `Int32Array` must not see it. */
  readonly allocate?: (words: number) => Int32Array;
  /** Opens memory of WebAssembly for so many words; undefined where there is none. */
  readonly openReplay?: (words: number) => TableMemory | undefined;
}

/** What becomes of keys that are freed without being live, and of keys that are used again without being freed. */
export interface FreeCounts {
  unmatchedFrees: number;
  impliedFrees: number;
}

/** Keys are unsigned 32-bit integers, bytes whole numbers from 0 to 2^53 - 1, sites whole numbers below 2^31. */
export class LiveTable {
  /** The site of the block that the last `take` removed or the last `put` replaced. */
  site = -1;

  /** Words of the journal that the last `replay` has used. */
  replayed = 0;

  readonly #shards: number;
  readonly #allocate: (words: number) => Int32Array;
  readonly #openReplay: ((words: number) => TableMemory | undefined) | undefined;
  #memory!: TableMemory;
  /** Those of the memory. */
  #words!: Int32Array;
  #homes = 0;
  #top = 0;
  #huge = new Map<number, number>();
  /** Words of journals until the table moves. */
  #untilMany = MANY_WORDS;

  constructor(options: LiveTableOptions = {}) {
    this.#shards = options.shards ?? DEFAULT_SHARDS;
    this.#allocate = options.allocate ?? ((words) => new Int32Array(words));
    this.#openReplay = options.openReplay;
    this.clear();
  }

  /** Number of live blocks. */
  get size(): number {
    return this.#words[COUNT]!;
  }

  /** Memory in use for blocks, in bytes. What a memory of WebAssembly has beyond that was never touched. */
  get slotBytes(): number {
    const isArray = this.#memory.replay === undefined;
    return 4 * (isArray ? this.#words.length : this.#groups * GROUP_WORDS);
  }

  /** The journal that is replayed into this table. Another array after each operation. */
  get entries(): Int32Array {
    return this.#memory.entries;
  }

  /**
   * Adds a block or replaces the one with this key. Throws what `allocate` throws when there is no memory to grow;
   * the block is then in the table, which must not be added to again.
   *
   * @returns the bytes of the block replaced (its site is then in `site`), or -1 when the key was free
   */
  put(key: number, bytes: number, site: number): number {
    const word = bytes <= 0x7fff_ffff ? bytes : wordOf(bytes);
    const at = insertBlock(this.#words, homeOf(key, this.#homes, this.#top), key, word, site);
    if (at !== NOBODY) return this.#replace(at, key, bytes, site);
    if (word === HUGE) this.#huge.set(key >>> 0, bytes);
    if (this.#words[FREE] === NOBODY) this.#grow();
    return -1;
  }

  /**
   * Removes a block.
   *
   * @returns its bytes (its site is then in `site`), or -1 when there is none with this key
   */
  take(key: number): number {
    const words = this.#words;
    const at = removeBlock(words, homeOf(key, this.#homes, this.#top), key);
    if (at === NOBODY) return -1;
    this.site = ~words[at | SITE]!;
    const word = words[at | BYTES]!;
    return word >= 0 ? word : this.#bytesOf(key, word, true);
  }

  has(key: number): boolean {
    const words = this.#words;
    let at = words[homeOf(key, this.#homes, this.#top)]!;
    while (at !== NOBODY && words[at] !== (key | 0)) at = words[at | LINK]!;
    return at !== NOBODY;
  }

  /**
   * Does what the journal says, in its order: blocks without a stack, and frees. Throws as `put` does; `replayed` then
   * says how far it has come.
   *
   * @param words of `entries` that are used, two for each entry
   * @param sites has every block counted that comes and goes
   */
  replay(words: number, sites: SiteTable, frees: FreeCounts): void {
    let next = 0;
    try {
      for (; next < words; next += 2) {
        const memory = this.#memory;
        if (memory.replay !== undefined) next = memory.replay(next, words, this.#homes, this.#top, sites);
        if (next < words) this.#replayEntry(next, sites, frees);
      }
    } finally {
      this.replayed = Math.min(words, next + 2);
    }
    this.#untilMany -= words;
    if (this.#untilMany < 0) this.#move();
  }

  #replayEntry(at: number, sites: SiteTable, frees: FreeCounts): void {
    const { entries } = this.#memory;
    const key = entries[at]!;
    const bytes = entries[at | 1]!;
    const { live } = sites;
    if (bytes === FREED) {
      const freed = this.take(key);
      if (freed >= 0) live.remove(this.site, freed);
      else frees.unmatchedFrees++;
    } else {
      sites.allocatedWithoutStack(1, bytes);
      live.add(UNCAPTURED, bytes);
      const replaced = this.put(key, bytes, UNCAPTURED);
      if (replaced < 0) return;
      live.remove(this.site, replaced);
      frees.impliedFrees++;
    }
  }

  /** Visits every live block, one shard after the other. REQUIRES: `visit` does not change the table. */
  forEach(visit: (key: number, bytes: number, site: number) => void): void {
    const words = this.#words;
    for (let shard = 0; shard < this.#shards; shard++) {
      for (let home = shard; home < this.#homes; home += this.#shards) {
        for (let at = words[wordOfHome(home)]!; at !== NOBODY; at = words[at | LINK]!) {
          const key = words[at]! >>> 0;
          visit(key, this.#bytesOf(key, words[at | BYTES]!, false), words[at | SITE]!);
        }
      }
    }
  }

  clear(): void {
    this.#huge = new Map();
    this.#untilMany = MANY_WORDS;
    this.#begin(new ArrayMemory(this.#leastGroups * GROUP_WORDS, this.#allocate), this.#leastGroups);
  }

  /** Gives memory back if the table has become far too large. A pause as long as what is live is much. */
  trim(): void {
    const enough = this.#rounded(Math.ceil(this.size / GROUP_BLOCKS) + 1);
    if (enough > this.#groups * TRIM_SHARE) return;
    try {
      this.#rebuild(enough);
    } catch {
      // No memory for the smaller table: the larger one does as well.
    }
  }

  get #groups(): number {
    return this.#homes / GROUP_HOMES;
  }

  get #leastGroups(): number {
    return Math.max(1, this.#shards / GROUP_HOMES);
  }

  /** To groups that have as many homes in each shard. */
  #rounded(groups: number): number {
    return Math.ceil(groups / this.#leastGroups) * this.#leastGroups;
  }

  #replace(at: number, key: number, bytes: number, site: number): number {
    const words = this.#words;
    const replaced = this.#bytesOf(key, words[at | BYTES]!, true);
    this.site = words[at | SITE]!;
    words[at | BYTES] = wordOf(bytes);
    words[at | SITE] = site;
    if (words[at | BYTES] === HUGE) this.#huge.set(key >>> 0, bytes);
    return replaced;
  }

  /** The size that a word stands for. @param leaving the block is about to be removed or replaced */
  #bytesOf(key: number, word: number, leaving: boolean): number {
    if (word !== HUGE) return word >>> 0;
    const huge = this.#huge.get(key >>> 0)!;
    if (leaving) this.#huge.delete(key >>> 0);
    return huge;
  }

  /** The memory is taken first, so when there is none nothing has changed. */
  #grow(): void {
    const groups = this.#groups;
    const more = this.#rounded(groups + Math.min(MOST_STEP, Math.max(1, groups >> STEP_SHIFT)));
    if (more >= MANY_GROUPS) this.#move();
    this.#memory.reserve(more * GROUP_WORDS);
    this.#words = this.#memory.words;
    addBlocks(this.#words, groups, more);
    for (let home = this.#homes; home < more * GROUP_HOMES; home++) splitHome(this.#words, home);
    this.#homes = more * GROUP_HOMES;
    this.#top = topOf(this.#homes);
  }

  /** Into the memory of WebAssembly, as it is; if there is none the table stays where it is. */
  #move(): void {
    this.#untilMany = Number.POSITIVE_INFINITY;
    const memory = this.#memory.replay === undefined ? this.#openReplay?.(this.#words.length) : undefined;
    if (memory === undefined) return;
    memory.words.set(this.#words);
    memory.entries.set(this.#memory.entries);
    this.#memory = memory;
    this.#words = memory.words;
  }

  /** In memory of the same kind, of another number of groups. */
  #rebuild(groups: number): void {
    const words = this.#words;
    const old = this.#groups;
    const isArray = this.#memory.replay === undefined;
    const memory = isArray ? undefined : this.#openReplay?.(groups * GROUP_WORDS);
    this.#begin(memory ?? new ArrayMemory(groups * GROUP_WORDS, this.#allocate), groups);
    const rebuilt = this.#words;
    forEachBlock(words, old, (at) => {
      const key = words[at]!;
      insertBlock(rebuilt, homeOf(key, this.#homes, this.#top), key, words[at | BYTES]!, words[at | SITE]!);
    });
  }

  /** Empty, in memory that is all 0. */
  #begin(memory: TableMemory, groups: number): void {
    this.#memory = memory;
    this.#words = memory.words;
    this.#homes = groups * GROUP_HOMES;
    this.#top = topOf(this.#homes);
    addBlocks(this.#words, 0, groups);
  }
}

/** What stands for a size in a block, as a signed word. */
function wordOf(bytes: number): number {
  return bytes < 0xffff_ffff ? bytes | 0 : HUGE;
}
