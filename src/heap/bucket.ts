/**
 * The buckets that a shard of the live table is made of, an `Int32Array` of 16 words (a cache line) for each:
 *
 *     word    0      1 .. 5    6 .. 10    11 .. 15
 *          +------+----------+----------+----------+
 *          | tags |   keys   |  bytes   |  sites   |
 *          +------+----------+----------+----------+
 *
 *     tags    31 .. 25   24 .. 20  19 .. 15  14 .. 10  9 .. 5   4 .. 0
 *          +-----------+---------+---------+---------+--------+--------+
 *          | passed by |  tag 4  |  tag 3  |  tag 2  | tag 1  | tag 0  |
 *          +-----------+---------+---------+---------+--------+--------+
 *
 * A tag is 0 for an empty place, else five bits of the key's hash; one addition compares all five at once. A
 * block whose home bucket is full goes to the next one with room, and every bucket it passed by counts that, so a
 * search goes on only where something went on, and nothing is moved and no tombstone left when a block goes.
 *
 * Not here: how many buckets there are, and block counts (`live-table.ts`).
 */

export const PLACES = 5;
export const BUCKET_WORDS = 16;
export const KEYS = 1;
/** From a key's word to its bytes, and from those to its site. */
export const COLUMN = PLACES;

/** The lowest, the highest and the lower four bits of each tag. */
export const ONES = 0x0010_8421;
const HIGHS = ONES << 4;
const LOWS = ONES * 15;
export const PASSED_SHIFT = 25;
export const PASSED_ONE = 1 << PASSED_SHIFT;
export const MOST_PASSED = 127;

/**
 * Fibonacci hashing, which spreads rising addresses evenly. Its best bits are at the top and choose the bucket; shard
 * and tag come from lower ones, so that a shard's blocks may have any home. Those depend on no higher bit of the
 * product's input, hence the upper half of the key is folded into the lower one, where aligned addresses have zeros.
 */
export function hashOf(key: number): number {
  return Math.imul(key ^ (key >>> 16), 0x9e3779b1);
}

export function shardOf(hash: number, mask: number): number {
  return (hash >>> 4) & mask;
}

/** Word index of the home bucket. */
export function homeOf(hash: number, scale: number): number {
  return (((hash >>> 0) * scale) | 0) * BUCKET_WORDS;
}

/** 1 .. 31 */
export function tagOf(hash: number): number {
  return 1 + (Math.imul(hash & 0xffff, 31) >>> 16);
}

/** A bit at the top of each tag that is 0: adding 15 to the lower bits of a tag carries unless they are all 0. */
export function zeroTags(word: number): number {
  return ~(((word & LOWS) + LOWS) | word) & HIGHS;
}

export function highestBit(bits: number): number {
  return 31 - Math.clz32(bits);
}

/** From the number of a tag's top bit (4, 9, 14, 19, 24) to its place (0 .. 4), without a division. */
export function placeOf(bit: number): number {
  return (bit * 13) >>> 6;
}

export function after(slots: Int32Array, bucket: number): number {
  const next = bucket + BUCKET_WORDS;
  return next === slots.length ? 0 : next;
}

/** Whether the key is in the bucket, or can't be told quickly: the tag of one place agrees, or of several. */
export function mayHold(slots: Int32Array, bucket: number, hits: number, key: number): boolean {
  return (hits & (hits - 1)) !== 0 || slots[bucket + KEYS + placeOf(highestBit(hits))] === (key | 0);
}

/** Word index of the key, or -1. */
export function find(slots: Int32Array, key: number, hash: number, home: number): number {
  const pattern = Math.imul(tagOf(hash), ONES);
  let bucket = home;
  do {
    let hits = zeroTags(slots[bucket]! ^ pattern);
    while (hits !== 0) {
      const bit = highestBit(hits);
      const at = bucket + KEYS + placeOf(bit);
      if (slots[at] === (key | 0)) return at;
      hits ^= 1 << bit;
    }
    if (slots[bucket]! >>> PASSED_SHIFT === 0) return -1;
    bucket = after(slots, bucket);
  } while (bucket !== home);
  return -1;
}

/** Takes a place for a key with this hash. REQUIRES: the key is not in the shard, a place is empty. */
export function claim(slots: Int32Array, hash: number, home: number): number {
  let bucket = home;
  for (;;) {
    const word = slots[bucket]!;
    const empty = zeroTags(word);
    if (empty !== 0) {
      const bit = highestBit(empty);
      slots[bucket] = word | (tagOf(hash) << (bit - 4));
      return bucket + KEYS + placeOf(bit);
    }
    if (word >>> PASSED_SHIFT < MOST_PASSED) slots[bucket] = word + PASSED_ONE;
    bucket = after(slots, bucket);
  }
}

/** Visits the word index of every key. */
export function forEachPlace(slots: Int32Array, visit: (at: number) => void): void {
  for (let bucket = 0; bucket < slots.length; bucket += BUCKET_WORDS) {
    const word = slots[bucket]!;
    for (let place = 0; place < PLACES; place++) {
      if (((word >>> (5 * place)) & 31) !== 0) visit(bucket + KEYS + place);
    }
  }
}
