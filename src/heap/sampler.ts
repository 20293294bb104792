/**
 * Decides which allocations have their stack captured: each with the same probability, independently.
 *
 * Instead of drawing a number for every allocation, the number of allocations to skip until the next sampled one
 * is drawn (geometric distribution), so the usual cost is one decrement and one compare. The distribution has no
 * memory: a draw longer than `LONGEST_SKIP` is cut there and drawn anew, which also makes probability 0 exact.
 */
import { OtraceError } from '../errors.js';

export const LONGEST_SKIP = 0x3fff_ffff;

export class Sampler {
  #probability = 0;
  #skip = 0;
  /** True when the end of the skip is only the end of a draw cut short. */
  #cut = false;
  #state: number;
  readonly #watchers: (() => void)[] = [];

  /** @param seed makes the decisions repeatable; by default they differ from run to run */
  constructor(probability = 0, seed = Math.floor(Math.random() * 0x1_0000_0000)) {
    this.#state = seed | 0;
    this.setProbability(probability);
  }

  get probability(): number {
    return this.#probability;
  }

  /**
   * @param probability clamped to 0 .. 1
   * @throws OtraceError `OTRACE_BAD_OPTION` when it is not a number
   */
  setProbability(probability: number): void {
    if (typeof probability !== 'number' || Number.isNaN(probability)) {
      throw new OtraceError(
        'OTRACE_BAD_OPTION',
        `heap sampling is ${String(probability)}; give a probability from 0 (no stacks) to 1 (every stack)`,
      );
    }
    this.#probability = Math.min(1, Math.max(0, probability));
    this.#draw();
    for (const watcher of this.#watchers) watcher();
  }

  /** Has every change of the probability told, to who counts down by himself with `drawSkip`. */
  watch(watcher: () => void): void {
    this.#watchers.push(watcher);
  }

  /** How many allocations to skip until the next sampled one. A draw above `LONGEST_SKIP` is to be cut there and drawn anew. */
  drawSkip(): number {
    const p = this.#probability;
    // log1p keeps tiny probabilities apart from 0; at 1 it is -Infinity and the skip 0, at 0 the skip is infinite.
    return p === 0 ? Number.POSITIVE_INFINITY : Math.floor(Math.log(this.#random()) / Math.log1p(-p));
  }

  /** Whether this allocation is sampled. Called once for each. */
  next(): boolean {
    return --this.#skip < 0 && this.#skipEnded();
  }

  /** Takes up to `most` of the allocations to come that are not sampled, for who asks `next` for none of them. */
  reserve(most: number): number {
    const reserved = Math.max(0, Math.min(most, this.#skip));
    this.#skip -= reserved;
    return reserved;
  }

  /** Gives back what was reserved and not needed. REQUIRES: the probability has not been set meanwhile */
  release(unused: number): void {
    this.#skip += unused;
  }

  #skipEnded(): boolean {
    const sampled = !this.#cut;
    this.#draw();
    if (sampled) return true;
    return this.next(); // the draw that was cut short goes on with this allocation
  }

  #draw(): void {
    const skip = this.drawSkip();
    this.#cut = skip > LONGEST_SKIP;
    this.#skip = this.#cut ? LONGEST_SKIP : skip;
  }

  /** In (0, 1): mulberry32. */
  #random(): number {
    this.#state = (this.#state + 0x6d2b79f5) | 0;
    let mixed = Math.imul(this.#state ^ (this.#state >>> 15), this.#state | 1);
    mixed ^= mixed + Math.imul(mixed ^ (mixed >>> 7), mixed | 61);
    return (((mixed ^ (mixed >>> 14)) >>> 0) + 0.5) / 0x1_0000_0000;
  }
}
