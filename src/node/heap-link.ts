/**
 * A few figures of a worker's heaps in shared memory, which its main thread may read at any time and wait on.
 *
 *     memory | live bytes of each source (4 doubles) | last sign of life, us | time of a snapshot, ms |
 *            | last request (i32) | snapshots sent and not yet taken (i32) |
 *
 * The last request is twice its number once the worker has it, and one more when it is answered.
 */
import { SOURCE_NAMES, type SourceName } from '../heap/snapshot.js';

const ALIVE_US = SOURCE_NAMES.length;
const SNAPSHOT_MS = ALIVE_US + 1;
const DOUBLES = SNAPSHOT_MS + 1;
const REQUEST = 0;
const UNREAD = 1;

export class HeapLink {
  readonly memory: SharedArrayBuffer;
  readonly #doubles: Float64Array;
  readonly #counts: Int32Array;

  /** @param memory that of another thread's link; left out, a new one is made */
  constructor(memory = new SharedArrayBuffer(8 * DOUBLES + 8)) {
    this.memory = memory;
    this.#doubles = new Float64Array(memory, 0, DOUBLES);
    this.#counts = new Int32Array(memory, 8 * DOUBLES, 2);
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

  sent(): void {
    Atomics.add(this.#counts, UNREAD, 1);
  }

  taken(): void {
    Atomics.sub(this.#counts, UNREAD, 1);
  }

  accept(request: number): void {
    this.#setRequest(2 * request);
  }

  answer(request: number): void {
    this.#setRequest(2 * request + 1);
  }

  hasAnswered(request: number): boolean {
    return Atomics.load(this.#counts, REQUEST) > 2 * request;
  }

  /**
   * Blocks this thread until the request is answered, or until it is clear that it won't be in time.
   *
   * @param acceptMs how long the worker may take to notice the request
   * @param answerMs how long it may take to answer
   */
  waitFor(request: number, acceptMs: number, answerMs: number): void {
    const startMs = performance.now();
    for (;;) {
      const word = Atomics.load(this.#counts, REQUEST);
      if (word > 2 * request) return;
      const leftMs = startMs + (word === 2 * request ? answerMs : acceptMs) - performance.now();
      if (leftMs <= 0) return;
      Atomics.wait(this.#counts, REQUEST, word, leftMs);
    }
  }

  #setRequest(word: number): void {
    if (Atomics.load(this.#counts, REQUEST) >= word) return;
    Atomics.store(this.#counts, REQUEST, word);
    Atomics.notify(this.#counts, REQUEST);
  }
}
