/**
 * The table of live blocks: address (or id) -> bytes and site, as flat memory without an object for each block, drawn
 * in `shard.ts`.
 *
 * Memory: 23.7 bytes a home. A shard grows by an eighth at most when it has 1.115 blocks a home or its cellar is full, so
 * while a program grows that is 21.3 .. 23.9 bytes for a live block (up to 32 after many frees: a shard shrinks
 * below 0.75). A fuller table would cost time, in longer chains.
 *
 * Pauses: one shard is rebuilt at a time. A table begins as one shard, since small shards differ too much in
 * load to keep the figures above, and spreads over all of them when that one has `SPREAD_AT` homes.
 *
 * Invariants:
 *  1. A home is EMPTY exactly when no block has it as its home; else the first such block lies in it.
 *  2. Every slot of a cellar is in the chain of exactly one home or in the chain of free ones.
 *  3. A key is in at most one slot, in the shard that its hash names.
 *  4. The bytes word is `HUGE` exactly when the key is in `#huge`, which then has the size (4 GiB and more).
 *  5. Every shard has a free slot in its cellar, unless there was no memory to grow.
 *
 * Not here: totals, sampling, what a site is (`sites.ts`), when something is counted (`stream.ts`).
 */
import {
  BYTES,
  EMPTY,
  END,
  everySlot,
  hashOf,
  homeOf,
  homesOf,
  insert,
  LINK,
  larger,
  newShard,
  type Shard,
  type ShardSize,
  SITE,
  SMALLEST,
  shardOf,
  sizeFor,
  sizeOf,
  smaller,
} from './shard.js';

const SPREAD_AT = 10_000;
/** Blocks for each home when a shard is new in a spread. */
const SPREAD_LOAD = 1.02;
const HUGE = -1;
const DEFAULT_SHARDS = 16;

export interface LiveTableOptions {
  /** A power of two, 1 .. 1024; default 16. */
  readonly shards?: number;
  /** Where memory for slots comes from; a hook on `Int32Array` must not see it. */
  readonly allocate?: (words: number) => Int32Array;
}

/** Keys are unsigned 32-bit integers, bytes whole numbers from 0 to 2^53 - 1, sites whole numbers below 2^31. */
export class LiveTable {
  /** The site of the block that the last `take` removed or the last `put` replaced. */
  site = -1;

  readonly #allocate: (words: number) => Int32Array;
  readonly #spreadCount: number;
  #shards: Shard[];
  /** The number of shards is 2 ** this. */
  #shardBits = 0;
  #huge = new Map<number, number>();

  constructor(options: LiveTableOptions = {}) {
    this.#allocate = options.allocate ?? ((words) => new Int32Array(words));
    this.#spreadCount = options.shards ?? DEFAULT_SHARDS;
    this.#shards = [newShard(SMALLEST, this.#allocate)];
  }

  /** Number of live blocks. */
  get size(): number {
    let size = 0;
    for (const shard of this.#shards) size += shard.count;
    return size;
  }

  /** Memory held for slots, in bytes. */
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
    const shardBits = this.#shardBits;
    const shard = this.#shards[shardOf(hash, 31 - shardBits)]!;
    const { slots } = shard;
    const home = homeOf(hash, shardBits, shard.factor, shard.shift);
    const first = slots[home | LINK]!;
    let at = home;
    if (first === EMPTY) {
      slots[home | LINK] = END;
    } else {
      if (slots[home] === (key | 0)) return this.#replace(slots, home, key, bytes, site);
      for (let link = first; link !== END; link = slots[link | LINK]!) {
        if (slots[link] === (key | 0)) return this.#replace(slots, link, key, bytes, site);
      }
      at = shard.free;
      shard.free = slots[at | LINK]!;
      slots[at | LINK] = first;
      slots[home | LINK] = at;
    }
    slots[at] = key;
    slots[at | BYTES] = bytes <= 0x7fff_ffff ? bytes : this.#wordOf(key, bytes);
    slots[at | SITE] = site | 0;
    if (++shard.count >= shard.growAt || shard.free === EMPTY) this.#grow(shard);
    return -1;
  }

  /**
   * Removes a block.
   *
   * @returns its bytes (its site is then in `site`), or -1 when there is none with this key
   */
  take(key: number): number {
    const hash = hashOf(key);
    const shardBits = this.#shardBits;
    const shard = this.#shards[shardOf(hash, 31 - shardBits)]!;
    const { slots } = shard;
    const home = homeOf(hash, shardBits, shard.factor, shard.shift);
    let link = slots[home | LINK]!;
    if (link === EMPTY) return -1;
    let bytes: number;
    if (slots[home] === (key | 0)) {
      bytes = slots[home | BYTES]!;
      this.site = slots[home | SITE]!;
      if (link === END) {
        slots[home | LINK] = EMPTY;
      } else {
        // The second block of this home moves into it.
        slots[home] = slots[link]!;
        slots[home | BYTES] = slots[link | BYTES]!;
        slots[home | SITE] = slots[link | SITE]!;
        slots[home | LINK] = slots[link | LINK]!;
        slots[link | LINK] = shard.free;
        shard.free = link;
      }
    } else {
      let before = home;
      for (;;) {
        if (link === END) return -1;
        if (slots[link] === (key | 0)) break;
        before = link;
        link = slots[link | LINK]!;
      }
      bytes = slots[link | BYTES]!;
      this.site = slots[link | SITE]!;
      slots[before | LINK] = slots[link | LINK]!;
      slots[link | LINK] = shard.free;
      shard.free = link;
    }
    if (--shard.count < shard.shrinkAt) this.#shrink(shard);
    return bytes >= 0 ? bytes : this.#bytesOf(key, bytes, true);
  }

