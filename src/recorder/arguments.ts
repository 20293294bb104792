/**
 * Turns the arguments of an event into payload words and one number, the *shape*: the id of its key list.
 *
 * Most call sites pass an object literal with the same keys every time. So each event name remembers the key list
 * it had last, and a call whose keys are those very strings costs one pointer comparison a key; only a new list
 * is joined and interned. Key lists that can't be interned (the table is full, a key contains NUL, there are
 * thousands of keys) travel as JSON with their values.
 */
import { RAW_SHAPE } from './event-ring.js';
import type { PayloadWriter } from './payload.js';
import { describe, read, safeJson, textJson, threwText } from './safe-json.js';
import type { StringTable } from './string-table.js';

/** Arguments of an event. Any value is accepted and made safe; numbers, strings and booleans are cheap. */
export type Arguments = Readonly<Record<string, unknown>>;

interface KeyList {
  readonly keys: readonly string[];
  readonly shape: number;
}

const TWO_63 = 2n ** 63n;

export class ArgumentEncoder {
  readonly #strings: StringTable;
  readonly #payload: PayloadWriter;
  /** The key list that the name with this id had last. */
  readonly #lastKeys: KeyList[] = [];

  constructor(strings: StringTable, payload: PayloadWriter) {
    this.#strings = strings;
    this.#payload = payload;
  }

  /**
   * Writes the values to the payload.
   *
   * @returns the shape: 0 when there is nothing to say
   */
  encode(nameId: number, args: Arguments): number {
    const last = this.#lastKeys[nameId];
    if (last !== undefined) {
      const { keys } = last;
      const count = keys.length;
      let matched = 0;
      try {
        for (const key in args) {
          if (matched === count || keys[matched] !== key) {
            matched = -1;
            break;
          }
          this.#value(args[key]);
          matched++;
        }
      } catch {
        matched = -1; // a getter or a proxy threw; the slow path says which
      }
      if (matched === count) return last.shape;
      this.#payload.restart();
    }
    const keys = ownKeys(args);
    return this.encodeList(
      nameId,
      keys,
      keys.map((key) => read(args, key)),
    );
  }

  /**
   * The same for values that must all be finite numbers.
   *
   * @returns the shape; -1 when one of them is something else
   */
  encodeNumbers(nameId: number, series: Readonly<Record<string, unknown>>): number {
    const last = this.#lastKeys[nameId];
    if (last === undefined) return -1;
    const { keys } = last;
    const count = keys.length;
    let matched = 0;
    try {
      for (const key in series) {
        const value = series[key];
        if (matched === count || keys[matched] !== key || typeof value !== 'number' || value - value !== 0) {
          matched = -1;
          break;
        }
        this.#payload.number(value);
        matched++;
      }
    } catch {
      matched = -1;
    }
    if (matched === count) return last.shape;
    this.#payload.restart();
    return -1;
  }

  /** The same for keys and values that have been read already. */
  encodeList(nameId: number, keys: readonly string[], values: readonly unknown[]): number {
    if (keys.length === 0) return 0;
    const shape = keys.length > this.#payload.maxValues ? 0 : this.#strings.listId(keys);
    if (shape === 0) {
      const entries = keys.map((key, i) => `${textJson(key)}:${safeJson(values[i])}`);
      this.#payload.json(`{${entries.join(',')}}`);
      return RAW_SHAPE;
    }
    for (const value of values) {
      try {
        this.#value(value);
      } catch (error) {
        this.#payload.text(threwText(error)); // a function whose name can't be read; nothing was written yet
      }
    }
    if (nameId !== 0) this.#lastKeys[nameId] = { keys, shape };
    return shape;
  }

  #value(value: unknown): void {
    switch (typeof value) {
      case 'number':
        if (value - value === 0) this.#payload.number(value);
        else this.#payload.text(String(value));
        return;
      case 'string':
        this.#payload.text(value);
        return;
      case 'boolean':
        this.#payload.boolean(value);
        return;
      case 'object':
        this.#payload.json(safeJson(value));
        return;
      case 'bigint':
        if (value >= -TWO_63 && value < TWO_63) this.#payload.json(String(value));
        else this.#payload.text(String(value));
        return;
      default:
        this.#payload.text(describe(value));
    }
  }
}

/** The keys of what a program gave as arguments; none where it refuses. */
export function ownKeys(args: Arguments): readonly string[] {
  try {
    return Object.keys(args);
  } catch {
    return []; // a proxy that refuses to be read, or nothing at all
  }
}
