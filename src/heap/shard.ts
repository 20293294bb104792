/**
 * A shard of the live table: blocks by key in one `Int32Array`, chained by their hashes, as drawn in `block-words.ts`.
 *
 * All references are word indices in the same array, so that "where the reference to this block stands" is a number as
 * well, be it a home or a link. With that and `nobody`, whose key is made to differ from the one looked for, the first two
 * blocks of a chain are told apart without a branch: what an operation costs here is branches that can't be predicted,
 * and that a chain is no longer, which holds for 96 %, can be. Blocks stay in the order in which they came, also when the
 * shard grows, since what came together often goes together; the block freed last is taken first, while it is in the cache.
 *
 * Invariants, between calls:
 *  1. Every block is in the chain of exactly one home, the one of its key, or in the chain of free ones.
 *  2. No key is in two blocks that are not free.
 *
 * Not here: which keys belong to this shard, what a word of bytes stands for, and when the shard grows (`live-table.ts`).
 */
import { BLOCK_WORDS, BYTES, FREED, HOME_BITS, LINK, NOBODY, SITE } from './block-words.js';
import { type LiveSites, UNCAPTURED } from './live-sites.js';
import { homesOf, roomOf, type ShardSize, shrinkAt } from './shard-size.js';

/**
 * Multiplicative hashing; the upper bits are the good ones. A multiplier alone spreads some strides of addresses
 * perfectly and others into a few heaps. This pair of shift and multiplier was searched for: of runs of keys with
 * any of 400 strides none filled the homes less evenly than random keys would.
 */
export function hashOf(key: number): number {
  return Math.imul(key ^ (key >>> 3), 0xbcee67b1);
}

/**
 * Word index of a home: the hash as a fraction, times the number of homes, in whole numbers that fit 32 bits.
 *
 * @param hash of which the upper bits count
 */
function homeOf(hash: number, factor: number, shift: number): number {
  return BLOCK_WORDS + (Math.imul(hash >>> 4, factor) >>> shift);
}

export class Shard {
  slots: Int32Array;
  count = 0;
  /** Below this number of blocks it is too large. */
  shrinkAt: number;
  /** The first free block; NOBODY when it is full. */
  free: number;
  /** There are `#factor << (HOME_BITS - #shift)` homes. */
  readonly #factor: number;
  readonly #shift: number;

  /** @param allocate memory for so many words, all 0 */
  constructor(size: ShardSize, allocate: (words: number) => Int32Array) {
    const first = BLOCK_WORDS + homesOf(size);
    const slots = allocate(first + roomOf(size) * BLOCK_WORDS);
    for (let at = first; at < slots.length; at += BLOCK_WORDS) {
      slots[at | SITE] = -1;
      slots[at | LINK] = at + BLOCK_WORDS;
    }
    slots[slots.length - BLOCK_WORDS + LINK] = NOBODY;
    this.slots = slots;
    this.free = first;
    this.shrinkAt = shrinkAt(size);
    this.#factor = size.factor;
    this.#shift = HOME_BITS - size.doublings;
  }

