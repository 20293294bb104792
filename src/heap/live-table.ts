/**
 * The table of live blocks: address (or id) -> bytes and site, as flat memory without an object for each block.
 *
 * A shard is one `Int32Array` of buckets (drawn in `bucket.ts`), each a cache line with the key, bytes and site of five
 * blocks, so that an operation usually touches one line and takes few branches that the processor can't foresee.
 *
 * Memory: 12.8 bytes a place. A shard grows by an eighth when its load passes 0.61, so while a program grows the load
 * is 0.54 .. 0.61: 21 .. 23.7 bytes for a live block (up to 29 after many frees: a shard shrinks below 0.45). A
 * fuller table would cost time, mostly in blocks that pass by full buckets.
 *
 * Pauses: one shard is rebuilt at a time. A table begins as one shard, since small shards differ too much in
 * load to keep the figures above, and spreads over all of them when that one reaches `SPREAD_AT` buckets.
 *
 * Invariants:
 *  1. A place holds a block exactly when its tag is not 0.
 *  2. A block is in its home bucket, or in a later one (the last is followed by the first), and then each bucket from
 *     home to there has counted it as passing by. A count that reached `MOST_PASSED` is not exact and stays.
 *  3. A key is in at most one place, in the shard that its hash names.
 *  4. The bytes word is `HUGE` exactly when the key is in `#huge`, which then has the size (4 GiB and more).
 *  5. Every shard has an empty place.
 *
 * Not here: totals, sampling, what a site is (`sites.ts`), when something is counted (`stream.ts`).
 */
import {
  after,
  BUCKET_WORDS,
  COLUMN,
  claim,
  find,
  forEachPlace,
  hashOf,
  highestBit,
  homeOf,
  KEYS,
  MOST_PASSED,
  mayHold,
  ONES,
  PASSED_ONE,
  PASSED_SHIFT,
  PLACES,
  placeOf,
  shardOf,
  tagOf,
  zeroTags,
} from './bucket.js';

const MIN_BUCKETS = 4;
const SPREAD_AT = 3_000;
const GROW_LOAD = 0.61;
const SHRINK_LOAD = 0.45;
const RESIZE = 1.125;
const HUGE = -1;
const DEFAULT_SHARDS = 16;

interface Shard {
  slots: Int32Array;
  count: number;
  growAt: number;
  shrinkAt: number;
  /** buckets / 2^32: hash times this is the home bucket ("fastrange"), so their number can be any. */
  scale: number;
}

export interface LiveTableOptions {
  /** A power of two, 1 .. 1024; default 16. */
  readonly shards?: number;
  /** Where memory for buckets comes from; a hook on `Int32Array` must not see it. */
  readonly allocate?: (words: number) => Int32Array;
}

/** Keys are unsigned 32-bit integers, bytes whole numbers from 0 to 2^53 - 1, sites whole numbers below 2^31. */
export class LiveTable {
  /** The site of the block that the last `take` removed or the last `put` replaced. */
  site = -1;

  readonly #allocate: (words: number) => Int32Array;
  readonly #spreadCount: number;
  #shards: Shard[];
  /** Number of shards - 1. */
  #mask = 0;
  #huge = new Map<number, number>();

  constructor(options: LiveTableOptions = {}) {
    this.#allocate = options.allocate ?? ((words) => new Int32Array(words));
    this.#spreadCount = options.shards ?? DEFAULT_SHARDS;
    this.#shards = [this.#newShard(MIN_BUCKETS)];
  }

  /** Number of live blocks. */
  get size(): number {
    let size = 0;
    for (const shard of this.#shards) size += shard.count;
    return size;
  }

  /** Memory held for buckets, in bytes. */
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
    const shard = this.#shards[shardOf(hash, this.#mask)]!;
    const slots = shard.slots;
    const home = homeOf(hash, shard.scale);
    const word = slots[home]!;
    const tag = tagOf(hash);
    const empty = zeroTags(word);
    const hits = zeroTags(word ^ Math.imul(tag, ONES));
    const isElsewhere = word >>> PASSED_SHIFT !== 0 || empty === 0;
    if (isElsewhere || bytes > 0x7fff_ffff || (hits !== 0 && mayHold(slots, home, hits, key))) {
      return this.#putAnywhere(shard, hash, home, key, bytes, site);
    }
    const bit = highestBit(empty);
    const at = home + KEYS + placeOf(bit);
    slots[home] = word | (tag << (bit - 4));
    slots[at] = key;
    slots[at + COLUMN] = bytes;
    slots[at + 2 * COLUMN] = site;
    if (++shard.count >= shard.growAt) this.#grow(shard);
    return -1;
  }

  /**
   * Removes a block.
   *
   * @returns its bytes (its site is then in `site`), or -1 when there is none with this key
   */
  take(key: number): number {
    const hash = hashOf(key);
    const shard = this.#shards[shardOf(hash, this.#mask)]!;
    const slots = shard.slots;
    const home = homeOf(hash, shard.scale);
    const word = slots[home]!;
    const hits = zeroTags(word ^ Math.imul(tagOf(hash), ONES));
    if (hits === 0) return this.#takeAnywhere(shard, hash, home, key);
    const bit = highestBit(hits);
    const at = home + KEYS + placeOf(bit);
    const bytes = slots[at + COLUMN]!;
    if (slots[at] !== (key | 0) || bytes < 0) return this.#takeAnywhere(shard, hash, home, key);
    slots[home] = word & ~(31 << (bit - 4));
    this.site = slots[at + 2 * COLUMN]!;
    if (--shard.count < shard.shrinkAt) this.#shrink(shard);
    return bytes;
  }

