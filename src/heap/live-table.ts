/**
 * The table of live blocks: address (or id) -> bytes and site, as flat memory without an object for each block. What
 * a shard of it looks like is drawn in `shard.ts`.
 *
 * Memory: a block takes 16 bytes and its share of the homes 5. A shard grows by an eighth at most when it is full, so
 * while a program grows that is 21 .. 23.7 bytes for a live block (up to 32 after many frees: a shard shrinks when it is
 * two thirds full).
 *
 * Pauses: one shard is rebuilt at a time. A table begins as one shard, since small shards differ too much in
 * load to keep the figures above, and spreads over all of them when that one has `SPREAD_AT` homes.
 *
 * Invariants:
 *  1. Every block of a shard is in the chain of exactly one home, the one of its key, or in the chain of free ones.
 *  2. A key is in at most one block, in the shard that its hash names.
 *  3. The bytes word is `HUGE` exactly when the key is in `#huge`, which then has the size (4 GiB and more).
 *  4. Every shard has a free block, unless there was no memory to grow.
 *
 * Not here: totals, sampling, what a site is (`sites.ts`), when something is counted (`stream.ts`).
 */

import { BYTES, FREED, NOBODY, SITE } from './block-words.js';
import { type LiveSites, UNCAPTURED } from './live-sites.js';
import { hashOf, Shard } from './shard.js';
import { homesOf, larger, type ShardSize, SMALLEST, sizeFor, smaller } from './shard-size.js';

/** Homes of the only shard when there become more. */
const SPREAD_AT = 10_000;
/** Room of each shard then, for each block it gets if all get as many; they don't. */
const SPREAD_ROOM = 1.06;
const HUGE = -1;
const DEFAULT_SHARDS = 16;

export interface LiveTableOptions {
  /** A power of two, 1 .. 1024; default 16. */
  readonly shards?: number;
  /** Where memory for blocks comes from; a hook on `Int32Array` must not see it. */
  readonly allocate?: (words: number) => Int32Array;
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

  readonly #allocate: (words: number) => Int32Array;
  readonly #spreadCount: number;
  #shards: Shard[];
  /** The first of them: while it is the only one, finding it in the array would take a third of an operation. */
  #first: Shard;
  /** The number of shards is 2 ** this. */
  #shardBits = 0;
  #huge = new Map<number, number>();

  constructor(options: LiveTableOptions = {}) {
    this.#allocate = options.allocate ?? ((words) => new Int32Array(words));
    this.#spreadCount = options.shards ?? DEFAULT_SHARDS;
    this.#first = new Shard(SMALLEST, this.#allocate);
    this.#shards = [this.#first];
  }

