/**
 * The memory of a live table: groups of 64 words (256 bytes, four cache lines), one after the other, each with 12 blocks and 16
 * homes. All references are word indices, so that the whole can be copied elsewhere as it is, and grow at its end.
 *
 *     |  block 0  |  block 1  |  ...  |  block 11  |  home 0 .. 15  |  block 12  |  ...  |  home 16 .. 31  |  ...
 *
 *     home     the first block of the chain of keys that have this home, or NOBODY
 *     block    |  key  |  bytes  |  site   |  link: the next block of the same home, or NOBODY  |
 *     free     |  -    |  -      |  ~site  |  link: the next free block, or NOBODY  |
 *     nobody   |  ~key looked for  |  number of blocks  |  first free block  |  NOBODY  |     block 0, which ends every chain
 *
 * In the memory of a WebAssembly program that replays a journal the table comes last, by address in bytes:
 *
 *     0      the journal's entries, two words each: `key bytes` or `key FREED`
 *     4096   sums, numbers of 64 bits each: live bytes and blocks, the mark's bytes and blocks, allocated bytes, freed since the mark
 *     4160   the table
 *
 * Nothing is imported here: the bundler puts constants in place only if they are the first thing in their file.
 */

/** Word index of the block that is none. New memory is all zeros, so homes are empty. */
export const NOBODY = 0;
export const BYTES = 1;
export const SITE = 2;
export const LINK = 3;
export const BLOCK_WORDS = 4;
/** Of `nobody`: the number of blocks, and the first free one. */
export const COUNT = 1;
export const FREE = 2;
/** In the place of bytes in a journal. */
export const FREED = -1;

export const GROUP_WORDS = 64;
export const GROUP_HOMES = 16;
/** Where the homes of a group begin. */
export const FIRST_HOME = 48;
/** Blocks to a group. */
export const GROUP_BLOCKS = 12;

/** Entries of a journal: long enough for cache misses to overlap, and short enough to stay in the cache itself. */
export const MOST_ENTRIES = 512;
export const SUMS_AT = 4096;
export const SUMS = 6;
export const TABLE_AT = 4160;

/** See `hashOf` in `block-homes.ts`. */
export const HASH_FACTOR = 0x7b440f25;
export const HASH_SHIFT = 4;
export const HASH_FOLD = 17;
