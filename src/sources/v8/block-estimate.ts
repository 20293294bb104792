/**
 * How many blocks a node of a V8 profile stands for. The profile gives bytes only: a sampled object of size `s` stands
 * for `k = 1 / (1 - e^(-s / everyBytes))` objects, and V8 reports the product
 *
 *     sample.size = s * round(k)              one for each sampled object
 *     node.selfSize = sum over sizes of s * round(n * k)    n = samples of that size
 *
 * `s` is found again by search: it is a multiple of 8 (V8's alignment), and few of them give `sample.size`. Where
 * several do, the node's `selfSize` tells which combination is meant; where it can't (one sample, or two sizes with
 * the same product) the middle candidate is taken. Cost: one search for each distinct `sample.size`, then a look-up.
 */

/** V8 aligns objects to the word (Node's builds do not compress pointers). */
const ALIGNMENT_BYTES = 8;

/** A node with more combinations than this is estimated without its `selfSize`. */
const MAX_COMBINATIONS = 512;

export class BlockEstimate {
  readonly #everyBytes: number;
  readonly #sizes = new Map<number, readonly number[]>();

  constructor(everyBytes: number) {
    this.#everyBytes = everyBytes;
  }

  /**
   * @param selfSize the node's estimated live bytes
   * @param samples how many of the node's samples have each `size`
   */
  blocks(selfSize: number, samples: ReadonlyMap<number, number>): number {
    const groups = [...samples].map(([product, count]) => ({ sizes: this.#sizesFor(product), count }));
    const combinations = groups.reduce((n, group) => n * group.sizes.length, 1);
    const chosen = groups.map((group) => group.sizes[group.sizes.length >> 1]!);
    if (combinations > 1 && combinations <= MAX_COMBINATIONS) this.#choose(groups, selfSize, chosen);
    return groups.reduce((n, group, i) => n + Math.round(group.count * this.#standsFor(chosen[i]!)), 0);
  }

  /** Overwrites `chosen` with the first combination that adds up to `selfSize`, if one does. */
  #choose(
    groups: readonly { sizes: readonly number[]; count: number }[],
    selfSize: number,
    chosen: number[],
  ): void {
    const digits = groups.map(() => 0);
    for (;;) {
      const sum = groups.reduce((bytes, group, i) => {
        const size = group.sizes[digits[i]!]!;
        return bytes + size * Math.round(group.count * this.#standsFor(size));
      }, 0);
      if (sum === selfSize) {
        for (let i = 0; i < groups.length; i++) chosen[i] = groups[i]!.sizes[digits[i]!]!;
        return;
      }
      let place = 0;
      while (place < groups.length && ++digits[place]! === groups[place]!.sizes.length) digits[place++] = 0;
      if (place === groups.length) return;
    }
  }

  #sizesFor(product: number): readonly number[] {
    const known = this.#sizes.get(product);
    if (known !== undefined) return known;
    const sizes: number[] = [];
    for (let size = ALIGNMENT_BYTES; size <= product; size += ALIGNMENT_BYTES) {
      if (size * Math.round(this.#standsFor(size)) === product) sizes.push(size);
    }
    if (sizes.length === 0) sizes.push(product);
    this.#sizes.set(product, sizes);
    return sizes;
  }

  #standsFor(size: number): number {
    return 1 / (1 - Math.exp(-size / this.#everyBytes));
  }
}
