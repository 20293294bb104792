/**
 * Checkpoints of the heap while a program runs, so that the report at its end can tell what has grown from what is
 * merely live. A checkpoint forces a full garbage collection where JavaScript is sampled, so they are kept rare:
 *
 *   - `LEAST_PAUSE_MS` apart, and further the longer the program runs: each adds a sixteenth to the time covered;
 *   - they take at most one part in `BUDGET` of the time.
 */
export const FIRST_CHECKPOINT_MS = 500;
const LEAST_PAUSE_MS = 1_000;
const BUDGET = 100;
const SPREAD = 16;

/**
 * How long to wait after a checkpoint that took so long, so long after the start.
 *
 * @param budget the share of the time that checkpoints may take is one part in so many
 */
export function checkpointPauseMs(elapsedMs: number, tookMs: number, budget = BUDGET): number {
  return Math.max(LEAST_PAUSE_MS, tookMs * budget, elapsedMs / SPREAD);
}

export class Checkpoints {
  readonly #take: () => void;
  readonly #nowMs: () => number;
  #startMs = 0;

  /** @param nowMs any clock in milliseconds */
  constructor(take: () => void, nowMs: () => number = () => performance.now()) {
    this.#take = take;
    this.#nowMs = nowMs;
  }

  /** Begins. Timers do not keep the process alive. */
  start(): void {
    this.#startMs = this.#nowMs();
    this.#after(FIRST_CHECKPOINT_MS);
  }

  /** How long to wait after one that took so long, in milliseconds. */
  pauseMs(tookMs: number): number {
    return checkpointPauseMs(this.#nowMs() - this.#startMs, tookMs);
  }

  #after(pauseMs: number): void {
    setTimeout(() => {
      const beganMs = this.#nowMs();
      this.#take();
      this.#after(this.pauseMs(this.#nowMs() - beganMs));
    }, pauseMs).unref();
  }
}