  has(key: number): boolean {
    const hash = hashOf(key);
    const shardBits = this.#shardBits;
    const { slots, factor, shift } = this.#shards[shardOf(hash, 31 - shardBits)]!;
    let at = homeOf(hash, shardBits, factor, shift);
    if (slots[at | LINK] === EMPTY) return false;
    while (slots[at] !== (key | 0)) {
      at = slots[at | LINK]!;
      if (at === END) return false;
    }
    return true;
  }

  /** Visits every live block, one shard after the other. REQUIRES: `visit` does not change the table. */
  forEach(visit: (key: number, bytes: number, site: number) => void): void {
    for (const shard of this.#shards) {
      const { slots } = shard;
      everySlot(shard, (at) => {
        const key = slots[at]! >>> 0;
        visit(key, this.#bytesOf(key, slots[at | BYTES]!, false), slots[at | SITE]!);
        return true;
      });
    }
  }

  clear(): void {
    this.#huge = new Map();
    this.#shardBits = 0;
    this.#shards = [newShard(SMALLEST, this.#allocate)];
  }

  #replace(slots: Int32Array, at: number, key: number, bytes: number, site: number): number {
    const replaced = this.#bytesOf(key, slots[at | BYTES]!, true);
    this.site = slots[at | SITE]!;
    slots[at | BYTES] = this.#wordOf(key, bytes);
    slots[at | SITE] = site;
    return replaced;
  }

  /** What stands for a size in a slot. */
  #wordOf(key: number, bytes: number): number {
    if (bytes < 0xffff_ffff) return bytes;
    this.#huge.set(key >>> 0, bytes);
    return HUGE;
  }

  /** The size that a word stands for. @param leaving the block is about to be removed or replaced */
  #bytesOf(key: number, word: number, leaving: boolean): number {
    if (word !== HUGE) return word >>> 0;
    const huge = this.#huge.get(key >>> 0)!;
    if (leaving) this.#huge.delete(key >>> 0);
    return huge;
  }

  #grow(shard: Shard): void {
    if (homesOf(sizeOf(shard)) >= SPREAD_AT && this.#shards.length < this.#spreadCount) this.#spread();
    else this.#enlarge(shard, this.#shardBits);
  }

  #enlarge(shard: Shard, shardBits: number): void {
    // More than one step only for keys that share homes as no program's do by chance.
    for (let size = larger(sizeOf(shard)); !this.#resize(shard, size, shardBits); size = larger(size));
    // Those must not make it shrink at once.
    shard.shrinkAt = Math.min(shard.shrinkAt, shard.count >> 1);
  }

  #shrink(shard: Shard): void {
    shard.shrinkAt = shard.count >> 1; // when to try again should it fail
    try {
      this.#resize(shard, smaller(sizeOf(shard)), this.#shardBits);
    } catch {
      // No memory for the smaller array: the larger one does as well.
    }
  }

  /**
   * Gives a shard another number of homes. The memory is taken first, so when there is none nothing has changed.
   *
   * @returns whether the blocks fit; if not, nothing has changed
   */
  #resize(shard: Shard, size: ShardSize, shardBits: number): boolean {
    const resized = newShard(size, this.#allocate);
    const { slots } = shard;
    if (!everySlot(shard, (at) => copySlot(slots, at, resized, shardBits))) return false;
    Object.assign(shard, resized);
    return true;
  }

  /** From one shard to all of them. */
  #spread(): void {
    const [only] = this.#shards as [Shard];
    const size = sizeFor(only.count / SPREAD_LOAD / this.#spreadCount);
    const shards = Array.from({ length: this.#spreadCount }, () => newShard(size, this.#allocate));
    const bits = Math.log2(this.#spreadCount);
    everySlot(only, (at) => {
      const shard = shards[shardOf(hashOf(only.slots[at]!), 31 - bits)]!;
      if (!copySlot(only.slots, at, shard, bits)) this.#enlarge(shard, bits);
      return true;
    });
    this.#shards = shards;
    this.#shardBits = bits;
  }
}

/** @returns whether there is room for another */
function copySlot(from: Int32Array, at: number, to: Shard, shardBits: number): boolean {
  const key = from[at]!;
  const home = homeOf(hashOf(key), shardBits, to.factor, to.shift);
  return insert(to, home, key, from[at | BYTES]!, from[at | SITE]!);
}
