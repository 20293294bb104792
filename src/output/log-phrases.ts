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
import { type Phrase, phrase } from './json-bytes.js';

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

interface Opening {
  readonly labels: number;
  readonly kinds: number;
  readonly tid: number;
  readonly phrase: Phrase;
}

const NO_KEYS: readonly Phrase[] = [];
const ONLY_NAME: readonly Phrase[] = [phrase(',"name":')];

/** Places for openings; two that fall on the same place are made anew each time they take turns. */
const OPENINGS = 1024;

export class LogPhrases {
  readonly log: ReadableLog;
  readonly reader: PayloadReader;
  readonly #pid: number;
  readonly #quoted: string[] = [];
  readonly #keys: (readonly Phrase[] | undefined)[] = [NO_KEYS];
  readonly #keysAfterName: (readonly Phrase[] | undefined)[] = [ONLY_NAME];
  readonly #openings: (Opening | undefined)[] = new Array(OPENINGS).fill(undefined);

  constructor(log: ReadableLog, pid: number) {
    this.log = log;
    this.reader = new PayloadReader(log.ring);
    this.#pid = pid;
  }

  /**
   * An event up to its time, starting with the comma after the event before: `,\n{"name":"parse", ... "ts":`.
   * Without a name when `labels` has none.
   */
  opening(labels: number, kinds: number, tid: number): Phrase {
    const place = (Math.imul(labels, 0x9e3779b1) ^ Math.imul(kinds ^ (tid << 4), 0x85ebca6b)) >>> 22;
    const known = this.#openings[place];
    if (known !== undefined && known.labels === labels && known.kinds === kinds && known.tid === tid) {
      return known.phrase;
    }
    return this.#makeOpening(place, labels, kinds, tid);
  }

  /**
   * What stands before each value of an event: `,"args":{"key":`, then `,"key":` for each further one.
   *
   * @param shape `RAW_SHAPE` and 0 have no keys
   * @param isNameless whether the name is the first value
   */
  keys(shape: number, isNameless: boolean): readonly Phrase[] {
    if (shape === RAW_SHAPE) return isNameless ? ONLY_NAME : NO_KEYS;
    return (isNameless ? this.#keysAfterName : this.#keys)[shape] ?? this.#makeKeys(shape, isNameless);
  }

  #makeOpening(place: number, labels: number, kinds: number, tid: number): Phrase {
    const made = phrase(this.#openingText(labels, kinds, tid));
    this.#openings[place] = { labels, kinds, tid, phrase: made };
    return made;
  }

  #makeKeys(shape: number, isNameless: boolean): readonly Phrase[] {
    const keys = keysOf(this.log.text(shape));
    const made = keys.map((key, i) => phrase(`${i === 0 ? ',"args":{' : ','}${textJson(key)}:`));
    const list = isNameless ? [...ONLY_NAME, ...made] : made;
    (isNameless ? this.#keysAfterName : this.#keys)[shape] = list;
    return list;
  }

  #openingText(labels: number, kinds: number, tid: number): string {
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
