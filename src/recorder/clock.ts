/**
 * The recorder's clock: microseconds with fractions, monotonic, zero at the start of the process, anchored once
 * to wall time so that the files of several processes can be laid on one axis.
 *
 * Epoch microseconds would not do as timestamps: a double has no room for their nanoseconds, and Perfetto drops
 * the decimals of values that large. So events count from the process' start and the file carries the anchor.
 */

/** The part of the platform's `performance` object that a clock needs. */
export interface PerformanceClock {
  now(): number;
  readonly timeOrigin: number;
}

export class Clock {
  /** Wall time of this clock's zero, in microseconds since the Unix epoch. */
  readonly anchorUs: number;
  readonly #performance: PerformanceClock;
  readonly #offsetUs: number;

  /**
   * @param performance the platform's monotonic clock
   * @param offsetUs what to add to `performance.now()` in microseconds: a worker's clock starts when the worker
   *   does, and the offset puts it on the axis of the main thread
   */
  constructor(performance: PerformanceClock, offsetUs = 0) {
    this.#performance = performance;
    this.#offsetUs = offsetUs;
    this.anchorUs = performance.timeOrigin * 1000 - offsetUs;
  }

  /** Microseconds since the start of the process. */
  nowUs(): number {
    return this.#performance.now() * 1000 + this.#offsetUs;
  }

  /** Converts a time of this thread's `performance.now()`, in milliseconds, to this clock's microseconds. */
  fromPerformanceMs(ms: number): number {
    return ms * 1000 + this.#offsetUs;
  }
}
