/**
 * The memory of a shard of the live table: one `Int32Array` of slots of four words, 16 bytes.
 *
 *     slots    |  homes: one for each value that `homeOf` can have  |  cellar: 0.48 as many  |
 *
 *     slot     |  key  |  bytes  |  site  |  link  |
 *
 *     link of a home    EMPTY, END, or the first slot of the cellar that holds another block of this home
 *     link of a cellar  END, or the next one of the same home; in a free slot the next free one, EMPTY in the last
 *
 * The first block of a home lies in the home itself, so most operations touch one slot, which never straddles two
 * cache lines. The others are chained in the cellar (as in Williams' coalesced chaining, where chains may meet; here they
 * do not): nothing is moved past others and no tombstone is left when a block goes, and a slot of the cellar that was
 * freed last is taken first, while it is still in the cache.
 *
 * Not here: how a shard grows and shrinks (`live-table.ts`).
 */

export const SLOT_WORDS = 4;
export const BYTES = 1;
export const SITE = 2;
export const LINK = 3;
export const EMPTY = 0;
/** No slot of the cellar has this word index. */
export const END = 1;

const CELLAR_SHARE = 0.48;
/** Blocks for each home: random keys then fill 92 % of the cellar. */
const GROW_LOAD = 1.115;
const SHRINK_LOAD = 0.75;

export interface Shard {
  slots: Int32Array;
  count: number;
  growAt: number;
  shrinkAt: number;
  /** Word index of the first free slot of the cellar, or EMPTY. */
  free: number;
  /** The shard has `factor << (HOME_BITS - shift)` homes: see `homeOf`. */
  factor: number;
  shift: number;
}

/** A number of homes: `factor << doublings`, with a factor of 8 .. 15. So the next larger one is an eighth larger. */
export interface ShardSize {
  readonly factor: number;
  readonly doublings: number;
}

const LEAST_FACTOR = 8;
export const SMALLEST: ShardSize = { factor: LEAST_FACTOR, doublings: 0 };
/** Bits of a hash that choose the home. */
const HOME_BITS = 28;

/**
 * Multiplicative hashing; the upper bits are the good ones. A multiplier alone spreads some strides of addresses
 * perfectly and others into a few heaps. This pair of shift and multiplier was searched for: of runs of keys with
 * any of 400 strides none filled the homes less evenly than random keys would.
 */
export function hashOf(key: number): number {
  return Math.imul(key ^ (key >>> 3), 0xbcee67b1);
}

/**
 * Number of the shard among 2 ** `bits`: the upper bits of the hash, so that all shards together are as even as one.
 *
 * @param unusedBits 31 - bits
 */
export function shardOf(hash: number, unusedBits: number): number {
  return (hash >>> 1) >>> unusedBits;
}

/**
 * Word index of the home in its shard: the further bits of the hash as a fraction, times the number of homes, in whole
 * numbers that fit 32 bits. The order of homes is that of hashes, so growing copies from one end to the other.
 */
export function homeOf(hash: number, shardBits: number, factor: number, shift: number): number {
  return (Math.imul((hash << shardBits) >>> 4, factor) >>> shift) << 2;
}

export function homesOf({ factor, doublings }: ShardSize): number {
  return factor << doublings;
}

export function sizeOf(shard: Shard): ShardSize {
  return { factor: shard.factor, doublings: HOME_BITS - shard.shift };
}

/** The size an eighth (at most) above. */
export function larger({ factor, doublings }: ShardSize): ShardSize {
  const isLast = factor === 2 * LEAST_FACTOR - 1;
  return isLast ? { factor: LEAST_FACTOR, doublings: doublings + 1 } : { factor: factor + 1, doublings };
}

/** The size below; the smallest has none. */
export function smaller({ factor, doublings }: ShardSize): ShardSize {
  if (factor > LEAST_FACTOR) return { factor: factor - 1, doublings };
  return doublings === 0 ? SMALLEST : { factor: 2 * LEAST_FACTOR - 1, doublings: doublings - 1 };
}

/** The smallest size with so many homes. */
export function sizeFor(homes: number): ShardSize {
  let size = SMALLEST;
  while (homesOf(size) < homes) size = larger(size);
  return size;
}

/** An empty shard. @param allocate memory for so many words, all 0 */
export function newShard(size: ShardSize, allocate: (words: number) => Int32Array): Shard {
  const homes = homesOf(size);
  const cellar = homes * SLOT_WORDS;
  const slots = allocate(cellar + Math.ceil(homes * CELLAR_SHARE) * SLOT_WORDS);
  const last = slots.length - SLOT_WORDS;
  for (let at = cellar; at < last; at += SLOT_WORDS) slots[at | LINK] = at + SLOT_WORDS;
  return {
    slots,
    count: 0,
    growAt: Math.floor(homes * GROW_LOAD),
    shrinkAt: homes === homesOf(SMALLEST) ? 0 : Math.floor(homes * SHRINK_LOAD),
    free: cellar,
    factor: size.factor,
    shift: HOME_BITS - size.doublings,
  };
}

/**
 * Adds a block. REQUIRES: the key is not in the shard; a slot of the cellar is free.
 *
 * @returns whether there is room for another
 */
export function insert(shard: Shard, home: number, key: number, bytes: number, site: number): boolean {
  const { slots } = shard;
  const link = slots[home | LINK]!;
  let at = home;
  if (link === EMPTY) {
    slots[home | LINK] = END;
  } else {
    at = shard.free;
    shard.free = slots[at | LINK]!;
    slots[at | LINK] = link;
    slots[home | LINK] = at;
  }
  slots[at] = key;
  slots[at | BYTES] = bytes;
  slots[at | SITE] = site;
  return ++shard.count < shard.growAt && shard.free !== EMPTY;
}

/** Visits the word index of every block until `visit` says `false`. @returns whether it never did */
export function everySlot(shard: Shard, visit: (at: number) => boolean): boolean {
  const { slots } = shard;
  const cellar = homesOf(sizeOf(shard)) * SLOT_WORDS;
  for (let home = 0; home < cellar; home += SLOT_WORDS) {
    let link = slots[home | LINK]!;
    if (link === EMPTY) continue;
    if (!visit(home)) return false;
    for (; link !== END; link = slots[link | LINK]!) if (!visit(link)) return false;
  }
  return true;
}
