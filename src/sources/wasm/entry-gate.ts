/**
 * Spares most of the stack walks at a high sampling rate. All calls from JavaScript that begin to allocate in the same
 * context pass one gate; when every stack that was captured there shows the same JavaScript, most of the calls that
 * follow are taken to come from there, too, and only now and then one is looked at.
 *
 *     calls     c c c c c c c c c c c c c c c c  a c a a c a  a a a c a a ...  a c c c c c
 *               16 captured                      one in n/16 of n            another caller: all from now on
 *
 * Nothing is told as certain that is assumed: how many calls were is a fact of the report. And when a second caller
 * shows up, what was assumed at this gate is taken back (its sites then end where the module does), and nothing is
 * assumed there again. Until it shows up, a caller that made n calls in all is missed with a probability of about
 * (1 - 1/257)^n or less.
 */
import type { Frame } from '../../heap/frame.js';
import type { AssumedCaller } from './site-records.js';

const SURE_AFTER = 16;
/** Of the calls before, at most such a share is assumed before the next is looked at. */
const SHARE = 1 / 16;
const MOST_ASSUMED = 256;
const NO_FRAMES: readonly Frame[] = [];

export class EntryGate implements AssumedCaller {
  /** The entry that stands for calls that were not looked at. */
  readonly assumedEntry: number;
  #calls = 0;
  #captured = 0;
  #only: readonly Frame[] | undefined;
  #mixed = false;

  constructor(assumedEntry: number) {
    this.assumedEntry = assumedEntry;
  }

  /** The only JavaScript that was ever seen here; none as soon as there is another. */
  get frames(): readonly Frame[] {
    return this.#mixed ? NO_FRAMES : (this.#only ?? NO_FRAMES);
  }

  /** Calls that were not looked at, with those that are still to come. */
  get assumedCalls(): number {
    return this.#calls - this.#captured;
  }

  /**
   * A stack was captured.
   *
   * @param frames its JavaScript; the same array for the same stack
   * @returns how many of the next calls are to be taken for the same
   */
  next(frames: readonly Frame[]): number {
    this.#calls++;
    this.#captured++;
    this.#only ??= frames;
    if (this.#only !== frames) this.#mixed = true;
    if (this.#mixed || this.#calls < SURE_AFTER) return 0;
    // Any number up to twice the mean, so that no rhythm of the program's can hide a caller.
    const assumed = Math.round(Math.random() * 2 * Math.min(MOST_ASSUMED, this.#calls * SHARE));
    this.#calls += assumed;
    return assumed;
  }
}
