/**
 * Argument values in the payload ring of an `EventRing`: 64-bit words, written in sequence, wrapping around.
 *
 *     number     | the double itself                                   |            1 word
 *     boolean    | BOX | BOOLEAN |             0 or 1                  |            1 word
 *     text       | BOX | TEXT    | length in UTF-16 units | units ...  |            1 + ceil(length / 4) words
 *     json       | BOX | JSON    | length in UTF-16 units | units ...  |            text to be written unquoted
 *     spilled    | BOX | SPILLED |        number of the spill          |            1 word
 *
 * A box is a NaN with something in it: the high half is 0xfffc_00tt (t = tag), the low half the content. No box is
 * ever read or written as a double, and no NaN of the program is ever stored as one (see arguments.ts), so the
 * two can't be confused. REQUIRES: a little-endian machine, as every engine's is.
 *
 * A text too long for the ring is spilled: kept as a plain string beside it and dropped with its event.
 *
 * Invariants: the ring's `position` never goes back (a second try at the values of an event starts behind the
 * first: what the first overwrote is gone, and must count as gone); the values of one event fill at most an eighth
 * of the ring, so an event never overwrites itself, and a reader of a running thread's ring knows how far the
 * values of the event that is being made can reach.
 */
import type { EventRing } from './event-ring.js';

/** The high half of a word from here on says that it is no number. */
export const BOX = 0xfffc0000;

export const Tag = { boolean: 1, text: 2, json: 3, spilled: 4 } as const;
export type Tag = (typeof Tag)[keyof typeof Tag];

/** Room for what a cut text says at its end. */
const CUT_NOTE_UNITS = 40;

interface Spill {
  /** Number of the event it belongs to. */
  readonly sequence: number;
  readonly json: boolean;
  readonly text: string;
}

export class PayloadWriter {
  /** Set when a text had to be cut; reset by who asks. */
  wasCut = false;
  /** Most values that an event may have here. */
  readonly maxValues: number;
  readonly #ring: EventRing;
  readonly #base: number;
  readonly #mask: number;
  /** Words that the texts of one event may take; longer ones are spilled. */
  readonly #room: number;
  readonly #spills: Map<number, Spill> | undefined;
  #spillCount = 0;

  /**
   * @param keepsSpills false on a thread whose ring others read after its death: what they can't reach is cut
   *   to the longest text that fits, and says so
   */
  constructor(ring: EventRing, keepsSpills: boolean) {
    this.#ring = ring;
    this.#base = ring.payloadBase;
    this.#mask = ring.payloadWords - 1;
    this.#room = ring.payloadWords >>> 4;
    this.maxValues = ring.payloadWords >>> 5;
    this.#spills = keepsSpills ? new Map() : undefined;
  }

  boolean(value: boolean): void {
    this.#box(Tag.boolean, value ? 1 : 0);
  }

  text(value: string): void {
    this.#units(Tag.text, value);
  }

  /** Text that is already safe JSON. */
  json(value: string): void {
    this.#units(Tag.json, value);
  }

  spill(number: number): { readonly json: boolean; readonly text: string } | undefined {
    return this.#spills?.get(number);
  }

  /** Lets go of the spilled texts of overwritten events. @returns whether there are others */
  dropSpillsBefore(sequence: number): boolean {
    if (this.#spills === undefined) return false;
    for (const [number, spill] of this.#spills) {
      if (spill.sequence >= sequence) return true;
      this.#spills.delete(number);
    }
    return false;
  }

  #box(tag: Tag, content: number): void {
    const half = (this.#base + (this.#ring.position++ & this.#mask)) << 1;
    this.#ring.halves[half] = content;
    this.#ring.halves[half + 1] = BOX | tag;
  }

  #units(tag: typeof Tag.text | typeof Tag.json, value: string): void {
    const ring = this.#ring;
    const { length } = value;
    const words = (length + 3) >>> 2;
    if (ring.position + words - ring.wordsWritten > this.#room) {
      this.#tooLong(tag, value);
      return;
    }
    this.#box(tag, length);
    const { units } = ring;
    const base = this.#base << 2;
    const start = (ring.position & this.#mask) << 2;
    ring.position += words;
    if (ring.position >= ring.checkAtWord) {
      ring.isCheckDue = true;
      ring.isUnsettled = true;
    }
    const beforeEnd = Math.min(length, (ring.payloadWords << 2) - start);
    for (let i = 0; i < beforeEnd; i++) units[base + start + i] = value.charCodeAt(i);
    for (let i = beforeEnd; i < length; i++) units[base + i - beforeEnd] = value.charCodeAt(i);
  }

  #tooLong(tag: typeof Tag.text | typeof Tag.json, value: string): void {
    if (this.#spills !== undefined) {
      this.#spills.set(this.#spillCount, {
        sequence: this.#ring.written,
        json: tag === Tag.json,
        text: value,
      });
      this.#box(Tag.spilled, this.#spillCount++);
      this.#ring.isUnsettled = true;
      return;
    }
    this.wasCut = true;
    const left = (this.#room - (this.#ring.position - this.#ring.wordsWritten)) * 4 - CUT_NOTE_UNITS;
    if (left > 0) this.#units(Tag.text, `${value.slice(0, left)}… (${value.length - left} more characters)`);
    else this.#box(Tag.spilled, 0);
  }
}

/**
 * Walks the values of one event. Reused from event to event: `seek`, then for each argument `number` and, where it is
 * none, `next`, which leaves where the value is: a text's units at `(start + i) & mask` from `base` in `units`.
 */
export class PayloadReader {
  /** The boolean as 0 or 1, the text's length, or the spill's number. */
  content = 0;
  readonly units: Uint16Array;
  readonly base: number;
  readonly mask: number;
  start = 0;
  readonly #halves: Uint32Array;
  readonly #payloadBase: number;
  readonly #payloadMask: number;
  /** Modulo 2^32, which is enough to find the place in the ring and stays a small integer. */
  #position = 0;

  constructor(ring: EventRing) {
    this.units = ring.units;
    this.base = ring.payloadBase << 2;
    this.mask = (ring.payloadWords << 2) - 1;
    this.#halves = ring.halves;
    this.#payloadBase = ring.payloadBase;
    this.#payloadMask = ring.payloadMask;
  }

  get length(): number {
    return this.content;
  }

  /** To the first value of the event in a slot. REQUIRES: it is held. */
  seek(payloadStart: number): void {
    this.#position = payloadStart | 0;
  }

  /** Where the next value is: what `seek` takes. */
  get position(): number {
    return this.#position;
  }

  /** Goes past the next value if it is a number. @returns where in `words` it is; -1 for any other value */
  number(): number {
    const word = this.#payloadBase + (this.#position & this.#payloadMask);
    if (this.#halves[(word << 1) + 1]! >= BOX) return -1;
    this.#position++;
    return word;
  }

  /** Goes past the next value. REQUIRES: it is no number. */
  next(): Tag {
    const half = (this.#payloadBase + (this.#position++ & this.#payloadMask)) << 1;
    const content = this.#halves[half]!;
    const tag = (this.#halves[half + 1]! & 0xff) as Tag;
    this.content = content;
    if (tag === Tag.text || tag === Tag.json) {
      this.start = (this.#position << 2) & this.mask;
      this.#position += (content + 3) >>> 2;
    }
    return tag;
  }
}
