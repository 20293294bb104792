/**
 * When the live objects of a V8 profile were born. V8 numbers its samples in the order of allocation (`ordinal`), and
 * a sample keeps its number for as long as its object lives; so one profile already tells a site that has added
 * objects all the time (a leak) from one that did so once (a cache that filled, a burst) or only lately (objects in use).
 *
 *     ordinal   0 ......... 900 ......... 1400 ......... 2600     highest number alive at each profile taken
 *     time      start       1.0 s         2.0 s          3.0 s    when it was taken; linear between
 *     slices    |----|----|----|----|----|----|----|----|----|    of equal time, `BIRTH_SLICES` of them
 *
 * With fewer than `FEWEST_MARKS` profiles the axis is what was allocated rather than time, and `timed` says so: a
 * program of a second works in bursts between which it waits. What was allocated before the first of them is then laid
 * on the warm-up: loading modules may allocate as much as all that a short program does later.
 *
 * Memory: 16 bytes a profile taken, of at most `MOST_MARKS`.
 */
import { BIRTH_SLICES } from '../../heap/snapshot.js';
import { WARM_UP } from '../../heap/steadiness.js';
import type { SamplingProfile } from './sampler.js';

const FEWEST_MARKS = 5;
const MOST_MARKS = 256;

/** A moment, and the highest number of a live sample then. */
interface Mark {
  readonly ordinal: number;
  readonly timeMs: number;
}

/** The axis of births at one profile. */
export interface Births {
  /** Time covered, up to the moment of the profile. */
  readonly spanUs: number;
  /** Whether enough earlier profiles tie the numbers to time. */
  readonly timed: boolean;
  /** What was allocated in each slice, as a multiple of the average; left out while `timed` is false. */
  readonly activity?: readonly number[];
  /** The slice, 0 .. `BIRTH_SLICES - 1`, oldest first, in which a sample was born. */
  sliceOf(ordinal: number): number;
}

export class BirthClock {
  #marks: Mark[] = [];
  #startMs = 0;

  /** The sampler starts: its numbers begin again. */
  restart(nowMs: number): void {
    this.#startMs = nowMs;
    this.#marks = [];
  }

  /** Notes a profile taken now. */
  at(profile: SamplingProfile, nowMs: number): Births {
    const newest = profile.samples.reduce((most, { ordinal }) => Math.max(most, ordinal), 0);
    const before = this.#marks.at(-1)?.ordinal ?? 0;
    const now = { ordinal: Math.max(newest, before), timeMs: nowMs };
    const timed = this.#marks.length + 1 >= FEWEST_MARKS;
    const start = { ordinal: 0, timeMs: this.#startMs };
    const marks = [start, ...(timed ? this.#marks : this.#loaded(nowMs)), now];
    if (this.#marks.length >= MOST_MARKS) this.#marks = this.#marks.filter((_, i) => i % 2 === 1);
    this.#marks.push(now);
    const spanMs = Math.max(nowMs - this.#startMs, 1e-3);
    return {
      spanUs: spanMs * 1000,
      timed,
      ...(timed && { activity: activityOf(marks) }),
      sliceOf: (ordinal) => {
        const share = (timeOf(marks, ordinal) - this.#startMs) / spanMs;
        return Math.min(BIRTH_SLICES - 1, Math.max(0, Math.floor(share * BIRTH_SLICES)));
      },
    };
  }

  /** The first mark at the end of the warm-up, unless more than half of the time had gone by then. */
  #loaded(nowMs: number): Mark[] {
    const first = this.#marks[0];
    const spanMs = nowMs - this.#startMs;
    if (first === undefined || first.timeMs - this.#startMs > spanMs / 2) return [];
    return [{ ordinal: first.ordinal, timeMs: this.#startMs + spanMs * WARM_UP }];
  }
}

/** Between two marks as much at any time. */
function activityOf(marks: readonly Mark[]): number[] {
  const { timeMs: startMs } = marks[0]!;
  const last = marks.at(-1)!;
  const sliceMs = (last.timeMs - startMs) / BIRTH_SLICES;
  const activity = new Array<number>(BIRTH_SLICES).fill(0);
  for (const [i, to] of marks.entries()) {
    const from = marks[i - 1];
    if (from === undefined || to.timeMs <= from.timeMs) continue;
    const each = (to.ordinal - from.ordinal) / (to.timeMs - from.timeMs);
    for (let slice = 0; slice < BIRTH_SLICES; slice++) {
      const fromMs = Math.max(from.timeMs, startMs + slice * sliceMs);
      const toMs = Math.min(to.timeMs, startMs + (slice + 1) * sliceMs);
      if (toMs > fromMs) activity[slice]! += each * (toMs - fromMs);
    }
  }
  return activity.map((samples) => (samples * BIRTH_SLICES) / Math.max(last.ordinal, 1));
}

/** Between the marks around it, linear. */
function timeOf(marks: readonly Mark[], ordinal: number): number {
  let low = 0;
  let high = marks.length - 1;
  while (high - low > 1) {
    const middle = (low + high) >> 1;
    if (marks[middle]!.ordinal < ordinal) low = middle;
    else high = middle;
  }
  const [from, to] = [marks[low]!, marks[high]!];
  const share = to.ordinal > from.ordinal ? (ordinal - from.ordinal) / (to.ordinal - from.ordinal) : 1;
  return from.timeMs + Math.min(1, Math.max(0, share)) * (to.timeMs - from.timeMs);
}
