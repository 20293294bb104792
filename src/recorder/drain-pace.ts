/**
 * When a thread's events go to the disk from the hot path: a program that never returns to its event loop gives no
 * timer a chance, and one that records fast would overwrite in its ring what no timer has written yet.
 *
 * A check every few events, sized by how fast they come so that the clock is read about every 10 ms. It drains when
 * half of the ring (or of the room for values) is not drained, or when the last time was long enough ago.
 *
 * Cost: a check is some 50 ns, at most every 64th event at full speed; drains by time take a
 * four-hundredth of it, or more where one takes longer than 1.25 ms.
 */
import type { EventRing } from './event-ring.js';

const CHECK_EVERY_US = 10_000;
/** Keeps a slow spell after a fast one from waiting long for its next check. */
const MOST_EVENTS = 64;
const DRAIN_EVERY_US = 100_000;
/** How many times as long as a drain takes the next one waits. */
const REST = 400;
/** But never longer than this: a second is all that may be lost. */
const LONGEST_REST_US = 500_000;

export class DrainPace {
  readonly #nowUs: () => number;
  readonly #drain: () => void;
  readonly #everyUs: number;
  #events = 1;
  #checkedUs = 0;
  /** Not a number until the first event: a program's start is the worst moment to open a file. */
  #dueUs = Number.NaN;
  #drainedEvents = 0;
  #isDraining = false;

  /**
   * @param drain writes what is new; may record events of its own
   * @param everyUs microseconds between two drains by time; infinite for drains by fullness alone
   */
  constructor(nowUs: () => number, drain: () => void, everyUs = DRAIN_EVERY_US) {
    this.#nowUs = nowUs;
    this.#drain = drain;
    this.#everyUs = everyUs;
  }

  /** Called after an event whenever `ring.isCheckDue`. */
  check(ring: EventRing): void {
    const nowUs = ring.nowUs;
    if (Number.isNaN(this.#dueUs)) this.#dueUs = nowUs + this.#everyUs;
    const elapsedUs = Math.max(1, nowUs - this.#checkedUs);
    this.#checkedUs = nowUs;
    const wanted = Math.round((this.#events * CHECK_EVERY_US) / elapsedUs);
    this.#events = Math.min(MOST_EVENTS, ring.capacity >>> 4, Math.max(1, wanted));
    ring.checkAfter(this.#events);
    if (this.#isDraining || !(nowUs >= this.#dueUs || this.#isHalfFull(ring))) return;
    this.#isDraining = true;
    try {
      this.#drain();
    } finally {
      this.#isDraining = false;
      this.drained(ring, nowUs);
    }
  }

  /** Everything in the ring was drained just now, here or by somebody else. @param fromUs when that began */
  drained(ring: EventRing, fromUs: number): void {
    const nowUs = this.#nowUs();
    this.#drainedEvents = ring.written;
    ring.checkAtWord = ring.position + (ring.payloadWords >>> 1);
    this.#dueUs = nowUs + Math.max(this.#everyUs, Math.min(LONGEST_REST_US, REST * (nowUs - fromUs)));
  }

  #isHalfFull(ring: EventRing): boolean {
    return ring.written - this.#drainedEvents >= ring.capacity >>> 1 || ring.position >= ring.checkAtWord;
  }
}
