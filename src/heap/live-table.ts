/**
 * The table of live blocks: address (or id) -> bytes and site, as flat memory without an object for each block.
 *
 * A shard is one `Int32Array` of slots, open addressing, linear probing:
 *
 *     word   0        1        2          3        4        5
 *          +--------+--------+----------+--------+--------+----------+--
 *          |  key   | bytes  | site + 1 |  key   | bytes  | site + 1 | ...
 *          +--------+--------+----------+--------+--------+----------+--
 *          '--------- slot 0 ----------'  '-------- slot 1 ---------'
 *
 * Memory: a slot is 12 bytes. A shard grows by a quarter when its load passes 0.65, so while a program grows the
 * load is 0.52 .. 0.65, that is 18.5 .. 23.1 bytes for a live block (up to 30 after many frees: a shard shrinks
 * below 0.4). A fuller table would cost time: probes at load 0.75 are twice as many as at 0.6.
 *
 * Pauses: one shard is rebuilt at a time. A table begins as one shard, since small shards differ too much in
 * load to keep the figures above, and spreads over all of them when that one reaches `SPREAD_AT` slots.
 *
 * Invariants:
 *  1. A slot is empty exactly when its site word is 0.
 *  2. Between an entry's home slot and the slot it is in, no slot is empty. Deletion keeps this by moving later
 *     entries back, so there are no tombstones and a lookup ends at the first empty slot.
 *  3. A key is in at most one slot, in the shard that its hash names.
 *  4. The bytes word is `HUGE` exactly when the key is in `#huge`, which then has the size (4 GiB and more).
 *  5. Every shard has an empty slot.
 *
 * Not here: totals, sampling, what a site is (`sites.ts`), when something is counted (`stream.ts`).
 */

const SLOT_WORDS = 3;
const MIN_SLOTS = 16;
const SPREAD_AT = 16_384;
const GROW_LOAD = 0.65;
const SHRINK_LOAD = 0.4;
const RESIZE = 1.25;
const HUGE = -1;
const DEFAULT_SHARDS = 16;
const SHARD_SHIFT = 4;

interface Shard {
  slots: Int32Array;
  count: number;
  growAt: number;
  shrinkAt: number;
  /** slots / 2^32: hash times this is the home slot ("fastrange"), so the number of slots can be any. */
  scale: number;
}

export interface LiveTableOptions {
  /** A power of two, 1 .. 1024; default 16. */
  readonly shards?: number;
  /** Where memory for slots comes from; a hook on `Int32Array` must not see it. */
  readonly allocate?: (words: number) => Int32Array;
}

