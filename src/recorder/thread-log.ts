/**
 * Everything one thread has recorded: its ring, its strings, its name. The thread that owns a log appends to it;
 * any thread that has its memory may read it.
 */
import { ArgumentEncoder, type Arguments } from './arguments.js';
import type { Clock } from './clock.js';
import { EventKind, EventRing } from './event-ring.js';
import { PayloadWriter } from './payload.js';
import { finiteSeries } from './series.js';
import { nameText, StringTable } from './string-table.js';

/** What a thread is called and where viewers put it. */
export interface ThreadIdentity {
  readonly tid: number;
  name: string;
  /** Larger numbers are drawn lower; 0 leaves the order to the viewer. */
  sortIndex: number;
}

/** What the reader of a log (the writer of a file) needs of it, whoever's it is. */
export interface ReadableLog {
  readonly identity: Readonly<ThreadIdentity>;
  readonly ring: EventRing;
  text(id: number): string;
  spill(number: number): { readonly json: boolean; readonly text: string } | undefined;
}

/** A nanosecond: the smallest step that a trace file shows. */
const TICK_US = 0.001;

export class ThreadLog implements ReadableLog {
  readonly identity: ThreadIdentity;
  readonly ring: EventRing;
  readonly strings: StringTable;
  /** Counter series and finished scopes dropped because a number was not finite or out of range. */
  rejectedValues = 0;
  /** False while the recorder is off: scopes that are still open then record nothing when they end. */
  recording = true;
  readonly #clock: Clock;
  readonly #payload: PayloadWriter;
  readonly #encoder: ArgumentEncoder;
  #lastUs = Number.NEGATIVE_INFINITY;
  #colourId = 0;

  /** @param keepsSpills see `PayloadWriter` */
  constructor(
    identity: ThreadIdentity,
    clock: Clock,
    block: ArrayBufferLike,
    strings = new StringTable(),
    keepsSpills = true,
  ) {
    this.identity = identity;
    this.ring = new EventRing(block);
    this.strings = strings;
    this.#clock = clock;
    this.#payload = new PayloadWriter(this.ring, keepsSpills);
    this.#encoder = new ArgumentEncoder(strings, this.#payload);
  }

  text(id: number): string {
    return this.strings.text(id);
  }

  spill(number: number): { readonly json: boolean; readonly text: string } | undefined {
    return this.#payload.spill(number);
  }

  /** Now, and later than every time that this log gave out before: equal times would nest in a viewer. */
  stampUs(): number {
    let nowUs = this.#clock.nowUs();
    if (nowUs <= this.#lastUs) nowUs = this.#lastUs + TICK_US;
    this.#lastUs = nowUs;
    return nowUs;
  }

  /** Gives the next event a colour, by one of the names that viewers know. */
  colourNext(name: string): void {
    this.#colourId = this.strings.id(name);
  }

  /** Takes the colour meant for the next event; a scope takes it when it starts and uses it when it ends. */
  takeColour(): number {
    const id = this.#colourId;
    this.#colourId = 0;
    return id;
  }

  /** Appends an event that may have arguments. */
  append(
    kind: EventKind,
    categoryId: number,
    name: string,
    startUs: number,
    durationUs: number,
    args: Arguments | undefined,
    colourId = this.takeColour(),
  ): void {
    const nameId = this.#open(name);
    const shape = args === undefined ? 0 : this.#encoder.encode(nameId, args);
    this.#commit(kind | (colourId << 16), nameId | (categoryId << 16), startUs, durationUs, shape);
  }

  /** Appends a counter with one series, called like the counter. */
  appendNumber(categoryId: number, name: string, atUs: number, value: number): void {
    const nameId = this.#open(name);
    if (nameId === 0) {
      this.appendSeries(categoryId, name, atUs, value);
      return;
    }
    this.#payload.number(value);
    this.#commit(EventKind.counter | (this.takeColour() << 16), nameId | (categoryId << 16), atUs, 0, nameId);
  }

  /** Appends a counter with the series of `value` that a graph can show; nothing when there are none. */
  appendSeries(categoryId: number, name: string, atUs: number, value: unknown): void {
    const nameId = this.#open(name);
    let shape =
      typeof value === 'object' && value !== null
        ? this.#encoder.encodeNumbers(nameId, value as Readonly<Record<string, unknown>>)
        : -1;
    if (shape < 0) {
      const { keys, values, rejected } = finiteSeries(name, value);
      this.rejectedValues += rejected;
      if (keys.length === 0) return;
      this.#payload.wasCut = false;
      shape = this.#encoder.encodeList(nameId, keys, values);
      if (this.#payload.wasCut) {
        this.rejectedValues += keys.length; // series in a text that was cut are numbers no more
        return;
      }
    }
    this.#commit(EventKind.counter | (this.takeColour() << 16), nameId | (categoryId << 16), atUs, 0, shape);
  }

  /** Starts an event's values. @returns the id of its name; 0 when the name became the first value */
  #open(name: string): number {
    this.#payload.restart();
    const nameId = this.strings.id(name);
    // A name that found no room in the string table travels as the first value of its event.
    if (nameId === 0) this.#payload.text(nameText(name));
    return nameId;
  }

  #commit(kind: number, labels: number, startUs: number, durationUs: number, shape: number): void {
    const { start, position } = this.#payload;
    this.ring.append(kind, labels, startUs, durationUs, shape, start, position);
    this.#payload.dropSpillsBefore(this.ring.written - this.ring.capacity);
  }
}
