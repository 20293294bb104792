/**
 * Spares most of the stack walks at a high sampling rate. All calls from JavaScript that begin to allocate in the same
 * context pass one gate. When many stacks in a row were captured there that show the same JavaScript, most of the calls
 * that follow are taken to come from there, too, and only now and then one is looked at.
 *
 *     calls     c c c c c c ... c  a c a a c  a a a c a a a a a c ...  a a C C C ...
 *               16 captured        of n calls, one in n/16, at most 256   another caller: all, until 32 are the same
 *
 * With each change of the caller twice as many must be the same, up to 64: a gate where callers mix captures them
 * all. Nothing that is assumed is told as certain: `doubt` says how often it may be wrong.
 */
import type { Frame } from '../../heap/frame.js';
import type { Caller } from './site-records.js';

const FIRST_SURE_AFTER = 16;
const MOST_SURE_AFTER = 64;
/** Of the calls before, at most such a share is assumed before the next is looked at. */
const SHARE = 1 / 16;
const MOST_ASSUMED = 256;

/** JavaScript that calls at one gate were taken to come from, without a look. */
export class AssumedCaller implements Caller {
  readonly frames: readonly Frame[];
  /** The entry that stands for these calls. */
  readonly entry: number;
  /** Calls that were looked at meanwhile, and those of them that came from elsewhere. */
  looks = 0;
  misses = 0;

  constructor(frames: readonly Frame[], entry: number) {
    this.frames = frames;
    this.entry = entry;
  }

  /** The share of these calls that came from elsewhere: by the rule of succession, so never 0. */
  get doubt(): number {
    return (this.misses + 1) / (this.looks + 2);
  }
}

export class EntryGate {
  readonly #byFrames = new Map<readonly Frame[], AssumedCaller>();
  #last: readonly Frame[] | undefined;
  #sureAfter = FIRST_SURE_AFTER;
  /** Captured in a row. */
  #same = 0;
  /** The same, with the assumed ones between. */
  #calls = 0;
  /** What calls are taken for now. */
  assumed: AssumedCaller | undefined;
  /** Calls that were not looked at, in all. */
  assumedCalls = 0;

  /**
   * A stack was captured.
   *
   * @param frames its JavaScript; the same array for the same stack
   * @param newEntry makes the number of a caller that is assumed for the first time; undefined when there are no more
   * @returns how many of the next calls are to be taken for `assumed`
   */
  next(frames: readonly Frame[], newEntry: () => number | undefined): number {
    const isSame = frames === this.#last;
    if (this.assumed !== undefined) {
      this.assumed.looks++;
      if (!isSame) this.assumed.misses++;
    }
    if (!isSame) this.#begin(frames);
    this.#same++;
    this.#calls++;
    if (this.#same < this.#sureAfter) return 0;
    this.assumed ??= this.#assume(frames, newEntry);
    if (this.assumed === undefined) return 0;
    // Any number up to twice the mean, so that no rhythm of the program's can hide a caller.
    const calls = Math.round(Math.random() * 2 * Math.min(MOST_ASSUMED, this.#calls * SHARE));
    this.#calls += calls;
    this.assumedCalls += calls;
    return calls;
  }

  #begin(frames: readonly Frame[]): void {
    if (this.#last !== undefined) this.#sureAfter = Math.min(MOST_SURE_AFTER, this.#sureAfter * 2);
    this.#last = frames;
    this.#same = 0;
    this.#calls = 0;
    this.assumed = undefined;
  }

  #assume(frames: readonly Frame[], newEntry: () => number | undefined): AssumedCaller | undefined {
    const known = this.#byFrames.get(frames);
    if (known !== undefined) return known;
    const entry = newEntry();
    if (entry === undefined) return undefined;
    const assumed = new AssumedCaller(frames, entry);
    this.#byFrames.set(frames, assumed);
    return assumed;
  }
}
