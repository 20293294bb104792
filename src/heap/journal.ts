/**
 * Blocks that the program has told of and that are not counted yet: a few hundred allocations and frees, which a stream then
 * counts in one go. An operation becomes two words written here; what surrounds an operation (guard, sampler, throttle,
 * sums) is done once for all of them, and the cache misses of their blocks overlap instead of waiting for one another.
 *
 *     entries   |  key  bytes  |  key  FREED  |  key  bytes  | ... room for the rest of the turn |
 *
 * Invariants, between calls:
 *  1. What is here has not been counted anywhere, is in the order in which it was told, and is older than what is told next.
 *     So whoever reads what was counted, or counts something past the journal, calls `settle` first.
 *  2. A turn is no longer than the sampler's next sampled allocation is away, and than the throttle's countdown: the
 *     allocation that is sampled is never here, and nothing waits here much longer than 10 ms while the program goes on.
 *  3. While the guard is busy there is no room, and once there are labels there never is. Both tell so when they change: asked at
 *     each operation, they would cost as much as writing it down.
 *
 * Memory: 4 KiB.
 */

import { FREED, MOST_ENTRIES } from './block-words.js';
import type { Guard } from './guard.js';
import type { Labels } from './labels.js';
import type { LiveTable } from './live-table.js';
import type { EntryFunction } from './stack.js';
import type { AllocationStream, StreamHost } from './stream.js';

export class Journal {
  readonly #host: StreamHost;
  readonly #guard: Guard;
  readonly #labels: Labels;
  readonly #stream: AllocationStream<LiveTable>;
  /** The table's, which may have others after each turn. */
  #entries: Int32Array;
  /** Word index of the next entry. */
  #next = 0;
  /** Where this turn ends. */
  #turn = 0;
  /** Up to where there is room now: the end of the turn, or none at all. */
  #end = 0;

  constructor(host: StreamHost, stream: AllocationStream<LiveTable>) {
    this.#host = host;
    this.#guard = host.guard;
    this.#labels = host.labels;
    this.#stream = stream;
    this.#entries = stream.entries();
    // What was reserved was reserved at the old probability.
    host.sampler.watch(() => this.#count());
    host.guard.watch((busy) => {
      this.#end = busy ? this.#next : this.#turn;
    });
    host.labels.onFirst(() => this.settle());
  }

  /**
   * An allocation.
   *
   * @param key unsigned 32-bit integer
   * @param bytes whole number from 0 to 2^31 - 1
   */
  alloc(key: number, bytes: number, entry: EntryFunction): void {
    const next = this.#next;
    if (next === this.#end) {
      if (this.#guard.busy) return;
      this.settle();
      this.#stream.alloc(key, bytes, entry);
      this.#beginTurn();
      return;
    }
    const entries = this.#entries;
    entries[next] = key;
    entries[next | 1] = bytes;
    this.#next = next + 2;
  }

  /** A free. */
  free(key: number): void {
    const next = this.#next;
    if (next === this.#end) {
      this.settle();
      this.#stream.free(key);
      this.#beginTurn();
      return;
    }
    const entries = this.#entries;
    entries[next] = key;
    entries[next | 1] = FREED;
    this.#next = next + 2;
  }

  /** Has everything counted that is here. */
  settle(): void {
    const reserved = this.#turn >> 1;
    if (reserved > 0) this.#host.sampler.release(reserved - this.#count());
  }

  /** @returns the number of allocations */
  #count(): number {
    const words = this.#next;
    this.#next = 0;
    this.#turn = 0;
    this.#end = 0;
    return this.#stream.replay(words);
  }

  #beginTurn(): void {
    const { sampler, throttle } = this.#host;
    if (this.#guard.busy || this.#labels.used || this.#stream.stopped) return;
    this.#entries = this.#stream.entries();
    this.#turn = 2 * sampler.reserve(Math.min(MOST_ENTRIES, throttle.left));
    this.#end = this.#turn;
  }
}
