/**
 * What a worker's heap tracer and its main thread share in memory: a few figures that the main thread may read at any
 * time, requests, and how far the worker is with them.
 *
 *     memory | live bytes of each source (4 doubles) | last sign of life, us | time of a snapshot, ms |
 *            | last request | last request for a snapshot | progress | snapshots sent and not yet taken |
 *            | 1 while the worker blocks and what it sent last is how it is |  (i32 each)
 *
 * Requests are numbered from 1. Progress is twice the number of a request once the worker has noticed it, and one more
 * when it is answered.
 */

import { SOURCE_NAMES, type SourceName } from '../heap/snapshot.js';

const ALIVE_US = SOURCE_NAMES.length;
const SNAPSHOT_MS = ALIVE_US + 1;
const DOUBLES = SNAPSHOT_MS + 1;
const REQUEST = 0;
const SNAPSHOT_REQUEST = 1;
const PROGRESS = 2;
const UNREAD = 3;
const IDLE = 4;
const COUNTS = 5;

export class HeapLink {
  readonly memory: SharedArrayBuffer;
  readonly #doubles: Float64Array;
  readonly #counts: Int32Array<SharedArrayBuffer>;

  /** @param memory that of another thread's link; left out, a new one is made */
  constructor(memory = new SharedArrayBuffer(8 * DOUBLES + 4 * COUNTS)) {
    this.memory = memory;
    this.#doubles = new Float64Array(memory, 0, DOUBLES);
    this.#counts = new Int32Array(memory, 8 * DOUBLES, COUNTS);
  }

  liveBytes(source: SourceName): number {
    return this.#doubles[SOURCE_NAMES.indexOf(source)]!;
  }

  setLiveBytes(source: SourceName, bytes: number): void {
    this.#doubles[SOURCE_NAMES.indexOf(source)] = bytes;
  }

  /** When the worker's event loop last turned, on the process' clock. */
  get aliveUs(): number {
    return this.#doubles[ALIVE_US]!;
  }

  set aliveUs(nowUs: number) {
    this.#doubles[ALIVE_US] = nowUs;
  }

  /** How long the last snapshot took the worker. */
  get snapshotMs(): number {
    return this.#doubles[SNAPSHOT_MS]!;
  }

  set snapshotMs(ms: number) {
    this.#doubles[SNAPSHOT_MS] = ms;
  }

  /** Snapshots that wait in the main thread's queue. */
  get unread(): number {
    return Atomics.load(this.#counts, UNREAD);
  }

  /** Whether the worker blocks since it sent its last snapshot: there is nothing to ask. */
  get isIdle(): boolean {
    return Atomics.load(this.#counts, IDLE) === 1;
  }

  set isIdle(idle: boolean) {
    Atomics.store(this.#counts, IDLE, idle ? 1 : 0);
  }

  /** Whether a request waits to be taken up. */
  get isAsked(): boolean {
    return Atomics.load(this.#counts, PROGRESS) < 2 * Atomics.load(this.#counts, REQUEST);
  }

  sent(): void {
    Atomics.add(this.#counts, UNREAD, 1);
  }

  taken(): void {
    Atomics.sub(this.#counts, UNREAD, 1);
  }

  /** Asks the worker. @param number rises from request to request */
  ask(number: number, wantsSnapshot: boolean): void {
    if (wantsSnapshot) Atomics.store(this.#counts, SNAPSHOT_REQUEST, number);
    Atomics.store(this.#counts, REQUEST, number);
    Atomics.notify(this.#counts, REQUEST);
  }

  /**
   * Calls back in a turn of this thread's event loop when something was asked. Keeps no event loop alive.
   *
   * Not a message: from Node 22 on a thread's first `message` event loads what takes tens of milliseconds.
   */
  onAsked(listener: () => void): void {
    const wait = (seen: number): void => {
      const change = Atomics.waitAsync(this.#counts, REQUEST, seen);
      const woken = (): void => {
        const now = Atomics.load(this.#counts, REQUEST);
        listener();
        wait(now);
      };
      if (change.async) void change.value.then(woken);
      else setImmediate(woken); // it has changed already
    };
    wait(0);
  }

  /** Takes up what was asked since the last answer. @returns the number of the last request */
  accept(): { readonly number: number; readonly wantsSnapshot: boolean } {
    const answered = Atomics.load(this.#counts, PROGRESS) >> 1;
    const number = Atomics.load(this.#counts, REQUEST);
    const wantsSnapshot = Atomics.load(this.#counts, SNAPSHOT_REQUEST) > answered;
    this.#setProgress(2 * number);
    return { number, wantsSnapshot };
  }

  answer(number: number): void {
    this.#setProgress(2 * number + 1);
  }

  hasAnswered(number: number): boolean {
    return Atomics.load(this.#counts, PROGRESS) > 2 * number;
  }

  /**
   * Blocks this thread until the request is answered, or until it is clear that it won't be in time.
   *
   * @param startMs when it was asked, on this thread's `performance.now()`
   * @param acceptMs how long the worker may take to notice the request
   * @param answerMs how long it may take to answer
   */
  waitFor(number: number, startMs: number, acceptMs: number, answerMs: number): void {
    for (;;) {
      const progress = Atomics.load(this.#counts, PROGRESS);
      if (progress > 2 * number) return;
      const leftMs = startMs + (progress === 2 * number ? answerMs : acceptMs) - performance.now();
      if (leftMs <= 0) return;
      Atomics.wait(this.#counts, PROGRESS, progress, leftMs);
    }
  }

  #setProgress(progress: number): void {
    Atomics.store(this.#counts, PROGRESS, progress);
    Atomics.notify(this.#counts, PROGRESS);
  }
}
