/**
 * One thread's events: records of numbers in one block of memory, seen through typed arrays. Fixed capacity; when
 * full, the newest event overwrites the oldest. No object per event, nothing for the garbage collector to visit.
 *
 *     block    | header: 8 words | records: 4 words an event | payload: 8 words an event |
 *
 *     header   [0] events written ever   [1] payload words written ever   [2] time taken last   [3] operand
 *              [4] values rejected: neither shown nor silently dropped
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

import type * as EventKind from './event-kind.js';

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
/** Where in a record, in halves of words, its columns are. */
export const LABELS = 4;
export const KINDS = 5;
export const SHAPE = 6;
export const PAYLOAD = 7;
/** Where in `words` the time taken last is, and a double on its way to the next event. */
export const NOW = 2;
export const OPERAND = 3;
const REJECTED = 4;

export class EventRing {
  readonly capacity: number;
  readonly payloadWords: number;
  /** Wraps a number of words written to a place in the payload. */
  readonly payloadMask: number;
  /** Index of the first payload word in `words`. */
  readonly payloadBase: number;
  /** The whole block as doubles, as halves of words and as UTF-16 units. */
  readonly words: Float64Array;
  readonly halves: Uint32Array;
  readonly units: Uint16Array;
  readonly #mask: number;
  readonly #intactFrom: number;
  /** Payload words written ever, including those of the event being made. Never goes back (see payload.ts). */
  position = 0;
  /** Where the values of the event being made start; -1 when none is: also when another one came in between. */
  start = -1;
  /** Whether the next event appended has something left to do: a colour to take, texts to let go. */
  isUnsettled = false;
  /** Index of the next record's first word. A cursor, since a count has to be masked and multiplied each time. */
  next = HEADER_WORDS;
  /** Where the last record lies. */
  readonly #last: number;
  /** The record after which `publish` leaves its short way: the last one, or an earlier one that was asked for. */
  #turn: number;
  /** Set when as many events were published as `checkAfter` was told; reset by who asked. */
  isCheckDue = false;
  /** The same, once the payload has come to this position; asked where a text is written. */
  checkAtWord = Number.POSITIVE_INFINITY;
  #isChecked = false;

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
    this.payloadMask = this.payloadWords - 1;
    this.#last = this.payloadBase - RECORD_WORDS;
    this.#turn = this.#last;
  }

  /** Size of the block for a ring of `capacity` events. REQUIRES: a power of two. */
  static bytes(capacity: number): number {
    return 8 * (HEADER_WORDS + capacity * (RECORD_WORDS + PAYLOAD_WORDS));
  }

  /**
   * A copy of the ring as it is now, which its owner can't overwrite while it is read. What the owner overwrote
   * while it was being copied is known by the counts afterwards, and left out: one record and an eighth of the
   * payload more than the counts say, because of the event that the owner is making at this moment.
   */
  copy(): EventRing {
    const block = new ArrayBuffer(this.words.byteLength);
    const words = new Float64Array(block);
    words.set(this.words);
    words[WORDS_WRITTEN] = this.wordsWritten + (this.payloadWords >>> 3);
    return new EventRing(block, this.written - this.capacity + 1);
  }

  /** Counter series and finished scopes dropped because a number was not finite or out of range. */
  get rejectedValues(): number {
    return this.words[REJECTED]!;
  }

  set rejectedValues(count: number) {
    this.words[REJECTED] = count;
  }

  /** Events written ever; the ring holds the last `capacity` of them. Fresh also on another thread's ring. */
  get written(): number {
    return this.words[WRITTEN]!;
  }

  /** Payload words written ever, up to the last whole event. */
  get wordsWritten(): number {
    return this.words[WORDS_WRITTEN]!;
  }

  /** Number of the oldest event that the ring still holds. */
  get oldest(): number {
    return Math.max(0, this.#intactFrom, this.written - this.capacity);
  }

  /** The time taken last. */
  get nowUs(): number {
    return this.words[NOW]!;
  }

  /**
   * A double on its way to the next event: a scope's start. Handed on here because a double that is an argument of a
   * call is boxed first.
   */
  set operand(value: number) {
    this.words[OPERAND] = value;
  }

  /** A number as the next value of the event being made. REQUIRES: finite. */
  number(value: number): void {
    this.words[this.payloadBase + (this.position++ & this.payloadMask)] = value;
  }

  /**
   * Appends an event, whose values were written from `start` on. REQUIRES: called by the thread that owns the ring,
   * on the object that it made for a fresh block.
   */
  append(kinds: number, labels: number, startUs: number, durationUs: number, shape: number): void {
    this.words[this.next] = startUs;
    this.words[this.next + 1] = durationUs;
    this.publish(kinds, labels, shape);
  }

  /** Appends the event whose times are at `next` and `next + 1` in `words` already. */
  publish(kinds: number, labels: number, shape: number): void {
    const { words, halves, next } = this;
    const half = next << 1;
    halves[half | LABELS] = labels;
    halves[half | KINDS] = kinds;
    halves[half | SHAPE] = shape;
    halves[half | PAYLOAD] = this.start;
    words[WORDS_WRITTEN] = this.position;
    words[WRITTEN]!++;
    this.start = -1;
    this.next = next === this.#turn ? this.#pastTurn() : next + RECORD_WORDS;
  }

  /**
   * Asks for `isCheckDue` once so many more events are published, or at the end of the ring, if that comes first.
   * Costs the events between nothing: the end of the ring is looked for anyway.
   */
  checkAfter(events: number): void {
    this.isCheckDue = false;
    this.#isChecked = true;
    this.#turn = Math.min(this.#last, this.next + (events - 1) * RECORD_WORDS);
  }

  /** Ends the checks. */
  checkNoMore(): void {
    this.isCheckDue = false;
    this.checkAtWord = Number.POSITIVE_INFINITY;
    this.#isChecked = false;
    this.#turn = this.#last;
  }

  #pastTurn(): number {
    const { next } = this;
    if (this.#isChecked) {
      this.isCheckDue = true;
      this.isUnsettled = true;
    }
    this.#turn = this.#last;
    return next === this.#last ? HEADER_WORDS : next + RECORD_WORDS;
  }

  /** Gives up the event being made: its values are overwritten memory all the same. */
  giveUp(): void {
    this.words[WORDS_WRITTEN] = this.position;
    this.start = -1;
  }

  /** Gives the event appended last a colour. */
  recolour(colourId: number): void {
    const last = this.slot(this.written - 1);
    const half = (recordWord(last) << 1) + KINDS;
    this.halves[half] = (this.halves[half]! & 0xffff) | (colourId << 16);
  }

  /** Slot of the event numbered `sequence`. */
  slot(sequence: number): number {
    return sequence & this.#mask;
  }

  startUs(slot: number): number {
    return this.words[recordWord(slot)]!;
  }

  /** Duration of a complete event; id of a flow. */
  durationUs(slot: number): number {
    return this.words[recordWord(slot) + 1]!;
  }

  /** Name id in the low half, category id in the high one. */
  labels(slot: number): number {
    return this.halves[(recordWord(slot) << 1) + LABELS]!;
  }

  nameId(slot: number): number {
    return this.halves[(recordWord(slot) << 1) + LABELS]! & 0xffff;
  }

  categoryId(slot: number): number {
    return this.halves[(recordWord(slot) << 1) + LABELS]! >>> 16;
  }

  /** Kind in the low half, colour id in the high one. */
  kinds(slot: number): number {
    return this.halves[(recordWord(slot) << 1) + KINDS]!;
  }

  kind(slot: number): EventKind.Any {
    return (this.halves[(recordWord(slot) << 1) + KINDS]! & 0xffff) as EventKind.Any;
  }

  shape(slot: number): number {
    return this.halves[(recordWord(slot) << 1) + SHAPE]!;
  }

  /** Where the values of the event in `slot` start: enough to find those that are known to be held. */
  payloadHalf(slot: number): number {
    return this.halves[(recordWord(slot) << 1) + PAYLOAD]!;
  }
}

/** Index in `words` of the record in a slot; twice that, in `halves`. */
export function recordWord(slot: number): number {
  return HEADER_WORDS + slot * RECORD_WORDS;
}