  /** Number of live blocks. */
  get size(): number {
    let size = 0;
    for (const shard of this.#shards) size += shard.count;
    return size;
  }

  /** Memory held for blocks, in bytes. */
  get slotBytes(): number {
    let bytes = 0;
    for (const shard of this.#shards) bytes += shard.slots.byteLength;
    return bytes;
  }

  /**
   * Adds a block or replaces the one with this key. Throws what `allocate` throws when there is no memory to grow;
   * the block is then in the table, which must not be added to again.
   *
   * @returns the bytes of the block replaced (its site is then in `site`), or -1 when the key was free
   */
  put(key: number, bytes: number, site: number): number {
    const hash = hashOf(key);
    const shard = this.#shardOf(hash);
    const word = bytes <= 0x7fff_ffff ? bytes : wordOf(bytes);
    const at = shard.put(hash << this.#shardBits, key, word, site);
    if (at !== NOBODY) return this.#replace(shard.slots, at, key, bytes, site);
    if (word === HUGE) this.#huge.set(key >>> 0, bytes);
    if (shard.free === NOBODY) this.#grow(shard);
    return -1;
  }

  /**
   * Removes a block.
   *
   * @returns its bytes (its site is then in `site`), or -1 when there is none with this key
   */
  take(key: number): number {
    const hash = hashOf(key);
    const shard = this.#shardOf(hash);
    const at = shard.take(hash << this.#shardBits, key);
    if (at === NOBODY) return -1;
    const word = shard.slots[at | BYTES]!;
    this.site = ~shard.slots[at | SITE]!;
    if (shard.count < shard.shrinkAt) this.#shrink(shard);
    return word >= 0 ? word : this.#bytesOf(key, word, true);
  }

  has(key: number): boolean {
    const hash = hashOf(key);
    return this.#shardOf(hash).has(hash << this.#shardBits, key);
  }

  /**
   * Does what a journal says, in its order: blocks without a stack, and frees.
   *
   * While there are many blocks each of these operations waits for the memory of its own, one after the other. So all that they
   * will look at is loaded first, which the processor does for many at a time, since nothing there depends on anything.
   *
   * Throws as `put` does; `replayed` then says how far it has come.
   *
   * @param words of `entries` that are used, two for each entry
   * @param live has every block counted that comes and goes
   */
  replay(entries: Int32Array, words: number, live: LiveSites, frees: FreeCounts): void {
    let next = 0;
    try {
      if (this.#shardBits > 0) this.#fetch(entries, words);
      for (; next < words; next += 2) {
        if (this.#shardBits === 0) next = this.#first.replay(entries, next, words, live);
        if (next < words) this.#replayEntry(entries, next, live, frees);
      }
    } finally {
      this.replayed = Math.min(words, next + 2);
    }
  }

  #fetch(entries: Int32Array, words: number): void {
    const shardBits = this.#shardBits;
    let fetched = 0;
    for (let at = 0; at < words; at += 2) {
      const hash = hashOf(entries[at]!);
      fetched ^= this.#shardOf(hash).fetch(hash << shardBits);
    }
    this.site = fetched; // that is, nothing of use: the loads are what counts
  }

  #replayEntry(entries: Int32Array, at: number, live: LiveSites, frees: FreeCounts): void {
    const key = entries[at]!;
    const bytes = entries[at | 1]!;
    if (bytes === FREED) {
      const freed = this.take(key);
      if (freed >= 0) live.remove(this.site, freed);
      else frees.unmatchedFrees++;
    } else {
      live.add(UNCAPTURED, bytes);
      const replaced = this.put(key, bytes, UNCAPTURED);
      if (replaced < 0) return;
      live.remove(this.site, replaced);
      frees.impliedFrees++;
    }
  }

  /** Visits every live block, one shard after the other. REQUIRES: `visit` does not change the table. */
  forEach(visit: (key: number, bytes: number, site: number) => void): void {
    for (const shard of this.#shards) {
      const { slots } = shard;
      shard.forEach((at) => {
        const key = slots[at]! >>> 0;
        visit(key, this.#bytesOf(key, slots[at | BYTES]!, false), slots[at | SITE]!);
      });
    }
  }

  clear(): void {
    this.#huge = new Map();
    this.#shardBits = 0;
    this.#first = new Shard(SMALLEST, this.#allocate);
    this.#shards = [this.#first];
  }

  #shardOf(hash: number): Shard {
    return this.#shardBits === 0 ? this.#first : this.#shards[indexOf(hash, this.#shardBits)]!;
  }

  #replace(slots: Int32Array, at: number, key: number, bytes: number, site: number): number {
    const replaced = this.#bytesOf(key, slots[at | BYTES]!, true);
    this.site = slots[at | SITE]!;
    slots[at | BYTES] = wordOf(bytes);
    slots[at | SITE] = site;
    if (slots[at | BYTES] === HUGE) this.#huge.set(key >>> 0, bytes);
    return replaced;
  }

  /** The size that a word stands for. @param leaving the block is about to be removed or replaced */
  #bytesOf(key: number, word: number, leaving: boolean): number {
    if (word !== HUGE) return word >>> 0;
    const huge = this.#huge.get(key >>> 0)!;
    if (leaving) this.#huge.delete(key >>> 0);
    return huge;
  }

  #grow(shard: Shard): void {
    const isOnly = this.#shards.length < this.#spreadCount;
    if (isOnly && homesOf(shard.size) >= SPREAD_AT) this.#spread();
    else this.#resize(shard, larger(shard.size));
  }

  #shrink(shard: Shard): void {
    shard.shrinkAt = shard.count >> 1; // when to try again should it fail
    try {
      this.#resize(shard, smaller(shard.size));
    } catch {
      // No memory for the smaller array: the larger one does as well.
    }
  }

  /** The memory is taken first, so when there is none nothing has changed. */
  #resize(shard: Shard, size: ShardSize): void {
    const index = this.#shards.indexOf(shard);
    this.#shards[index] = this.#resized(shard, size, this.#shardBits);
    this.#first = this.#shards[0]!;
  }

  #resized(shard: Shard, size: ShardSize, shardBits: number): Shard {
    const resized = new Shard(size, this.#allocate);
    const { slots } = shard;
    shard.forEach((at) => {
      const key = slots[at]!;
      resized.put(hashOf(key) << shardBits, key, slots[at | BYTES]!, slots[at | SITE]!);
    });
    return resized;
  }

  /** From one shard to all of them. */
  #spread(): void {
    const { slots, count } = this.#first;
    const size = sizeFor((count / this.#spreadCount) * SPREAD_ROOM);
    const shards = Array.from({ length: this.#spreadCount }, () => new Shard(size, this.#allocate));
    const bits = Math.log2(this.#spreadCount);
    this.#first.forEach((at) => {
      const key = slots[at]!;
      const hash = hashOf(key);
      const index = indexOf(hash, bits);
      const shard = shards[index]!;
      shard.put(hash << bits, key, slots[at | BYTES]!, slots[at | SITE]!);
      if (shard.free === NOBODY) shards[index] = this.#resized(shard, larger(shard.size), bits);
    });
    this.#shards = shards;
    this.#first = shards[0]!;
    this.#shardBits = bits;
  }
}

/** Number of the shard among 2 ** `bits`, 1 bit at least: the upper bits of the hash, so that all together are as even as one. */
function indexOf(hash: number, bits: number): number {
  return hash >>> (32 - bits);
}

/** What stands for a size in a block, as a signed word. */
function wordOf(bytes: number): number {
  return bytes < 0xffff_ffff ? bytes | 0 : HUGE;
}
