/**
 * What many events of a log have in common, as bytes prepared once: how an event opens (its name, category, phase,
 * process and thread) and the keys of its arguments. An event is then its opening, its time and its values.
 */
import * as EventKind from '../recorder/event-kind.js';
import { RAW_SHAPE } from '../recorder/event-ring.js';
import { PayloadReader } from '../recorder/payload.js';
import { textJson } from '../recorder/safe-json.js';
import { keysOf } from '../recorder/string-table.js';
import type { ReadableLog } from '../recorder/thread-log.js';
import { type Phrases, prepare } from './json-bytes.js';

/** The `ph` field, and what goes with it, for each kind of event. */
const PHASES: Readonly<Record<EventKind.Any, string>> = {
  [EventKind.complete]: '"ph":"X"',
  [EventKind.instant]: '"ph":"I","s":"t"',
  [EventKind.begin]: '"ph":"B"',
  [EventKind.end]: '"ph":"E"',
  [EventKind.counter]: '"ph":"C"',
  [EventKind.flowStart]: '"ph":"s"',
  [EventKind.flowStep]: '"ph":"t"',
  [EventKind.flowEnd]: '"ph":"f","bp":"e"',
};

/** All that events of one look have in common. */
export interface EventForm extends Phrases {
  readonly labels: number;
  readonly kinds: number;
  readonly shape: number;
  readonly tid: number;
  /** Whether the second phrase is for a duration. */
  readonly isSlice: boolean;
  /** Index of the first phrase whose value is among the event's values: those before are for what its record holds. */
  readonly firstValue: number;
}

/** Places for forms; two that fall on the same place are made anew each time they take turns. */
const FORMS = 1024;

export class LogPhrases {
  readonly log: ReadableLog;
  readonly reader: PayloadReader;
  readonly #pid: number;
  readonly #quoted: string[] = [];
  readonly #keys: (readonly string[] | undefined)[] = [];
  readonly #forms: (EventForm | undefined)[] = new Array(FORMS).fill(undefined);

  constructor(log: ReadableLog, pid: number) {
    this.log = log;
    this.reader = new PayloadReader(log.ring);
    this.#pid = pid;
  }

  /**
   * What stands before each field of an event. First all up to its time, starting with the comma after the event before:
   * `,\n{"name":"parse", ... "ts":`, without a name when `labels` has none.
   *
   * @param shape `RAW_SHAPE` and 0 have no keys
   */
  form(labels: number, kinds: number, shape: number, tid: number): EventForm {
    const mixed = Math.imul(labels ^ (shape << 8), 0x9e3779b1) ^ Math.imul(kinds ^ (tid << 4), 0x85ebca6b);
    const place = mixed >>> 22;
    const form = this.#forms[place];
    if (
      form !== undefined &&
      form.labels === labels &&
      form.kinds === kinds &&
      form.shape === shape &&
      form.tid === tid
    ) {
      return form;
    }
    return this.#makeForm(place, labels, kinds, shape, tid);
  }

  #makeForm(place: number, labels: number, kinds: number, shape: number, tid: number): EventForm {
    const kind = kinds & 0xffff;
    const texts = [this.#opening(labels, kinds, tid)];
    if (kind === EventKind.complete) texts.push(',"dur":');
    if (kind >= EventKind.flowStart) texts.push(',"id":');
    const firstValue = texts.length;
    if ((labels & 0xffff) === 0) texts.push(',"name":');
    if (shape !== 0 && shape !== RAW_SHAPE) texts.push(...this.#keysOf(shape));
    const isSlice = kind === EventKind.complete;
    const form = { ...prepare(texts), labels, kinds, shape, tid, isSlice, firstValue };
    this.#forms[place] = form;
    return form;
  }

  /** `,"args":{"key":`, then `,"key":` for each further one. */
  #keysOf(shape: number): readonly string[] {
    let keys = this.#keys[shape];
    if (keys === undefined) {
      keys = keysOf(this.log.text(shape)).map((key, i) => `${i === 0 ? ',"args":{' : ','}${textJson(key)}:`);
      this.#keys[shape] = keys;
    }
    return keys;
  }

  #opening(labels: number, kinds: number, tid: number): string {
    const nameId = labels & 0xffff;
    const categoryId = labels >>> 16;
    const colourId = kinds >>> 16;
    const name = nameId === 0 ? '' : `"name":${this.#quote(nameId)},`;
    const category = categoryId === 0 ? '' : `"cat":${this.#quote(categoryId)},`;
    const colour = colourId === 0 ? '' : `"cname":${this.#quote(colourId)},`;
    const phase = PHASES[(kinds & 0xffff) as EventKind.Any];
    return `,\n{${name}${category}${phase},${colour}"pid":${this.#pid},"tid":${tid},"ts":`;
  }

  #quote(id: number): string {
    let text = this.#quoted[id];
    if (text === undefined) {
      text = textJson(this.log.text(id));
      this.#quoted[id] = text;
    }
    return text;
  }
}
