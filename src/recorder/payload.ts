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
 */
import type { EventRing } from './event-ring.js';

const BOX = 0xfffc0000;

export const Tag = { number: 0, boolean: 1, text: 2, json: 3, spilled: 4 } as const;
export type Tag = (typeof Tag)[keyof typeof Tag];

interface Spill {
  /** Number of the event it belongs to. */
  readonly sequence: number;
  readonly json: boolean;
  readonly text: string;
}

export class PayloadWriter {
  /** Words written ever, including those of the event being made. */
  position = 0;
  readonly #ring: EventRing;
  readonly #base: number;
  readonly #mask: number;
  /** Texts of more units than this are spilled. */
  readonly #longest: number;
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
    this.#longest = ring.payloadWords >>> 2;
    this.#spills = keepsSpills ? new Map() : undefined;
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
    if (length > this.#longest) {
      this.#tooLong(tag, value);
      return;
    }
    const { units } = this.#ring;
    this.#box(tag, length);
    const base = this.#base << 2;
    const mask = (this.#mask << 2) | 3;
    const start = (this.position & this.#mask) << 2;
    for (let i = 0; i < length; i++) units[base + ((start + i) & mask)] = value.charCodeAt(i);
    this.position += (length + 3) >>> 2;
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
    const kept = this.#longest - 40;
    this.#units(Tag.text, `${value.slice(0, kept)}… (${value.length - kept} more characters)`);
  }
}

/** Walks the values of one event. Reused from event to event: `seek`, then `next` for each argument. */
export class PayloadReader {
  readonly #ring: EventRing;
  readonly #base: number;
  readonly #mask: number;
  #position = 0;
  /** What `next` found: the number, the boolean as 0 or 1, the text's length, or the spill's number. */
  content = 0;
  /** Where the text's units start, to be used with `unit`. */
  #unitStart = 0;

  constructor(ring: EventRing) {
    this.#ring = ring;
    this.#base = ring.payloadBase;
    this.#mask = ring.payloadWords - 1;
  }

  seek(position: number): void {
    this.#position = position;
  }

  next(): Tag {
    const word = this.#base + (this.#position++ & this.#mask);
    const high = this.#ring.halves[(word << 1) + 1]!;
    if (high < BOX) {
      this.content = this.#ring.words[word]!;
      return Tag.number;
    }
    this.content = this.#ring.halves[word << 1]!;
    const tag = (high & 0xff) as Tag;
    if (tag === Tag.text || tag === Tag.json) {
      this.#unitStart = (this.#position & this.#mask) << 2;
      this.#position += (this.content + 3) >>> 2;
    }
    return tag;
  }

  /** The `index`-th UTF-16 unit of the text that `next` found. */
  unit(index: number): number {
    return this.#ring.units[(this.#base << 2) + ((this.#unitStart + index) & ((this.#mask << 2) | 3))]!;
  }

  /** The text that `next` found, as a string. */
  text(): string {
    const parts: string[] = [];
    for (let i = 0; i < this.content; i += 4096) {
      const codes: number[] = [];
      const end = Math.min(this.content, i + 4096);
      for (let k = i; k < end; k++) codes.push(this.unit(k));
      parts.push(String.fromCharCode(...codes));
    }
    return parts.join('');
  }
}
