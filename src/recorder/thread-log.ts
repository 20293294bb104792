/**
 * Everything one thread has recorded: its ring, its strings, its name. The thread that owns a log appends to it;
 * any thread that has its memory may read it.
 *
 * The ways that most events take (`recordNow`, `recordScope`, `recordNumber`, `recordPair`, `recordWith`) are short: few
 * steps, no double handed from call to call that was none before (it would be boxed), what is rare checked once and put
 * off to the end (`#settle`). The time comes first: the processor finishes what stands before a clock reading and
 * goes ahead with what stands behind it. Whatever does not fit is recorded again, the long way. Measured against the
 * clock reading that it needs, an event mostly costs 1.1 to 1.5 times as much without arguments, 1.4 to 2.3 times with two
 * numbers in hand, 2.1 to 2.5 times with two in an object.
 */
import { ArgumentEncoder, type Arguments, NO_ARGUMENTS, readArguments } from './arguments.js';
import type { Clock } from './clock.js';
import type { DrainPace } from './drain-pace.js';
import * as EventKind from './event-kind.js';
import { EventRing, NOW, OPERAND } from './event-ring.js';
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
  /** False while the recorder is off: scopes that are still open then record nothing when they end. */
  recording = true;
  #pace: DrainPace | undefined;
  readonly #clock: Clock;
  readonly #payload: PayloadWriter;
  readonly #encoder: ArgumentEncoder;
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
    this.ring.words[NOW] = -1; // before any time, so that an event at time 0 keeps it
    this.strings = strings;
    this.#clock = clock;
    this.#payload = new PayloadWriter(this.ring, keepsSpills);
    this.#encoder = new ArgumentEncoder(strings, this.ring, this.#payload);
  }

  text(id: number): string {
    return this.strings.text(id);
  }

  spill(number: number): { readonly json: boolean; readonly text: string } | undefined {
    return this.#payload.spill(number);
  }

  /** Has the pace asked, every so many events, whether they are to go to the disk now; `undefined` ends that. */
  drainAt(pace: DrainPace | undefined): void {
    this.#pace = pace;
    if (pace === undefined) this.ring.checkNoMore();
    else this.ring.checkAfter(1);
  }

  /** Takes the time: `ring.nowUs`, later than every time taken before. */
  stamp(): void {
    const { words } = this.ring;
    const nowUs = this.#clock.nowUs();
    words[NOW] = nowUs > words[NOW]! ? nowUs : words[NOW]! + TICK_US;
  }

  /** Gives the next event a colour, by one of the names that viewers know. */
  colourNext(name: string): void {
    this.#colourId = this.strings.id(name);
    this.ring.isUnsettled = true;
  }

  /** Takes the colour meant for the next event; a scope takes it when it starts and uses it when it ends. */
  takeColour(): number {
    const id = this.#colourId;
    this.#colourId = 0;
    return id;
  }

  /** Records an event without arguments that happens now. */
  recordNow(kind: EventKind.Any, categoryId: number, name: string): void {
    const { ring } = this;
    this.stamp();
    const nameId = this.strings.id(name);
    if (nameId === 0) {
      this.#recordAgain(kind, categoryId, name, 0, undefined);
      return;
    }
    const { words, next } = ring;
    words[next] = words[NOW]!;
    words[next + 1] = 0;
    ring.publish(kind, nameId | (categoryId << 16), 0);
    if (ring.isUnsettled) this.#settle(true);
  }

  /** Records a scope without arguments that started at `ring.operand` and ends now. @param kinds with its colour */
  recordScope(kinds: number, categoryId: number, name: string): void {
    const { ring } = this;
    const { words } = ring;
    const startUs = words[OPERAND]!;
    this.stamp();
    const nameId = this.strings.id(name);
    if (nameId === 0) {
      this.#recordAgain(kinds, categoryId, name, startUs, undefined);
      return;
    }
    const { next } = ring;
    words[next] = startUs;
    words[next + 1] = words[NOW]! - startUs;
    ring.publish(kinds, nameId | (categoryId << 16), 0);
    if (ring.isUnsettled) this.#settle(false);
  }

  /** Records a counter with one series, called like the counter. @param value finite */
  recordNumber(categoryId: number, name: string, value: number): void {
    const { ring } = this;
    const { words } = ring;
    this.stamp();
    const nameId = this.strings.id(name);
    if (nameId === 0) {
      this.#recordAgain(EventKind.counter, categoryId, name, value, undefined);
      return;
    }
    const { next, position } = ring;
    ring.start = position;
    words[ring.payloadBase + (position & ring.payloadMask)] = value;
    ring.position = position + 1;
    words[next] = words[NOW]!;
    words[next + 1] = 0;
    ring.publish(EventKind.counter, nameId | (categoryId << 16), nameId);
    if (ring.isUnsettled) this.#settle(true);
  }

  /**
   * Records an event with arguments.
   *
   * One long function on purpose. The compiler would take apart a shorter one, put pieces into each caller until a
   * budget is used up, and leave the rest as calls that box every double: another time on each run, up to twice this
   * one. A function of this size (more than 460 bytes of bytecode) it compiles as a whole.
   *
   * @param kinds the kind, with its colour for a scope. A scope ends now and started at `ring.operand`
   * @param args for a counter its series
   */
  recordWith(kinds: number, categoryId: number, name: string, args: Arguments): void {
    const { ring } = this;
    const { words, payloadBase, payloadMask } = ring;
    const kind = kinds & 0xffff;
    const operand = words[OPERAND]!;

    // Later than every time before, since equal times would nest in a viewer.
    let nowUs = this.#clock.nowUs();
    if (!(nowUs > words[NOW]!)) nowUs = words[NOW]! + TICK_US;
    words[NOW] = nowUs;

    const nameId = this.strings.id(name);
    ring.start = ring.position;

    const { keys, shape } = this.#encoder.known(nameId);
    const { length } = keys;
    let matched = 0;
    let notFinite = 0;
    try {
      for (const key in args) {
        // Within the list: a comparison with `undefined`, even one, makes V8 compare in general ever after.
        if (matched === length || keys[matched] !== key) {
          matched = -1;
          break;
        }
        matched++;
        const value = args[key];
        if (typeof value === 'number') {
          notFinite += value - value; // 0 for a finite number, NaN for others: one branch for all of them
          words[payloadBase + (ring.position++ & payloadMask)] = value;
        } else if (kind === EventKind.counter) {
          matched = -1;
          break;
        } else {
          this.#encoder.write(value);
        }
      }
    } catch {
      matched = -1; // a getter or a proxy threw
    }
    // Other keys than last time (or none), or another event that was recorded while these values were read.
    if (matched !== length || notFinite !== 0 || shape === 0 || ring.start < 0) {
      this.#recordAgain(kinds, categoryId, name, operand, args);
      return;
    }

    const { next } = ring;
    if (kind === EventKind.complete) {
      words[next] = operand;
      words[next + 1] = nowUs - operand;
    } else {
      words[next] = nowUs;
      words[next + 1] = 0;
    }
    ring.publish(kinds, nameId | (categoryId << 16), shape);
    if (ring.isUnsettled) this.#settle(kind !== EventKind.complete);
  }

  /** Records an instant, or a counter, with two arguments that are in no object. Keys are text, or made so. */
  recordPair(
    kind: typeof EventKind.instant | typeof EventKind.counter,
    categoryId: number,
    name: string,
    firstKey: unknown,
    first: unknown,
    secondKey: unknown,
    second: unknown,
  ): void {
    const { ring } = this;
    this.stamp();
    const nameId = this.strings.id(name);
    const { keys, shape } = this.#encoder.known(nameId);
    ring.start = ring.position;
    if (
      keys.length === 2 && // so shape is not 0
      keys[0] === firstKey &&
      keys[1] === secondKey &&
      typeof first === 'number' &&
      typeof second === 'number' &&
      first - first + (second - second) === 0
    ) {
      ring.number(first);
      ring.number(second);
      const { words, next } = ring;
      words[next] = words[NOW]!;
      words[next + 1] = 0;
      ring.publish(kind, nameId | (categoryId << 16), shape);
      if (ring.isUnsettled) this.#settle(true);
      return;
    }
    // An object has its own say on keys that are equal, and on the order of those that look like integers.
    const args = Object.fromEntries([
      [nameText(firstKey), first],
      [nameText(secondKey), second],
    ]);
    this.#recordAgain(kind, categoryId, name, 0, args);
  }

  /** Records what the short ways could not, at the time taken for it: all is read first and then written. */
  #recordAgain(
    kinds: number,
    categoryId: number,
    name: string,
    operand: number,
    args: Arguments | undefined,
  ): void {
    const kind = kinds & 0xffff;
    if (args !== undefined && this.ring.start < 0) this.stamp(); // later than those recorded while they were read
    const { nowUs } = this.ring;
    if (kind === EventKind.counter) {
      this.#appendFinite(categoryId, name, args ?? operand);
    } else {
      const startUs = kind === EventKind.complete ? operand : nowUs;
      this.#append(kinds, categoryId, name, startUs, nowUs - startUs, args);
    }
    if (this.ring.isUnsettled) this.#settle(kind !== EventKind.complete);
  }

  /** Records a counter whose value is neither a number nor an object. */
  recordOther(categoryId: number, name: string, value: unknown): void {
    this.stamp();
    this.#appendFinite(categoryId, name, value);
    if (this.ring.isUnsettled) this.#settle(true);
  }

  /** Records an event at any time. */
  recordAt(
    kind: EventKind.Any,
    categoryId: number,
    name: string,
    startUs: number,
    durationUs: number,
    args: Arguments | undefined,
  ): void {
    this.#append(kind, categoryId, name, startUs, durationUs, args);
    if (this.ring.isUnsettled) this.#settle(true);
  }

  #append(
    kinds: number,
    categoryId: number,
    name: string,
    startUs: number,
    durationUs: number,
    args: Arguments | undefined,
  ): void {
    const read = args === undefined ? NO_ARGUMENTS : readArguments(args);
    const nameId = this.#start(name);
    const shape = this.#encoder.encode(nameId, read);
    this.ring.append(kinds, nameId | (categoryId << 16), startUs, durationUs, shape);
  }

  /** Appends what can be shown of a counter at the time taken last, which may be nothing. */
  #appendFinite(categoryId: number, name: string, value: unknown): void {
    const { ring } = this;
    const { nowUs } = ring;
    const series = finiteSeries(name, value);
    ring.rejectedValues += series.rejected;
    if (series.keys.length === 0) {
      ring.giveUp();
      return;
    }
    const nameId = this.#start(name);
    this.#payload.wasCut = false;
    const shape = this.#encoder.encode(nameId, series);
    if (this.#payload.wasCut) {
      ring.rejectedValues += series.keys.length; // series in a text that was cut are numbers no more
      ring.giveUp();
      return;
    }
    ring.append(EventKind.counter, nameId | (categoryId << 16), nowUs, 0, shape);
  }

  /**
   * Starts the values of an event. From here until it is appended no code of the program may run.
   *
   * @returns the id of its name; where it found no room in the string table, 0, and the name is the first value
   */
  #start(name: string): number {
    const nameId = this.strings.id(name);
    const text = nameId === 0 ? nameText(name) : '';
    this.ring.start = this.ring.position;
    if (nameId === 0) this.#payload.text(text);
    return nameId;
  }

  /** What is rare, after an event: it takes the colour meant for it, and the texts of the one it overwrote go. */
  #settle(takesColour: boolean): void {
    const { ring } = this;
    if (takesColour && this.#colourId !== 0) ring.recolour(this.takeColour());
    const holdsTexts = this.#payload.dropSpillsBefore(ring.written - ring.capacity);
    ring.isUnsettled = holdsTexts || this.#colourId !== 0;
    if (ring.isCheckDue) this.#pace?.check(ring);
  }
}
