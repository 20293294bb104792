/**
 * Turns the arguments of an event into payload words and one number, the *shape*: the id of its key list.
 *
 * Most call sites pass an object literal with the same keys every time. So each event name remembers the key list
 * it had last, and a call whose keys are those very strings costs one pointer comparison a key; only a new list
 * is joined and interned.
 */
import { RAW_SHAPE } from './event-ring.js';
import type { PayloadWriter } from './payload.js';
import { describe, safeJson } from './safe-json.js';
import type { StringTable } from './string-table.js';

/** Arguments of an event. Any value is accepted and made safe; numbers, strings and booleans are cheap. */
export type Arguments = Readonly<Record<string, unknown>>;

/** Separates the keys in an interned key list. */
export const KEY_SEPARATOR = '\u0000';

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
    const start = this.#payload.position;
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
      this.#payload.position = start;
    }
    return this.#encodeNew(nameId, args);
  }

  #encodeNew(nameId: number, args: Arguments): number {
    const keys = ownKeys(args);
    if (keys.length === 0) return 0;
    const shape = keys.some(hasSeparator) ? 0 : this.#strings.id(keys.join(KEY_SEPARATOR));
    if (shape === 0) {
      const json = safeJson(args);
      this.#payload.json(json.startsWith('{') ? json : `{"value":${json}}`);
      return RAW_SHAPE;
    }
    for (const key of keys) {
      const start = this.#payload.position;
      try {
        this.#value(args[key]);
      } catch (error) {
        this.#payload.position = start;
        this.#payload.text(`[threw ${error instanceof Error ? error.message : 'while being read'}]`);
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

function hasSeparator(key: string): boolean {
  return key.includes(KEY_SEPARATOR);
}

function ownKeys(args: Arguments): readonly string[] {
  try {
    return Object.keys(args);
  } catch {
    return []; // a proxy that refuses to be read
  }
}
