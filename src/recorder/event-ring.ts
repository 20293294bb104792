/**
 * One thread's events: records of numbers in one block of memory, seen through typed arrays. Fixed capacity; when
 * full, the newest event overwrites the oldest. No object per event, nothing for the garbage collector to visit.
 *
 *     block    | header: 8 words | records: 4 words an event | payload: 8 words an event |
 *
 *     header   [0] events written ever   [1] payload words written ever   (doubles)
 *
 *     record   | startUs (double) | durationUs (double) | labels | kinds | shape | payload |
 *              0                  8                     16       20      24      28        32 bytes
 *
 *     labels   name id (low 16 bits) | category id (high 16 bits)
 *     kinds    EventKind (low 16 bits) | colour id (high 16 bits)
 *     shape    id of the argument keys joined by NUL; 0 = no arguments; RAW_SHAPE = keys and values are one JSON text
 *     payload  where the event's values start: the low 32 bits of the number of words written before them
 *
 * The payload is a ring of its own (payload.ts). Flows keep their id in `durationUs`.
 *
 * The block may be a SharedArrayBuffer: then another thread can read the events of a worker at any time, also
 * after the worker was terminated, without the worker's help.
 *
 * All fields share three views of the block because each further typed array costs a store its own checks: the
 * same append on one array for each column took twice as long.
 *
 * Invariants: capacity is a power of two; the event numbered `s` (0, 1, 2, ...) is in slot `s & (capacity - 1)`
 * and is held while `s >= written - capacity`; its values are held while fewer than `payloadWords` words were
 * written since. Both counts are stored after the data they cover. REQUIRES: a little-endian machine.
 *
 * Cost: 32 bytes an event and 64 bytes of room for its values; 3 MiB a thread at the default capacity.
 */

export const DEFAULT_CAPACITY = 32768;

/** Highest number of events that a ring may hold; 1.6 GB. */
export const MAX_CAPACITY = 1 << 24;

/** Marks arguments stored as one JSON text, for key lists that can't be interned. */
export const RAW_SHAPE = 0xffffffff;

const HEADER_WORDS = 8;
const RECORD_WORDS = 4;
const PAYLOAD_WORDS = 8;
const WRITTEN = 0;
const WORDS_WRITTEN = 1;

/** What an event is; the numbers are stored, so they never change meaning. */
export const EventKind = {
  complete: 1,
  instant: 2,
  begin: 3,
  end: 4,
  counter: 5,
  flowStart: 6,
  flowStep: 7,
  flowEnd: 8,
} as const;

export type EventKind = (typeof EventKind)[keyof typeof EventKind];

export class EventRing {
  readonly capacity: number;
  readonly payloadWords: number;
  /** Index of the first payload word in `words`. */
  readonly payloadBase: number;
  /** The whole block as doubles, as halves of words and as UTF-16 units. */
  readonly words: Float64Array;
  readonly halves: Uint32Array;
  readonly units: Uint16Array;
  readonly #mask: number;
  readonly #intactFrom: number;
  #written: number;

  /**
   * @param block memory of `EventRing.bytes(capacity)` bytes: fresh zeroes, or the ring of another thread
   * @param intactFrom events with smaller numbers are damaged
   */
  constructor(block: ArrayBufferLike, intactFrom = 0) {
    this.#intactFrom = intactFrom;
    this.words = new Float64Array(block);
    this.halves = new Uint32Array(block);
    this.units = new Uint16Array(block);
    this.capacity = (this.words.length - HEADER_WORDS) / (RECORD_WORDS + PAYLOAD_WORDS);
    this.payloadWords = this.capacity * PAYLOAD_WORDS;
    this.payloadBase = HEADER_WORDS + this.capacity * RECORD_WORDS;
    this.#mask = this.capacity - 1;
    this.#written = this.words[WRITTEN]!;
  }

  /** Size of the block for a ring of `capacity` events. REQUIRES: a power of two. */
  static bytes(capacity: number): number {
    return 8 * (HEADER_WORDS + capacity * (RECORD_WORDS + PAYLOAD_WORDS));
  }

  /**
   * A copy of the ring as it is now, which its owner can't overwrite while it is read. What the owner overwrote
   * while it was being copied is known by the counts afterwards, and left out.
   */
  copy(): EventRing {
    const block = new ArrayBuffer(this.words.byteLength);
    const words = new Float64Array(block);
    words.set(this.words);
    words[WORDS_WRITTEN] = this.words[WORDS_WRITTEN]!;
    return new EventRing(block, this.written - this.capacity + 1);
  }

  /** Events written ever; the ring holds the last `capacity` of them. Fresh also on another thread's ring. */
  get written(): number {
    return this.words[WRITTEN]!;
  }

  /** Number of the oldest event that the ring still holds. */
  get oldest(): number {
    return Math.max(0, this.#intactFrom, this.written - this.capacity);
  }

  /**
   * Appends one event. Its values must have been written to the payload before, from `payloadStart` up to
   * `payloadEnd`. REQUIRES: called by the thread that owns the ring.
   */
  append(
    kinds: number,
    labels: number,
    startUs: number,
    durationUs: number,
    shape: number,
    payloadStart: number,
    payloadEnd: number,
  ): void {
    const { words, halves } = this;
    const at = HEADER_WORDS + (this.#written & this.#mask) * RECORD_WORDS;
    words[at] = startUs;
    words[at + 1] = durationUs;
    const half = at << 1;
    halves[half + 4] = labels;
    halves[half + 5] = kinds;
    halves[half + 6] = shape;
    halves[half + 7] = payloadStart;
    words[WORDS_WRITTEN] = payloadEnd;
    words[WRITTEN] = ++this.#written;
  }

  /** Slot of the event numbered `sequence`. */
  slot(sequence: number): number {
    return sequence & this.#mask;
  }

  startUs(slot: number): number {
    return this.words[HEADER_WORDS + slot * RECORD_WORDS]!;
  }

  /** Duration of a complete event; id of a flow. */
  durationUs(slot: number): number {
    return this.words[HEADER_WORDS + slot * RECORD_WORDS + 1]!;
  }

  nameId(slot: number): number {
    return this.#half(slot, 4) & 0xffff;
  }

  categoryId(slot: number): number {
    return this.#half(slot, 4) >>> 16;
  }

  kind(slot: number): EventKind {
    return (this.#half(slot, 5) & 0xffff) as EventKind;
  }

  colourId(slot: number): number {
    return this.#half(slot, 5) >>> 16;
  }

  shape(slot: number): number {
    return this.#half(slot, 6);
  }

  /** First payload word of the event in `slot`, counted from the first word ever; -1 when overwritten. */
  payloadStart(slot: number): number {
    const end = this.words[WORDS_WRITTEN]!;
    const start = end - ((end - this.#half(slot, 7)) >>> 0);
    return end - start > this.payloadWords ? -1 : start;
  }

  #half(slot: number, index: number): number {
    return this.halves[((HEADER_WORDS + slot * RECORD_WORDS) << 1) + index]!;
  }
}
