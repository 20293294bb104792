/**
 * The chains of blocks that `block-words.ts` draws: adding a block, removing one, and the steps of growing. WebAssembly does the
 * first two for journals (`replay-program.ts`).
 *
 * They cost what their cache misses and their branches that can't be predicted cost. With `nobody`, whose key is made to differ from
 * the one looked for, the first two blocks of a chain are told apart without a branch; that a chain is no longer, which holds
 * for 9 of 10, can be predicted. The block freed last is taken first, while it is in the cache.
 */
import { hashOf, topOf, wordOfHome } from './block-homes.js';
import {
  BLOCK_WORDS,
  BYTES,
  COUNT,
  FIRST_HOME,
  FREE,
  GROUP_BLOCKS,
  GROUP_WORDS,
  LINK,
  NOBODY,
  SITE,
} from './block-words.js';

/**
 * Adds a block unless there is one with this key, which stays as it is. REQUIRES: a block is free
 *
 * @param home word index of the key's home
 * @returns word index of the block that has the key already, or NOBODY
 */
export function insertBlock(
  words: Int32Array,
  home: number,
  key: number,
  bytes: number,
  site: number,
): number {
  words[NOBODY] = ~key;
  const first = words[home]!;
  const second = words[first | LINK]!;
  if (words[first] === (key | 0)) return first;
  if (words[second] === (key | 0)) return second;
  for (let at = words[second | LINK]!; at !== NOBODY; at = words[at | LINK]!) {
    if (words[at] === (key | 0)) return at;
  }
  const at = words[FREE]!;
  words[FREE] = words[at | LINK]!;
  words[at] = key;
  words[at | BYTES] = bytes;
  words[at | SITE] = site;
  words[at | LINK] = first;
  words[home] = at;
  words[COUNT]!++;
  return NOBODY;
}

/**
 * Frees a block, whose bytes can still be read, and whose site is inverted.
 *
 * @param home word index of the key's home
 * @returns its word index, or NOBODY when there is none with this key
 */
export function removeBlock(words: Int32Array, home: number, key: number): number {
  words[NOBODY] = ~key;
  const first = words[home]!;
  // All ones unless the first block is it.
  const difference = words[first]! ^ key;
  const isOther = (difference | (0 - difference)) >> 31;
  let at = first ^ ((first ^ words[first | LINK]!) & isOther);
  let reference = home ^ ((home ^ (first | LINK)) & isOther);
  while (words[at] !== (key | 0)) {
    if (at === NOBODY) return NOBODY;
    reference = at | LINK;
    at = words[reference]!;
  }
  words[reference] = words[at | LINK]!;
  words[at | SITE] = ~words[at | SITE]!;
  words[at | LINK] = words[FREE]!;
  words[FREE] = at;
  words[COUNT]!--;
  return at;
}

/** Chains the blocks of groups that are new, and all 0, as free ones, in front of those that there are. */
export function addBlocks(words: Int32Array, from: number, to: number): void {
  for (let group = to - 1; group >= from; group--) {
    for (let at = (GROUP_BLOCKS - 1) * BLOCK_WORDS; at >= 0; at -= BLOCK_WORDS) {
      const block = group * GROUP_WORDS + at;
      if (block === NOBODY) return;
      words[block | SITE] = -1;
      words[block | LINK] = words[FREE]!;
      words[FREE] = block;
    }
  }
}

/** Adds a home: moves there whom the home that has been theirs so far, lower by a power of two, is no longer for. */
export function splitHome(words: Int32Array, home: number): void {
  const bit = topOf(home);
  let stays = wordOfHome(home - bit);
  let leaves = wordOfHome(home);
  for (let at = words[stays]!; at !== NOBODY; at = words[at | LINK]!) {
    if ((hashOf(words[at]!) & bit) === 0) {
      words[stays] = at;
      stays = at | LINK;
    } else {
      words[leaves] = at;
      leaves = at | LINK;
    }
  }
  words[stays] = NOBODY;
  words[leaves] = NOBODY;
}

/** Visits the word index of every block that is not free, in order of memory. */
export function forEachBlock(words: Int32Array, groups: number, visit: (at: number) => void): void {
  for (let group = 0; group < groups; group++) {
    const first = group * GROUP_WORDS;
    for (let at = first; at < first + FIRST_HOME; at += BLOCK_WORDS) {
      if (at !== NOBODY && words[at | SITE]! >= 0) visit(at);
    }
  }
}