  get size(): ShardSize {
    return { factor: this.#factor, doublings: HOME_BITS - this.#shift };
  }

  /**
   * Adds a block unless there is one with this key, which stays as it is. REQUIRES: a block is free
   *
   * @returns the word index of the block that has the key already, or NOBODY
   */
  put(hash: number, key: number, bytes: number, site: number): number {
    const { slots } = this;
    const home = homeOf(hash, this.#factor, this.#shift);
    slots[NOBODY] = ~key;
    const first = slots[home]!;
    const second = slots[first | LINK]!;
    if (slots[first] === (key | 0)) return first;
    if (slots[second] === (key | 0)) return second;
    for (let at = slots[second | LINK]!; at !== NOBODY; at = slots[at | LINK]!) {
      if (slots[at] === (key | 0)) return at;
    }
    const at = this.free;
    this.free = slots[at | LINK]!;
    slots[at] = key;
    slots[at | BYTES] = bytes;
    slots[at | SITE] = site;
    slots[at | LINK] = first;
    slots[home] = at;
    this.count++;
    return NOBODY;
  }

  /**
   * Frees a block, whose bytes can still be read, and whose site is inverted.
   *
   * @returns its word index, or NOBODY when there is none with this key
   */
  take(hash: number, key: number): number {
    const { slots } = this;
    const home = homeOf(hash, this.#factor, this.#shift);
    slots[NOBODY] = ~key;
    const first = slots[home]!;
    // All ones unless the first block is it.
    const difference = slots[first]! ^ key;
    const isOther = (difference | (0 - difference)) >> 31;
    let at = first ^ ((first ^ slots[first | LINK]!) & isOther);
    let reference = home ^ ((home ^ (first | LINK)) & isOther);
    while (slots[at] !== (key | 0)) {
      if (at === NOBODY) return NOBODY;
      reference = at | LINK;
      at = slots[reference]!;
    }
    slots[reference] = slots[at | LINK]!;
    slots[at | SITE] = ~slots[at | SITE]!;
    slots[at | LINK] = this.free;
    this.free = at;
    this.count--;
    return at;
  }

  /**
   * Does what `put` and `take` do for entries of a journal, one after the other, with everything at hand in one loop: a
   * call for each would take as long as the work. Ends before the first entry that is not of the usual kind: a key that is live
   * already or not at all, a block of a captured site or of 2 GiB and more, a shard that is full or nearly empty.
   *
   * REQUIRES: all keys belong to this shard, whose hashes are not shifted
   *
   * @param next word index of the first entry
   * @param words where the entries end
   * @returns word index of the first entry that was not done
   */
  replay(entries: Int32Array, next: number, words: number, live: LiveSites): number {
    const { slots, shrinkAt } = this;
    let { bytes: liveBytes, blocks: liveBlocks, peakBytes, peakBlocks } = live;
    let freedSincePeak = false;
    const factor = this.#factor;
    const shift = this.#shift;
    let { free, count } = this;
    let at = next;
    for (; at < words; at += 2) {
      const key = entries[at]!;
      const bytes = entries[at | 1]!;
      const home = homeOf(hashOf(key), factor, shift);
      slots[NOBODY] = ~key;
      const first = slots[home]!;
      const second = slots[first | LINK]!;
      if (bytes === FREED) {
        const difference = slots[first]! ^ key;
        const isOther = (difference | (0 - difference)) >> 31;
        let block = first ^ ((first ^ second) & isOther);
        let reference = home ^ ((home ^ (first | LINK)) & isOther);
        while (slots[block] !== key && block !== NOBODY) {
          reference = block | LINK;
          block = slots[reference]!;
        }
        const freed = slots[block | BYTES]!;
        if (block === NOBODY || slots[block | SITE] !== UNCAPTURED || freed < 0 || count <= shrinkAt) break;
        slots[reference] = slots[block | LINK]!;
        slots[block | SITE] = ~UNCAPTURED;
        slots[block | LINK] = free;
        free = block;
        count--;
        liveBytes -= freed;
        liveBlocks--;
        freedSincePeak = true;
      } else {
        const nextFree = slots[free | LINK]!;
        let other = second;
        while (slots[other] !== key && other !== NOBODY) other = slots[other | LINK]!;
        if (slots[first] === key || other !== NOBODY || nextFree === NOBODY) break;
        slots[free] = key;
        slots[free | BYTES] = bytes;
        slots[free | SITE] = UNCAPTURED;
        slots[free | LINK] = first;
        slots[home] = free;
        free = nextFree;
        count++;
        liveBytes += bytes;
        liveBlocks++;
        if (liveBytes > peakBytes) {
          peakBytes = liveBytes;
          peakBlocks = liveBlocks;
          freedSincePeak = false;
        }
      }
    }
    this.free = free;
    this.count = count;
    live.passed(liveBytes, liveBlocks, peakBytes, peakBlocks, freedSincePeak);
    return at;
  }

  has(hash: number, key: number): boolean {
    const { slots } = this;
    let at = slots[homeOf(hash, this.#factor, this.#shift)]!;
    while (at !== NOBODY && slots[at] !== (key | 0)) at = slots[at | LINK]!;
    return at !== NOBODY;
  }

  /**
   * Loads what an operation on a key will look at into the cache.
   *
   * @returns something made of it, for the sake of which the loads can't be left out
   */
  fetch(hash: number): number {
    const { slots } = this;
    const first = slots[homeOf(hash, this.#factor, this.#shift)]!;
    return slots[slots[first | LINK]!]!;
  }

  /** Visits the word index of every block, in order of memory. */
  forEach(visit: (at: number) => void): void {
    const { slots } = this;
    const first = BLOCK_WORDS + homesOf(this.size);
    for (let at = first; at < slots.length; at += BLOCK_WORDS) if (slots[at | SITE]! >= 0) visit(at);
  }
}
