/**
 * Bounds the time that stack walks take. A context is walked once, which is little for a module of some hundred
 * contexts; an interpreter makes hundreds of thousands, and V8 takes the longer for a frame the larger its function is.
 *
 *     left   500 ms at first and at most, filled up again by a tenth of the time that passes
 *
 * When nothing is left, no stack is walked until there is; who asks again later, asks then. So what allocates often is
 * walked before long, and what goes without is mostly contexts that allocate once.
 */
const MOST_LEFT_MS = 500;
const SHARE = 1 / 10;
/** Looking at the clock takes time, too: it is done for one of so many that ask in vain. */
const ASKS = 32;

export class WalkBudget {
  readonly #nowMs: () => number;
  #leftMs = MOST_LEFT_MS;
  #filledMs: number;
  #asks = 0;
  /** How often there was nothing left. */
  refusals = 0;

  /** @param nowMs any clock in milliseconds */
  constructor(nowMs: () => number = () => performance.now()) {
    this.#nowMs = nowMs;
    this.#filledMs = nowMs();
  }

  /** Asks for time; a refusal is counted. */
  grants(): boolean {
    if (this.#leftMs > 0) return true;
    if (this.#asks++ % ASKS === 0) this.#fill(this.#nowMs());
    if (this.#leftMs > 0) return true;
    this.refusals++;
    return false;
  }

  #fill(nowMs: number): void {
    this.#leftMs = Math.min(MOST_LEFT_MS, this.#leftMs + (nowMs - this.#filledMs) * SHARE);
    this.#filledMs = nowMs;
  }

  /** Does what was granted, and takes its time off. */
  spend<T>(work: () => T): T {
    const beganMs = this.#nowMs();
    this.#fill(beganMs);
    try {
      return work();
    } finally {
      this.#leftMs -= this.#nowMs() - beganMs;
    }
  }
}
