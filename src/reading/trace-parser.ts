/**
 * Chunks of the JSON text of a trace -> its events, one at a time. Both forms are read: the object whose
 * `traceEvents` (anywhere in it) is the array of events, and the bare array.
 *
 * Tolerated without a word: a byte-order mark, trailing or doubled commas, whatever `parseJson` tolerates in an
 * event. Anything else is damage: the first place is described, the rest counted, and reading goes on wherever the
 * next event can be told (after the damaged event, or at the next line that starts with `{`).
 *
 * Memory: the window holds one event (at most `LARGEST_EVENT`) and one chunk. Not here: files and gzip
 * (`read-trace.ts`, `unpack.ts`).
 */
import { ByteWindow } from './byte-window.js';
import { type Damage, type DamageKind, DamageLog, type DamagePlace } from './damage.js';
import { LooseJsonError, parseJson } from './loose-json.js';
import { isRecord, type TraceEvent } from './trace-event.js';
import { BROKEN, INCOMPLETE, isSpace, ValueScan } from './value-scan.js';

/** Bytes; a larger event is reported as damage and skipped. */
const LARGEST_EVENT = 64 * 1024 * 1024;
/** Bytes; a larger value beside `traceEvents` is skipped. */
const LARGEST_OTHER_VALUE = 64 * 1024;
/** Characters of such values kept altogether; the rest is skipped. */
const OTHER_VALUES_ROOM = 1024 * 1024;

const OPEN_BRACE = 0x7b;
const CLOSE_BRACE = 0x7d;
const OPEN_BRACKET = 0x5b;
const CLOSE_BRACKET = 0x5d;
const QUOTE = 0x22;
const COLON = 0x3a;
const COMMA = 0x2c;
const MINUS = 0x2d;
const NEWLINE = 0x0a;

/** What a trace turned out to be, once it is read. */
export interface TraceOutline {
  /** null when the text is neither an object nor an array. */
  readonly form: 'object' | 'array' | null;
  /** Bytes of JSON text. */
  readonly bytes: number;
  /** Objects with a `ph` in the array of events. */
  readonly eventCount: number;
  /** The keys beside `traceEvents`, but for values of over 64 KiB of text and all after the first MiB. */
  readonly otherKeys: Readonly<Record<string, unknown>>;
  readonly damage: Damage | null;
}

/**
 * What the parser waits for, outside of a value: `resync` is after damage among the events, up to the next line
 * that starts with `{`; `stopped` is after damage with nothing to go on from.
 */
type State = 'start' | 'key' | 'colon' | 'value' | 'events' | 'resync' | 'after' | 'stopped';

/** The value that is being scanned, if any. */
type Scanning = 'nothing' | 'key' | 'value' | 'element';

export class TraceParser {
  readonly #window = new ByteWindow();
  readonly #scan = new ValueScan();
  readonly #onEvent: (event: TraceEvent) => void;
  #state: State = 'start';
  #scanning: Scanning = 'nothing';
  /** Next byte to look at; window.start <= position <= window.end. */
  #position = 0;
  /** Where the value being scanned begins. While it is kept that is also `window.start`. */
  #valueOffset = 0;
  #valueLine = 1;
  /** The value being scanned is too large to keep: its bytes are dropped as they pass. */
  #dropping = false;
  #form: 'object' | 'array' | null = null;
  #key = '';
  /** Elements of the array of events begun so far, which is also the number of the current one. */
  #elements = 0;
  #eventCount = 0;
  readonly #otherKeys = new Map<string, unknown>();
  #otherRoom = OTHER_VALUES_ROOM;
  readonly #damage = new DamageLog();

  /** @param onEvent called for each event, in the order of the file, while `push` runs */
  constructor(onEvent: (event: TraceEvent) => void) {
    this.#onEvent = onEvent;
  }

  /** A key beside `traceEvents`, as far as the text has been read; undefined when there is none, or not yet. */
  otherKey(name: string): unknown {
    return this.#otherKeys.get(name);
  }

