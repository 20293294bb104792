/**
 * How many blocks a node of a V8 profile stands for. The profile gives bytes only: a sampled object of size `s` stands
 * for `k = 1 / (1 - e^(-s / everyBytes))` objects, and V8 reports the product
 *
 *     sample.size = s * round(k)              one for each sampled object
 *     node.selfSize = sum over sizes of s * round(n * k)    n = samples of that size
 *
 * `s` is found again by search: it is a multiple of 8 (V8's alignment) that divides `sample.size`, and few of those
 * give it. Where several do, the node's `selfSize` tells which combination is meant; where it can't (one sample, many sizes, two
 * sizes with the same product) the smallest is taken, small objects being the common ones: such a figure may be
 * several times too high. Cost: one search over the divisors of each distinct `sample.size`, then a look-up.
 *
 * The same sizes tell how far off the bytes may be. An object of size `s` is a sample with probability `1 / k`, each
 * independently, so `n` samples stand for `n * k` objects with a variance of `n * k * (k - 1)`, and their bytes with
 * `s^2` times that. A wrong size hardly matters here: where sizes are confused, `s * k` is the same.
 */

/** V8 aligns objects to the word (Node's builds do not compress pointers), and the least is a map word and a field. */
const ALIGNMENT_BYTES = 8;
const SMALLEST_BYTES = 16;

/** A node with more combinations than this is estimated without its `selfSize`. */
const MAX_COMBINATIONS = 1024;

/** An object size, and how many objects one sample of that size stands for. */
interface Candidate {
  readonly size: number;
  readonly standsFor: number;
}

interface Group {
  readonly candidates: readonly Candidate[];
  readonly count: number;
  chosen: Candidate;
}

/** What the samples of a node stand for. */
export interface Estimate {
  readonly blocks: number;
  /** Variance of the node's bytes, in bytes squared; those of different nodes add up. */
  readonly variance: number;
}

export class BlockEstimate {
  readonly #everyBytes: number;
  readonly #candidates = new Map<number, readonly Candidate[]>();

  /** @param everyBytes the sampling interval */
  constructor(everyBytes: number) {
    this.#everyBytes = everyBytes;
  }

  /**
   * @param selfSize the node's estimated live bytes
   * @param samples how many of the node's samples have each `size`
   */
  of(selfSize: number, samples: ReadonlyMap<number, number>): Estimate {
    const groups: Group[] = [];
    let combinations = 1;
    for (const [product, count] of samples) {
      const candidates = this.#candidatesFor(product);
      combinations *= candidates.length;
      groups.push({ candidates, count, chosen: candidates[0]! });
    }
    if (combinations > 1 && combinations <= MAX_COMBINATIONS) choose(groups, combinations, selfSize);
    let blocks = 0;
    let variance = 0;
    for (const { chosen, count } of groups) {
      const { size, standsFor } = chosen;
      blocks += Math.round(count * standsFor);
      variance += size ** 2 * count * standsFor * (standsFor - 1);
    }
    return { blocks, variance };
  }

  #candidatesFor(product: number): readonly Candidate[] {
    const known = this.#candidates.get(product);
    if (known !== undefined) return known;
    const candidates: Candidate[] = [];
    const consider = (size: number): void => {
      if (size < SMALLEST_BYTES || size % ALIGNMENT_BYTES !== 0) return;
      const standsFor = 1 / (1 - Math.exp(-size / this.#everyBytes));
      if (size * Math.round(standsFor) === product) candidates.push({ size, standsFor });
    };
    for (let factor = 1; factor * factor <= product; factor++) {
      if (product % factor !== 0) continue;
      consider(factor);
      if (factor * factor < product) consider(product / factor);
    }
    candidates.sort((a, b) => a.size - b.size);
    if (candidates.length === 0) candidates.push({ size: product, standsFor: 1 });
    this.#candidates.set(product, candidates);
    return candidates;
  }
}

/** Takes the first combination that adds up to `selfSize`; leaves the groups as they are when none does. */
function choose(groups: readonly Group[], combinations: number, selfSize: number): void {
  const pick = (group: Group, digits: number): Candidate =>
    group.candidates[digits % group.candidates.length]!;
  for (let number = 0; number < combinations; number++) {
    let digits = number;
    let sum = 0;
    for (const group of groups) {
      const { size, standsFor } = pick(group, digits);
      sum += size * Math.round(group.count * standsFor);
      digits = Math.floor(digits / group.candidates.length);
    }
    if (sum !== selfSize) continue;
    digits = number;
    for (const group of groups) {
      group.chosen = pick(group, digits);
      digits = Math.floor(digits / group.candidates.length);
    }
    return;
  }
}
