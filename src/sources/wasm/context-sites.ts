/**
 * From a calling context and an entry from JavaScript to a site number: the lookup that every allocation makes.
 * Open addressing, linear probing, nothing is ever removed.
 *
 *     word   0       1        2        3          4
 *          +-------+--------+--------+----------+-------+--
 *          |  low  |  high  |  entry | site + 1 |  low  | ...
 *          +-------+--------+--------+----------+-------+--
 *          '------------- slot 0 --------------' '- slot 1
 *
 * Invariants: a slot is empty exactly when its site word is 0; the load is at most one half.
 * Cost: 32 to 64 bytes a pair of context and entry.
 */
const SLOT_WORDS = 4;
const FIRST_SLOTS = 256;

export class ContextSites {
  #slots = new Int32Array(FIRST_SLOTS * SLOT_WORDS);
  #mask = FIRST_SLOTS - 1;
  #count = 0;

  get count(): number {
    return this.#count;
  }

  /** @returns the site; -1 when the pair is new */
  find(low: number, high: number, entry: number): number {
    const slots = this.#slots;
    let at = (hashOf(low, high, entry) & this.#mask) * SLOT_WORDS;
    for (;;) {
      const found = slots[at + 3]!;
      if (found === 0) return -1;
      if (slots[at] === low && slots[at + 1] === high && slots[at + 2] === entry) return found - 1;
      at += SLOT_WORDS;
      if (at === slots.length) at = 0;
    }
  }

  /** REQUIRES: `find` says -1. All four are 32-bit integers. */
  add(low: number, high: number, entry: number, site: number): void {
    if (++this.#count * 2 > this.#mask + 1) this.#grow();
    this.#insert(low, high, entry, site + 1);
  }

  #insert(low: number, high: number, entry: number, siteWord: number): void {
    const slots = this.#slots;
    let at = (hashOf(low, high, entry) & this.#mask) * SLOT_WORDS;
    while (slots[at + 3] !== 0) {
      at += SLOT_WORDS;
      if (at === slots.length) at = 0;
    }
    slots[at] = low;
    slots[at + 1] = high;
    slots[at + 2] = entry;
    slots[at + 3] = siteWord;
  }

  #grow(): void {
    const old = this.#slots;
    this.#slots = new Int32Array(old.length * 2);
    this.#mask = this.#mask * 2 + 1;
    for (let at = 0; at < old.length; at += SLOT_WORDS) {
      if (old[at + 3] !== 0) this.#insert(old[at]!, old[at + 1]!, old[at + 2]!, old[at + 3]!);
    }
  }
}

function hashOf(low: number, high: number, entry: number): number {
  let hash = Math.imul(low ^ Math.imul(high, 0x85ebca6b) ^ Math.imul(entry, 0xc2b2ae35), 0x9e3779b1);
  hash ^= hash >>> 15;
  return hash;
}
