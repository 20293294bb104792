/**
 * Turns the arguments of an event into payload words and one number, the *shape*: the id of its key list.
 *
 * Most call sites pass an object literal with the same keys every time. So each event name remembers the key list
 * it had last, and a call whose keys are those very strings costs one pointer comparison a key; only a new list
 * is joined and interned. Key lists that can't be interned (the table is full, a key contains NUL, there are
 * thousands of keys) travel as JSON with their values.
 *
 * Reading a value may run the program's code (a getter, a proxy, `toJSON`), and that code may record events of its
 * own, whose values would land among these. So there are two ways: values of known keys are written as they are
 * read, and the caller starts anew when another event came in between; all others are read first and then written.
 */
import { type EventRing, RAW_SHAPE } from './event-ring.js';
import type { PayloadWriter } from './payload.js';
import { describe, read, safeJson, textJson, threwText } from './safe-json.js';
import type { StringTable } from './string-table.js';

/** Arguments of an event. Any value is accepted and made safe; numbers, strings and booleans are cheap. */
export type Arguments = Readonly<Record<string, unknown>>;

/** A value that can be written without running any code of the program; numbers are finite. */
type PlainValue = number | string | boolean | { readonly json: string };

/** Arguments that have been read. */
export interface PlainArguments {
  readonly keys: readonly string[];
  readonly values: readonly PlainValue[];
}

export const NO_ARGUMENTS: PlainArguments = { keys: [], values: [] };

/** Keys in their order, and the shape that stands for them. */
export interface KeyList {
  readonly keys: readonly string[];
  readonly shape: number;
}

/** Arguments without keys have nothing to say: shape 0. */
const NO_KEYS: KeyList = { keys: [], shape: 0 };

const TWO_63 = 2n ** 63n;

export class ArgumentEncoder {
  readonly #strings: StringTable;
  readonly #ring: EventRing;
  readonly #payload: PayloadWriter;
  /** The key list that the name with this id had last. Grows without gaps. */
  readonly #lastKeys: KeyList[] = [];

  constructor(strings: StringTable, ring: EventRing, payload: PayloadWriter) {
    this.#strings = strings;
    this.#ring = ring;
    this.#payload = payload;
  }

  /** The key list that a name had last. */
  known(nameId: number): KeyList {
    return nameId < this.#lastKeys.length ? this.#lastKeys[nameId]! : NO_KEYS;
  }

  /** Writes the values to the payload, whatever the keys. @returns the shape: 0 when there is nothing to say */
  encode(nameId: number, { keys, values }: PlainArguments): number {
    if (keys.length === 0) return 0;
    const last = this.known(nameId);
    const isKnown = sameKeys(last.keys, keys);
    const shape = isKnown
      ? last.shape
      : keys.length > this.#payload.maxValues
        ? 0
        : this.#strings.listId(keys);
    if (shape === 0) {
      const entries = keys.map((key, i) => `${textJson(key)}:${plainJson(values[i]!)}`);
      this.#payload.json(`{${entries.join(',')}}`);
      return RAW_SHAPE;
    }
    for (const value of values) this.#writePlain(value);
    if (nameId !== 0 && !isKnown) {
      while (this.#lastKeys.length <= nameId) this.#lastKeys.push(NO_KEYS);
      this.#lastKeys[nameId] = { keys, shape };
    }
    return shape;
  }

  /** Writes a value of any kind. May run code of the program. */
  write(value: unknown): void {
    if (typeof value === 'string') this.#payload.text(value);
    else this.#writePlain(plain(value));
  }

  #writePlain(value: PlainValue): void {
    if (typeof value === 'string') this.#payload.text(value);
    else if (typeof value === 'number') this.#ring.number(value);
    else if (typeof value === 'boolean') this.#payload.boolean(value);
    else this.#payload.json(value.json);
  }
}

/** Reads arguments of any kind. Never throws. */
export function readArguments(args: Arguments): PlainArguments {
  const keys = ownKeys(args);
  return { keys, values: keys.map((key) => plain(read(args, key))) };
}

/** The keys of what a program gave as arguments; none where it refuses. */
export function ownKeys(args: Arguments): readonly string[] {
  try {
    return Object.keys(args);
  } catch {
    return []; // a proxy that refuses to be read, or nothing at all
  }
}

/** May run the program's code. Never throws. */
function plain(value: unknown): PlainValue {
  switch (typeof value) {
    case 'string':
    case 'boolean':
      return value;
    case 'number':
      return value - value === 0 ? value : String(value);
    case 'object':
      return { json: safeJson(value) };
    case 'bigint':
      return value >= -TWO_63 && value < TWO_63 ? { json: String(value) } : String(value);
    default:
      try {
        return describe(value);
      } catch (error) {
        return threwText(error); // a function whose name can't be read
      }
  }
}

function plainJson(value: PlainValue): string {
  return typeof value === 'object' ? value.json : safeJson(value);
}

function sameKeys(known: readonly string[], keys: readonly string[]): boolean {
  return known.length === keys.length && keys.every((key, i) => known[i] === key);
}