  has(key: number): boolean {
    const hash = hashOf(key);
    const { slots, scale } = this.#shards[shardOf(hash, this.#mask)]!;
    return find(slots, key, hash, homeOf(hash, scale)) >= 0;
  }

  /** Visits every live block, one shard after the other. REQUIRES: `visit` does not change the table. */
  forEach(visit: (key: number, bytes: number, site: number) => void): void {
    for (const { slots } of this.#shards) {
      forEachPlace(slots, (at) => visit(slots[at]! >>> 0, this.#bytesAt(slots, at), slots[at + 2 * COLUMN]!));
    }
  }

  clear(): void {
    this.#huge = new Map();
    this.#mask = 0;
    this.#shards = [this.#newShard(MIN_BUCKETS)];
  }

  /** `put` where the key may be there already, or its home is full, or the block is 2 GiB or more. */
  #putAnywhere(shard: Shard, hash: number, home: number, key: number, bytes: number, site: number): number {
    const { slots } = shard;
    let at = find(slots, key, hash, home);
    let replaced = -1;
    if (at >= 0) {
      replaced = this.#bytesAt(slots, at, true);
      this.site = slots[at + 2 * COLUMN]!;
    } else {
      at = claim(slots, hash, home);
      slots[at] = key;
      shard.count++;
    }
    const huge = bytes >= 0xffff_ffff;
    if (huge) this.#huge.set(key >>> 0, bytes);
    slots[at + COLUMN] = huge ? HUGE : bytes;
    slots[at + 2 * COLUMN] = site;
    if (shard.count >= shard.growAt) this.#grow(shard);
    return replaced;
  }

  /** `take` where the block may be beyond its home, or is 2 GiB or more. */
  #takeAnywhere(shard: Shard, hash: number, home: number, key: number): number {
    const { slots } = shard;
    const at = find(slots, key, hash, home);
    if (at < 0) return -1;
    const bytes = this.#bytesAt(slots, at, true);
    this.site = slots[at + 2 * COLUMN]!;
    const bucket = at - (at % BUCKET_WORDS);
    slots[bucket]! &= ~(31 << (5 * (at - bucket - KEYS)));
    for (let passed = home; passed !== bucket; passed = after(slots, passed)) {
      if (slots[passed]! >>> PASSED_SHIFT < MOST_PASSED) slots[passed]! -= PASSED_ONE;
    }
    if (--shard.count < shard.shrinkAt) this.#shrink(shard);
    return bytes;
  }

  /** @param leaving the block is about to be removed or replaced */
  #bytesAt(slots: Int32Array, at: number, leaving = false): number {
    const bytes = slots[at + COLUMN]!;
    if (bytes !== HUGE) return bytes >>> 0;
    const key = slots[at]! >>> 0;
    const huge = this.#huge.get(key)!;
    if (leaving) this.#huge.delete(key);
    return huge;
  }

  #newShard(buckets: number): Shard {
    const shard: Shard = { slots: NO_SLOTS, count: 0, growAt: 0, shrinkAt: 0, scale: 0 };
    this.#resize(shard, buckets);
    return shard;
  }

  #grow(shard: Shard): void {
    const buckets = shard.slots.length / BUCKET_WORDS;
    if (buckets >= SPREAD_AT && this.#shards.length < this.#spreadCount) this.#spread();
    else this.#resize(shard, buckets * RESIZE);
  }

  #shrink(shard: Shard): void {
    try {
      this.#resize(shard, Math.floor(shard.slots.length / BUCKET_WORDS / RESIZE));
    } catch {
      shard.shrinkAt = 0; // no memory for the smaller array: the larger one does as well
    }
  }

  /** Gives a shard a new number of buckets. The memory is taken first, so when there is none nothing has changed. */
  #resize(shard: Shard, wanted: number): void {
    const buckets = Math.max(MIN_BUCKETS, Math.ceil(wanted));
    const old = shard.slots;
    shard.slots = this.#allocate(buckets * BUCKET_WORDS);
    shard.scale = buckets / 0x1_0000_0000;
    shard.growAt = Math.floor(buckets * PLACES * GROW_LOAD);
    shard.shrinkAt = buckets === MIN_BUCKETS ? 0 : Math.floor(buckets * PLACES * SHRINK_LOAD);
    forEachPlace(old, (at) => copyPlace(old, at, shard));
  }

  /** From one shard to all of them. */
  #spread(): void {
    const [only] = this.#shards as [Shard];
    const share = (only.count * RESIZE) / GROW_LOAD / PLACES / this.#spreadCount;
    const shards = Array.from({ length: this.#spreadCount }, () => this.#newShard(share));
    const mask = this.#spreadCount - 1;
    forEachPlace(only.slots, (at) => {
      const shard = shards[shardOf(hashOf(only.slots[at]!), mask)]!;
      copyPlace(only.slots, at, shard);
      if (++shard.count >= shard.growAt) this.#resize(shard, (shard.slots.length / BUCKET_WORDS) * RESIZE);
    });
    this.#shards = shards;
    this.#mask = mask;
  }
}

const NO_SLOTS = new Int32Array(0);

function copyPlace(from: Int32Array, place: number, shard: Shard): void {
  const { slots } = shard;
  const hash = hashOf(from[place]!);
  const at = claim(slots, hash, homeOf(hash, shard.scale));
  slots[at] = from[place]!;
  slots[at + COLUMN] = from[place + COLUMN]!;
  slots[at + 2 * COLUMN] = from[place + 2 * COLUMN]!;
}
