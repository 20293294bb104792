/**
 * Which home a key has, while homes are added one at a time (linear hashing): with `2 ** n` homes a key's home is the low n bits
 * of its hash. Home `2 ** n` is added by splitting home 0, `2 ** n + 1` by splitting home 1, and so on: the keys of a home that
 * was split have one bit more, the others do not yet. So a table grows by a few homes at a time, and no key moves but
 * those of the homes that are split.
 *
 *     |  split: n + 1 bits  |  not yet: n bits  |  added: n + 1 bits  |
 *     0                     homes - top         top = 2 ** n          homes
 *
 * W. Litwin, "Linear hashing: a new tool for file and table addressing", VLDB 1980; P.-A. Larson, "Dynamic hash tables",
 * CACM 31(4), 1988, for tables in main memory.
 */
import { FIRST_HOME, GROUP_HOMES, GROUP_WORDS, HASH_FACTOR, HASH_FOLD, HASH_SHIFT } from './block-words.js';

/**
 * A multiplier alone spreads some strides of addresses perfectly and others into a few heaps; its upper bits are the good
 * ones, which the last step brings down. The numbers were searched for: of runs of 700 to 50,000 keys with any of 700 strides none
 * had a quarter more pairs of keys in one home than random keys would.
 */
export function hashOf(key: number): number {
  const product = Math.imul(key ^ (key >>> HASH_SHIFT), HASH_FACTOR);
  return product ^ (product >>> HASH_FOLD);
}

/** The largest power of two that is not above the number of homes. */
export function topOf(homes: number): number {
  return 1 << (31 - Math.clz32(homes));
}

/** Word index of a key's home, without a branch, which could not be predicted. */
export function homeOf(key: number, homes: number, top: number): number {
  const long = hashOf(key) & ((top << 1) - 1);
  return wordOfHome((long - (top & ((homes + ~long) >> 31))) | 0);
}

/** Word index of a home. */
export function wordOfHome(home: number): number {
  return (home + Math.imul(home & -GROUP_HOMES, GROUP_WORDS / GROUP_HOMES - 1) + FIRST_HOME) | 0;
}
