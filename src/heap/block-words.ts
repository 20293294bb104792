/**
 * The memory of a shard of the live table, one `Int32Array`:
 *
 *     |  nobody  |  homes, one word for each value of `homeOf`  |  blocks, four words each: 0.8 as many as homes  |
 *
 *     home     the first block of the chain of keys that have this home, or NOBODY
 *     block    |  key  |  bytes  |  site   |  link: the next block of the same home, or NOBODY  |
 *     free     |  -    |  -      |  ~site  |  link: the next free block, or NOBODY  |
 *     nobody   a block that ends every chain; its link leads to itself
 *
 * and that of a journal, another: two words for each entry, `key bytes` or `key FREED`.
 *
 * Nothing is imported here: the bundler puts constants in place only if they are the first thing in their file.
 */

/** Word index of the block that is none. New memory is all zeros, so homes are empty. */
export const NOBODY = 0;
export const BYTES = 1;
export const SITE = 2;
export const LINK = 3;
export const BLOCK_WORDS = 4;
/** In the place of bytes in a journal. */
export const FREED = -1;
/** Bits of a hash that choose the home. */
export const HOME_BITS = 28;
