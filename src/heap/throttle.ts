/**
 * When the live-bytes counter gets a point from the hot path: at most once a second, without reading the clock at
 * every allocation. A countdown of operations, sized by how fast they come, makes the clock be read about every
 * 10 ms; so a program that allocates a thousand times a second pays one read for ten allocations, and one that
 * allocates once a second one for each.
 */
const READ_EVERY_US = 10_000;
const POINT_EVERY_US = 1_000_000;
/** Keeps a quiet spell after a busy one from waiting long for its countdown to end. */
const MOST_OPERATIONS = 1024;

export class Throttle {
  /** Operations until the clock is read. The hot path does `if (--throttle.left < 0) throttle.read()`. */
  left = 0;
  #operations = 1;
  #readUs = 0;
  #pointUs = Number.NEGATIVE_INFINITY;
  readonly #nowUs: () => number;
  readonly #addPoint: () => void;

  /** @param addPoint adds the point; called from within an allocation */
  constructor(nowUs: () => number, addPoint: () => void) {
    this.#nowUs = nowUs;
    this.#addPoint = addPoint;
  }

  /** The countdown has ended: sizes the next one, and adds a point when it is time. */
  read(): void {
    const nowUs = this.#nowUs();
    const elapsedUs = Math.max(1, nowUs - this.#readUs);
    this.#readUs = nowUs;
    const wanted = (this.#operations * READ_EVERY_US) / elapsedUs;
    this.#operations = Math.min(MOST_OPERATIONS, Math.max(1, Math.round(wanted)));
    this.left = this.#operations - 1;
    if (nowUs - this.#pointUs >= POINT_EVERY_US) this.#addPoint();
  }

  /** One with a countdown of its own, for operations that are counted elsewhere; points are as rare for both together. */
  fork(): Throttle {
    return new Throttle(this.#nowUs, () => {
      if (this.#nowUs() - this.#pointUs >= POINT_EVERY_US) this.#addPoint();
    });
  }

  /** A point was added, here or on request: the next is due a second later. */
  pointAdded(): void {
    this.#pointUs = this.#nowUs();
  }
}