  /** Takes the next bytes of the text. They are copied, so the caller may reuse the chunk. */
  push(chunk: Uint8Array): void {
    const base = this.#window.offsetOf(0);
    this.#window.append(chunk);
    this.#position -= this.#window.offsetOf(0) - base;
    while (this.#scanning === 'nothing' ? this.#step() : this.#scanOn());
    if (this.#scanning === 'nothing' || this.#dropping) this.#window.dropTo(this.#position);
  }

  /**
   * Says that the text has ended, which is damage when its JSON has not.
   *
   * @param unpackingProblem why unpacking gave no more text, when that is not its end
   */
  end(unpackingProblem: string | null = null): TraceOutline {
    const end = this.#window.end;
    const empty = this.#state === 'start' && this.#window.start === end;
    if (unpackingProblem !== null) this.#damage.noteCause('gzip', unpackingProblem, this.#placeOf(end));
    else if (this.#scanning !== 'nothing') this.#note('cut-short', end, 'cut short');
    else if (this.#state === 'events') this.#note('cut-short', end, 'the closing "]" is missing');
    else if (!empty && !['after', 'stopped', 'resync'].includes(this.#state)) {
      this.#note('cut-short', end, 'cut short');
    }
    return {
      form: this.#form,
      bytes: this.#window.offsetOf(end),
      eventCount: this.#eventCount,
      otherKeys: Object.fromEntries(this.#otherKeys),
      damage: this.#damage.damage,
    };
  }

  /** Goes one byte on outside of values. False when it needs more bytes. */
  #step(): boolean {
    if (this.#state === 'resync') return this.#findLine();
    if (this.#state === 'stopped') this.#position = this.#window.end;
    if (this.#state === 'start' && !this.#skipByteOrderMark()) return false;
    const byte = this.#skipSpace(this.#state === 'key' || this.#state === 'events');
    if (byte === undefined) return false;
    switch (this.#state) {
      case 'start':
        if (byte !== OPEN_BRACE && byte !== OPEN_BRACKET) return this.#stop('this is not JSON');
        this.#form = byte === OPEN_BRACE ? 'object' : 'array';
        return this.#pass(byte === OPEN_BRACE ? 'key' : 'events');
      case 'key':
        if (byte === CLOSE_BRACE) return this.#pass('after');
        return byte === QUOTE ? this.#begin('key', byte) : this.#stop('a key should be here');
      case 'colon':
        return byte === COLON ? this.#pass('value') : this.#stop('a ":" should be here');
      case 'value':
        if (this.#key === 'traceEvents' && byte === OPEN_BRACKET) return this.#pass('events');
        return startsValue(byte) ? this.#begin('value', byte) : this.#stop('a value should be here');
      case 'events':
        if (byte === CLOSE_BRACKET) return this.#pass(this.#form === 'array' ? 'after' : 'key');
        if (startsValue(byte)) return this.#begin('element', byte);
        this.#note('malformed', this.#position, 'an event should be here');
        this.#state = 'resync';
        return true;
      default:
        this.#note('trailing', this.#position, 'more follows the end of the trace');
        this.#state = 'stopped';
        return true;
    }
  }

  #pass(state: State): true {
    this.#position++;
    this.#state = state;
    return true;
  }

  #stop(problem: string): true {
    this.#note('malformed', this.#position, problem);
    this.#state = 'stopped';
    return true;
  }

  #begin(scanning: Scanning, firstByte: number): true {
    this.#window.dropTo(this.#position);
    this.#valueOffset = this.#window.offsetOf(this.#position);
    this.#valueLine = this.#window.lineOf(this.#position);
    this.#scan.reset(firstByte);
    this.#scanning = scanning;
    this.#dropping = false;
    if (scanning === 'element') this.#elements++;
    return true;
  }

  /** Goes on with the value that is being scanned. False when it needs more bytes. */
  #scanOn(): boolean {
    const window = this.#window;
    const after = this.#scan.advance(window.buffer, this.#position, window.end);
    this.#dropIfTooLarge(after >= 0 ? after : window.end);
    if (after === INCOMPLETE) {
      this.#position = window.end;
      return false;
    }
    if (after === BROKEN) {
      const { brokenAt, reason } = this.#scan;
      this.#note('malformed', brokenAt, reason);
      this.#state = this.#scanning === 'element' ? 'resync' : 'stopped';
      // The newline before `brokenAt` is what `resync` looks for.
      this.#position = Math.max(window.start, brokenAt - 1);
    } else {
      this.#position = after;
      this.#take(this.#dropping ? null : window.buffer.toString('utf8', window.start, after));
    }
    this.#scanning = 'nothing';
    return true;
  }

  /** Gives up keeping the value when it reaches too far. */
  #dropIfTooLarge(reached: number): void {
    const inEvent = this.#scanning === 'element';
    if (this.#dropping || reached - this.#window.start <= (inEvent ? LARGEST_EVENT : LARGEST_OTHER_VALUE))
      return;
    if (inEvent) this.#note('malformed', this.#window.start, 'an event of over 64 MiB');
    this.#dropping = true;
  }

  /** Makes what it is of a value that is complete; `text` is null when it was too large. */
  #take(text: string | null): void {
    if (this.#scanning === 'key') {
      this.#key = text === null ? '' : String(this.#parse(text));
      this.#state = 'colon';
      return;
    }
    const value = text === null ? undefined : this.#parse(text);
    if (this.#scanning === 'element') {
      if (!isRecord(value) || typeof value['ph'] !== 'string') return;
      this.#eventCount++;
      this.#onEvent(value);
      return;
    }
    this.#otherRoom -= this.#key.length + (text?.length ?? 0);
    if (value !== undefined && this.#otherRoom >= 0) this.#otherKeys.set(this.#key, value);
    this.#state = 'key';
  }

  /** The value, or undefined when it is none. */
  #parse(text: string): unknown {
    try {
      return parseJson(text);
    } catch (error) {
      if (!(error instanceof LooseJsonError)) throw error;
      const bytesBefore = Buffer.byteLength(text.slice(0, error.position));
      this.#note('malformed', this.#window.start + bytesBefore, error.message);
      return undefined;
    }
  }

  #findLine(): boolean {
    const { buffer, end } = this.#window;
    const found = buffer.subarray(0, end).indexOf('\n{', this.#position);
    if (found >= 0) {
      this.#position = found + 1;
      this.#state = 'events';
      return true;
    }
    const newlineLast = end > this.#position && buffer[end - 1] === NEWLINE;
    this.#position = newlineLast ? end - 1 : end;
    return false;
  }

  #skipByteOrderMark(): boolean {
    const { buffer, end } = this.#window;
    if (this.#window.offsetOf(this.#position) > 0 || buffer[this.#position] !== 0xef) return true;
    if (end - this.#position < 3) return false;
    if (buffer[this.#position + 1] === 0xbb && buffer[this.#position + 2] === 0xbf) this.#position += 3;
    return true;
  }

  /** The next byte that is not space, or undefined when there is none yet. */
  #skipSpace(andCommas: boolean): number | undefined {
    const { buffer, end } = this.#window;
    while (this.#position < end) {
      const byte = buffer[this.#position]!;
      if (!isSpace(byte) && !(andCommas && byte === COMMA)) return byte;
      this.#position++;
    }
    return undefined;
  }

  #note(kind: DamageKind, position: number, problem: string): void {
    this.#damage.note(kind, problem, this.#placeOf(position));
  }

  #placeOf(position: number): DamagePlace {
    const inEvent = this.#scanning === 'element';
    return {
      offset: this.#window.offsetOf(position),
      line: this.#window.lineOf(position),
      event: inEvent ? { number: this.#elements, offset: this.#valueOffset, line: this.#valueLine } : null,
      eventsBefore: this.#elements,
    };
  }
}

/** A string, an object, an array, or the first letter or digit of a number or word. */
function startsValue(byte: number): boolean {
  if (byte === QUOTE || byte === OPEN_BRACE || byte === OPEN_BRACKET || byte === MINUS) return true;
  return (byte >= 0x30 && byte <= 0x39) || (byte >= 0x41 && byte <= 0x5a) || (byte >= 0x61 && byte <= 0x7a);
}
