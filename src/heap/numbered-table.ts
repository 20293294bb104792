/**
 * A table of live blocks whose keys are small numbers that are used again: a column each for bytes and sites, indexed
 * by the key. Does for such keys what `LiveTable` does for addresses.
 *
 * Memory: 12 bytes for each number in use at once, never given back.
 */
import type { Guard } from './guard.js';
import type { BlockTable } from './stream.js';

const FIRST_CAPACITY = 64;
const NONE = -1;

export class NumberedTable implements BlockTable {
  site = -1;
  size = 0;
  /** `NONE` where there is no block. */
  #bytes: Float64Array = new Float64Array(FIRST_CAPACITY).fill(NONE);
  #sites: Int32Array = new Int32Array(FIRST_CAPACITY);

  readonly #guard: Guard;

  /** @param guard held while memory is taken, which hooks on typed arrays must not see */
  constructor(guard: Guard) {
    this.#guard = guard;
  }

  get slotBytes(): number {
    return this.#bytes.byteLength + this.#sites.byteLength;
  }

  put(key: number, bytes: number, site: number): number {
    if (key >= this.#bytes.length) this.#guard.run(() => this.#grow(key + 1));
    const replaced = this.#bytes[key]!;
    if (replaced === NONE) this.size++;
    else this.site = this.#sites[key]!;
    this.#bytes[key] = bytes;
    this.#sites[key] = site;
    return replaced;
  }

  take(key: number): number {
    const bytes = this.#bytes[key] ?? NONE;
    if (bytes === NONE) return NONE;
    this.site = this.#sites[key]!;
    this.#bytes[key] = NONE;
    this.size--;
    return bytes;
  }

  has(key: number): boolean {
    return (this.#bytes[key] ?? NONE) !== NONE;
  }

  forEach(visit: (key: number, bytes: number, site: number) => void): void {
    for (let key = 0; key < this.#bytes.length; key++) {
      const bytes = this.#bytes[key]!;
      if (bytes !== NONE) visit(key, bytes, this.#sites[key]!);
    }
  }

  clear(): void {
    this.#bytes.fill(NONE);
    this.size = 0;
  }

  /** Takes both columns before it changes anything, so that nothing is lost when there is no memory. */
  #grow(least: number): void {
    const room = Math.max(least, this.#bytes.length * 2);
    const bytes = new Float64Array(room);
    const sites = new Int32Array(room);
    bytes.set(this.#bytes);
    bytes.fill(NONE, this.#bytes.length);
    sites.set(this.#sites);
    this.#bytes = bytes;
    this.#sites = sites;
  }
}
