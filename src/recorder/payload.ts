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
 * Invariants: `position` never goes back (a second try at the values of an event starts behind the first: what the
 * first overwrote is gone, and must count as gone); the values of one event fill at most an eighth of the ring, so
 * an event never overwrites itself, and a reader of a running thread's ring knows how far the values of the event
 * that is being made can reach.
 */
import type { EventRing } from './event-ring.js';

const BOX = 0xfffc0000;

export const Tag = { number: 0, boolean: 1, text: 2, json: 3, spilled: 4 } as const;
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
  /** Words written ever, including those of the event being made. */
  position = 0;
  /** Where the values of the event being made start. */
  start = 0;
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

  /** Opens the values of an event; again, when they have to be written anew. */
  restart(): void {
    this.start = this.position;
  }

  number(value: number): void {
    this.#ring.words[this.#base + (this.position++ & this.#mask)] = value;
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

  /** Lets go of the spilled texts of overwritten events. */
  dropSpillsBefore(sequence: number): void {
    if (this.#spills === undefined || this.#spills.size === 0) return;
    for (const [number, spill] of this.#spills) {
      if (spill.sequence >= sequence) return;
      this.#spills.delete(number);
    }
  }

  #box(tag: Tag, content: number): void {
    const half = (this.#base + (this.position++ & this.#mask)) << 1;
    this.#ring.halves[half] = content;
    this.#ring.halves[half + 1] = BOX | tag;
  }

  #units(tag: typeof Tag.text | typeof Tag.json, value: string): void {
    const length = value.length;
    const words = (length + 3) >>> 2;
    if (this.position + words - this.#ring.wordsWritten > this.#room) {
      this.#tooLong(tag, value);
      return;
    }
    const { units } = this.#ring;
    this.#box(tag, length);
    const base = this.#base << 2;
    const mask = (this.#mask << 2) | 3;
    const start = (this.position & this.#mask) << 2;
    for (let i = 0; i < length; i++) units[base + ((start + i) & mask)] = value.charCodeAt(i);
    this.position += words;
  }

  #tooLong(tag: typeof Tag.text | typeof Tag.json, value: string): void {
    if (this.#spills !== undefined) {
      this.#spills.set(this.#spillCount, {
        sequence: this.#ring.written,
        json: tag === Tag.json,
        text: value,
      });
      this.#box(Tag.spilled, this.#spillCount++);
      return;
    }
    this.wasCut = true;
    const left = (this.#room - (this.position - this.#ring.wordsWritten)) * 4 - CUT_NOTE_UNITS;
    if (left > 0) this.#units(Tag.text, `${value.slice(0, left)}… (${value.length - left} more characters)`);
    else this.#box(Tag.spilled, 0);
  }
}

/**
 * Walks the values of one event. Reused from event to event: `seek`, then `next` for each argument. After a text it
 * tells where the text's units lie: at `(start + i) & mask` from `base` in `units`, for `length` units.
 */
export class PayloadReader {
  /** What `next` found: the number, the boolean as 0 or 1, the text's length, or the spill's number. */
  content = 0;
  readonly units: Uint16Array;
  readonly base: number;
  readonly mask: number;
  start = 0;
  readonly #ring: EventRing;
  #position = 0;

  constructor(ring: EventRing) {
    this.#ring = ring;
    this.units = ring.units;
    this.base = ring.payloadBase << 2;
    this.mask = (ring.payloadWords << 2) - 1;
  }

  get length(): number {
    return this.content;
  }

  seek(position: number): void {
    this.#position = position;
  }

  next(): Tag {
    const { words, halves, payloadBase, payloadWords } = this.#ring;
    const word = payloadBase + (this.#position++ & (payloadWords - 1));
    const high = halves[(word << 1) + 1]!;
    if (high < BOX) {
      this.content = words[word]!;
      return Tag.number;
    }
    this.content = halves[word << 1]!;
    const tag = (high & 0xff) as Tag;
    if (tag === Tag.text || tag === Tag.json) {
      this.start = (this.#position << 2) & this.mask;
      this.#position += (this.content + 3) >>> 2;
    }
    return tag;
  }
}
