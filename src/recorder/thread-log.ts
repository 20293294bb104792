/**
 * Everything one thread has recorded: its ring, its strings, its name. The thread that owns a log appends to it;
 * any thread that has its memory may read it.
 */
import { ArgumentEncoder, type Arguments } from './arguments.js';
import type { Clock } from './clock.js';
import { EventKind, EventRing } from './event-ring.js';
import { PayloadWriter } from './payload.js';
import { StringTable } from './string-table.js';

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
  /** Counter points and series dropped because their value was no finite number. */
  rejectedValues = 0;
  readonly #clock: Clock;
  readonly #payload: PayloadWriter;
  readonly #encoder: ArgumentEncoder;
  #lastUs = 0;
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
    const nameId = this.strings.id(name);
    const start = this.#payload.position;
    // A name that found no room in the string table travels as the first value of its event.
    if (nameId === 0) this.#payload.text(String(name));
    const shape = args === undefined ? 0 : this.#encoder.encode(nameId, args);
    this.#commit(kind | (colourId << 16), nameId | (categoryId << 16), startUs, durationUs, shape, start);
  }

  /** Appends a counter with one series, called like the counter. */
  appendNumber(categoryId: number, name: string, atUs: number, value: number): void {
    const nameId = this.strings.id(name);
    if (nameId === 0) {
      this.append(EventKind.counter, categoryId, name, atUs, 0, { [name]: value });
      return;
    }
    const start = this.#payload.position;
    this.#payload.number(value);
    this.#commit(
      EventKind.counter | (this.takeColour() << 16),
      nameId | (categoryId << 16),
      atUs,
      0,
      nameId,
      start,
    );
  }

  #commit(
    kind: number,
    labels: number,
    startUs: number,
    durationUs: number,
    shape: number,
    start: number,
  ): void {
    const end = this.#payload.position;
    this.ring.append(kind, labels, startUs, durationUs, shape, start, end);
    this.#payload.dropSpillsBefore(this.ring.written - this.ring.capacity);
  }
}
