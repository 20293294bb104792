/**
 * The sizes that a shard of the live table can have: numbers of homes in steps of an eighth at most, each of them such that
 * a hash is turned into a home by a multiplication and a shift.
 */

/** A number of homes: `factor << doublings`, with a factor of 8 .. 15, and two doublings at least so that it is a multiple of 4. */
export interface ShardSize {
  readonly factor: number;
  readonly doublings: number;
}

const LEAST_FACTOR = 8;
export const SMALLEST: ShardSize = { factor: LEAST_FACTOR, doublings: 2 };

/** Blocks for each home at most. With it a block, its share of the homes and an eighth of both stay below 24 bytes. */
const LOAD = 0.8;
const SHRINK_LOAD = 0.54;

export function homesOf({ factor, doublings }: ShardSize): number {
  return factor << doublings;
}

/** How many blocks there is room for. */
export function roomOf(size: ShardSize): number {
  return Math.floor(homesOf(size) * LOAD);
}

/** With fewer blocks the size below will do. */
export function shrinkAt(size: ShardSize): number {
  return size.doublings === SMALLEST.doublings && size.factor === LEAST_FACTOR
    ? 0
    : Math.floor(homesOf(size) * SHRINK_LOAD);
}

/** The size an eighth (at most) above. */
export function larger({ factor, doublings }: ShardSize): ShardSize {
  const isLast = factor === 2 * LEAST_FACTOR - 1;
  return isLast ? { factor: LEAST_FACTOR, doublings: doublings + 1 } : { factor: factor + 1, doublings };
}

/** The size below; the smallest has none. */
export function smaller({ factor, doublings }: ShardSize): ShardSize {
  if (factor > LEAST_FACTOR) return { factor: factor - 1, doublings };
  return doublings === SMALLEST.doublings
    ? SMALLEST
    : { factor: 2 * LEAST_FACTOR - 1, doublings: doublings - 1 };
}

/** The smallest size with room for so many blocks. */
export function sizeFor(blocks: number): ShardSize {
  let size = SMALLEST;
  while (roomOf(size) < blocks) size = larger(size);
  return size;
}
