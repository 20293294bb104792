/**
 * Checkpoints of the heap while a program runs, so that the report at its end can tell what has grown from what is
 * merely live. A checkpoint forces a full garbage collection where JavaScript is sampled, so they are kept rare:
 *
 *   - `LEAST_PAUSE_MS` apart, and further the longer the program runs: each adds a sixteenth to the time covered;
 *   - they take at most one part in `BUDGET` of the time; in the first minute twice that where it needs it to have one
 *     every `MOST_PAUSE_MS`, since a verdict on growth rests on several;
 *   - what comes after a forced collection counts as well: marking by other threads, caches gone cold, code that V8 compiles
 *     anew. It takes some `AFTERMATH_MS` of processor time whatever the pause was, which a young program (it is compiling
 *     anyway, and has no verdict yet) is not charged for in full.
 *
 * The exact heaps need no collection: they are noted within the first second already, at their own pace, so that a
 * program of a few seconds can be judged too.
 */
export const FIRST_CHECKPOINT_MS = 500;
const LEAST_PAUSE_MS = 1_000;
const UNCOLLECTED_PAUSE_MS = 200;
const BUDGET = 100;
const SPREAD = 16;
const FIRST_MINUTE_MS = 60_000;
const MOST_PAUSE_MS = 10_000;
const AFTERMATH_MS = 40;
/** The part of the time since the start that the aftermath counts as, at most. */
const AFTERMATH_SHARE = 1 / 200;

/**
 * How long to wait after a checkpoint that took so long, so long after the start.
 *
 * @param budget the share of the time that checkpoints may take is one part in so many
 */
export function checkpointPauseMs(
  elapsedMs: number,
  tookMs: number,
  budget = BUDGET,
  leastMs = LEAST_PAUSE_MS,
): number {
  const wantedMs = tookMs * budget;
  const pauseMs =
    elapsedMs < FIRST_MINUTE_MS ? Math.min(wantedMs, Math.max(MOST_PAUSE_MS, wantedMs / 2)) : wantedMs;
  return Math.max(leastMs, pauseMs, elapsedMs / SPREAD);
}

export class Checkpoints {
  readonly #take: (collect: boolean) => void;
  readonly #nowMs: () => number;
  #startMs = 0;

  /**
   * @param take takes one: of all heaps, or only of those that need no collection
   * @param nowMs any clock in milliseconds
   */
  constructor(take: (collect: boolean) => void, nowMs: () => number = () => performance.now()) {
    this.#take = take;
    this.#nowMs = nowMs;
  }

  /** Begins. Timers do not keep the process alive. */
  start(): void {
    this.#startMs = this.#nowMs();
    this.#after(FIRST_CHECKPOINT_MS, true, LEAST_PAUSE_MS);
    this.#after(UNCOLLECTED_PAUSE_MS, false, UNCOLLECTED_PAUSE_MS);
  }

  #after(pauseMs: number, collect: boolean, leastMs: number): void {
    setTimeout(() => {
      const beganMs = this.#nowMs();
      this.#take(collect);
      const endMs = this.#nowMs();
      const elapsedMs = endMs - this.#startMs;
      const aftermathMs = collect ? Math.min(AFTERMATH_MS, elapsedMs * AFTERMATH_SHARE) : 0;
      const nextMs = checkpointPauseMs(elapsedMs, endMs - beganMs + aftermathMs, BUDGET, leastMs);
      this.#after(nextMs, collect, leastMs);
    }, pauseMs).unref();
  }
}
