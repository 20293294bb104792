/**
 * The sizes that a shard of the live table can have: numbers of homes in steps of an eighth at most, each of them such that
 * a hash is turned into a home by a multiplication and a shift.
 */

/**
 * A number of homes: `factor << doublings`, with a factor of 8 .. 15; below `EIGHTHS_FROM` doublings 8 alone, so that every
 * number is a multiple of 4.
 */
export interface ShardSize {
  readonly factor: number;
  readonly doublings: number;
}

const LEAST_FACTOR = 8;
export const SMALLEST: ShardSize = { factor: LEAST_FACTOR, doublings: 0 };
const EIGHTHS_FROM = 2;

/** Blocks for each home at most. With it a block, its share of the homes and an eighth of both stay below 24 bytes. */
const LOAD = 0.8;
/** With fewer blocks than this share of the room of the size below, that one will do. */
const SHRINK_SHARE = 0.77;

export function homesOf({ factor, doublings }: ShardSize): number {
  return factor << doublings;
}

/** How many blocks there is room for. */
export function roomOf(size: ShardSize): number {
  return Math.floor(homesOf(size) * LOAD);
}

/** With fewer blocks the size below will do. */
export function shrinkAt(size: ShardSize): number {
  const below = smaller(size);
  return homesOf(below) === homesOf(size) ? 0 : Math.floor(roomOf(below) * SHRINK_SHARE);
}

/** The size an eighth above, at most; while there are few homes twice as large. */
export function larger({ factor, doublings }: ShardSize): ShardSize {
  const isLast = doublings < EIGHTHS_FROM || factor === 2 * LEAST_FACTOR - 1;
  return isLast ? { factor: LEAST_FACTOR, doublings: doublings + 1 } : { factor: factor + 1, doublings };
}

/** The size below; the smallest has none. */
export function smaller({ factor, doublings }: ShardSize): ShardSize {
  if (factor > LEAST_FACTOR) return { factor: factor - 1, doublings };
  if (doublings === 0) return SMALLEST;
  const isLeast = doublings <= EIGHTHS_FROM;
  return { factor: isLeast ? LEAST_FACTOR : 2 * LEAST_FACTOR - 1, doublings: doublings - 1 };
}

/** The smallest size with room for so many blocks. */
export function sizeFor(blocks: number): ShardSize {
  let size = SMALLEST;
  while (roomOf(size) < blocks) size = larger(size);
  return size;
}