/** Keys are unsigned 32-bit integers, bytes whole numbers from 0 to 2^53 - 1, sites whole numbers below 2^31 - 1. */
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
    this.#shards = [this.#newShard(MIN_SLOTS)];
  }

  /** Number of live blocks. */
  get size(): number {
    let size = 0;
    for (const shard of this.#shards) size += shard.count;
    return size;
  }

  /** Memory held for slots, in bytes. */
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
    const shard = this.#shardOf(hash);
    const slots = shard.slots;
    let at = homeOf(hash, shard.scale);
    let found = slots[at + 2]!;
    while (found !== 0 && slots[at] !== (key | 0)) {
      at += SLOT_WORDS;
      if (at === slots.length) at = 0;
      found = slots[at + 2]!;
    }
    let replaced = -1;
    if (found !== 0) {
      replaced = this.#bytesAt(slots, at);
      this.site = found - 1;
    }
    slots[at] = key;
    slots[at + 1] = bytes < 0xffff_ffff ? bytes : this.#putHuge(key, bytes);
    slots[at + 2] = site + 1;
    if (found === 0 && ++shard.count >= shard.growAt) this.#grow(shard);
    return replaced;
  }

  /**
   * Removes a block.
   *
   * @returns its bytes (its site is then in `site`), or -1 when there is none with this key
   */
  take(key: number): number {
    const hash = hashOf(key);
    const shard = this.#shardOf(hash);
    const slots = shard.slots;
    let at = homeOf(hash, shard.scale);
    let found = slots[at + 2]!;
    while (slots[at] !== (key | 0) || found === 0) {
      if (found === 0) return -1;
      at += SLOT_WORDS;
      if (at === slots.length) at = 0;
      found = slots[at + 2]!;
    }
    const bytes = this.#bytesAt(slots, at);
    this.site = found - 1;
    closeGap(slots, at, shard.scale);
    if (--shard.count < shard.shrinkAt) this.#shrink(shard);
    return bytes;
  }

  has(key: number): boolean {
    const hash = hashOf(key);
    const { slots, scale } = this.#shardOf(hash);
    let at = homeOf(hash, scale);
    while (slots[at + 2] !== 0) {
      if (slots[at] === (key | 0)) return true;
      at += SLOT_WORDS;
      if (at === slots.length) at = 0;
    }
    return false;
  }

  /** Visits every live block, one shard after the other. REQUIRES: `visit` does not change the table. */
  forEach(visit: (key: number, bytes: number, site: number) => void): void {
    for (const { slots } of this.#shards) {
      for (let at = 0; at < slots.length; at += SLOT_WORDS) {
        const found = slots[at + 2]!;
        if (found !== 0) visit(slots[at]! >>> 0, this.#bytesAt(slots, at, false), found - 1);
      }
    }
  }

  clear(): void {
    this.#huge = new Map();
    this.#mask = 0;
    this.#shards = [this.#newShard(MIN_SLOTS)];
  }

  #shardOf(hash: number): Shard {
    return this.#shards[(hash >>> SHARD_SHIFT) & this.#mask]!;
  }

  #putHuge(key: number, bytes: number): number {
    this.#huge.set(key >>> 0, bytes);
    return HUGE;
  }

  /** The size in a slot that is about to be freed or overwritten (`leaving`), or only looked at. */
  #bytesAt(slots: Int32Array, at: number, leaving = true): number {
    const word = slots[at + 1]!;
    if (word !== HUGE) return word >>> 0;
    const key = slots[at]! >>> 0;
    const bytes = this.#huge.get(key)!;
    if (leaving) this.#huge.delete(key);
    return bytes;
  }

  #newShard(slots: number): Shard {
    const shard: Shard = { slots: EMPTY, count: 0, growAt: 0, shrinkAt: 0, scale: 0 };
    this.#resize(shard, slots);
    return shard;
  }

  #grow(shard: Shard): void {
    const slots = shard.slots.length / SLOT_WORDS;
    if (slots >= SPREAD_AT && this.#shards.length < this.#spreadCount) this.#spread();
    else this.#resize(shard, slots * RESIZE);
  }

  #shrink(shard: Shard): void {
    try {
      this.#resize(shard, shard.slots.length / SLOT_WORDS / RESIZE);
    } catch {
      shard.shrinkAt = 0; // no memory for the smaller array: the larger one does as well
    }
  }

  /** Gives a shard a new number of slots. The memory is taken first, so when there is none nothing has changed. */
  #resize(shard: Shard, slots: number): void {
    const capacity = Math.max(MIN_SLOTS, Math.ceil(slots));
    const old = shard.slots;
    shard.slots = this.#allocate(capacity * SLOT_WORDS);
    shard.scale = capacity / 0x1_0000_0000;
    shard.growAt = Math.floor(capacity * GROW_LOAD);
    shard.shrinkAt = capacity === MIN_SLOTS ? 0 : Math.floor(capacity * SHRINK_LOAD);
    for (let at = 0; at < old.length; at += SLOT_WORDS) {
      if (old[at + 2] !== 0) insert(shard, old[at]!, old[at + 1]!, old[at + 2]!);
    }
  }

  /** From one shard to all of them. */
  #spread(): void {
    const [only] = this.#shards as [Shard];
    const share = (only.count * RESIZE) / GROW_LOAD / this.#spreadCount;
    this.#shards = Array.from({ length: this.#spreadCount }, () => this.#newShard(share));
    this.#mask = this.#spreadCount - 1;
    const { slots } = only;
    for (let at = 0; at < slots.length; at += SLOT_WORDS) {
      if (slots[at + 2] === 0) continue;
      const shard = this.#shardOf(hashOf(slots[at]!));
      insert(shard, slots[at]!, slots[at + 1]!, slots[at + 2]!);
      if (++shard.count >= shard.growAt) this.#resize(shard, (shard.slots.length / SLOT_WORDS) * RESIZE);
    }
  }
}

const EMPTY = new Int32Array(0);

/**
 * Fibonacci hashing, which spreads rising addresses evenly. The best bits are at the top and choose the slot; the
 * shard comes from low ones, so that a shard's entries may have any home. Those depend on no higher bit of the
 * product's input, hence the upper half of the key is folded into the lower one, where aligned addresses have zeros.
 */
function hashOf(key: number): number {
  return Math.imul(key ^ (key >>> 16), 0x9e3779b1);
}

/** Word index of the home slot. */
function homeOf(hash: number, scale: number): number {
  return (((hash >>> 0) * scale) | 0) * SLOT_WORDS;
}

/** REQUIRES: the key is not in the shard, and a slot is empty. */
function insert(shard: Shard, key: number, bytes: number, siteWord: number): void {
  const { slots } = shard;
  let at = homeOf(hashOf(key), shard.scale);
  while (slots[at + 2] !== 0) {
    at += SLOT_WORDS;
    if (at === slots.length) at = 0;
  }
  slots[at] = key;
  slots[at + 1] = bytes;
  slots[at + 2] = siteWord;
}

/** Empties the slot at `gap`, moving back every later entry that the gap would cut off from its home. */
function closeGap(slots: Int32Array, gap: number, scale: number): void {
  const words = slots.length;
  let at = gap;
  for (;;) {
    at += SLOT_WORDS;
    if (at === words) at = 0;
    const siteWord = slots[at + 2]!;
    if (siteWord === 0) break;
    const home = homeOf(hashOf(slots[at]!), scale);
    let fromHome = at - home;
    if (fromHome < 0) fromHome += words;
    let fromGap = at - gap;
    if (fromGap < 0) fromGap += words;
    if (fromHome < fromGap) continue;
    slots[gap] = slots[at]!;
    slots[gap + 1] = slots[at + 1]!;
    slots[gap + 2] = siteWord;
    gap = at;
  }
  slots[gap + 2] = 0;
}
