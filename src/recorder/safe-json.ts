/**
 * Any value as JSON text that Perfetto reads whole: no null, no empty container, no NaN or Infinity, no integer
 * past 63 bits, no NUL, nothing circular. Whatever can't be said so is said in words. Never throws, whatever the
 * value's getters and `toJSON` do. Lone surrogates are left to the writer, which encodes to well-formed UTF-8.
 *
 * Strings are never cut. Objects are: a request object reaches half the server, along many paths, so what is
 * deeper than `MAX_DEPTH` or beyond the first `MAX_VALUES` values is left out, and the text says so.
 */

const MAX_DEPTH = 16;
const MAX_VALUES = 10_000;
const TWO_63 = 2 ** 63;

/** JSON text of a value. */
export function safeJson(value: unknown): string {
  return new Writer().write(value, []);
}

/** A number as JSON, or `undefined` for those that JSON (or Perfetto) has no form for. */
export function numberJson(value: number): string | undefined {
  if (!Number.isFinite(value)) return undefined;
  // Digits of 2^63 and more would be read as an integer that does not fit; an exponent makes them a real.
  if (Math.abs(value) >= TWO_63) return value.toExponential();
  return String(value);
}

/** A string as quoted JSON; NUL, which would cut it short, becomes its visible symbol. */
export function textJson(text: string): string {
  // biome-ignore lint/suspicious/noControlCharactersInRegex: control characters are what has to be escaped
  return `"${text.replace(/["\\\u0000-\u001f]/g, escapeUnit)}"`;
}

/** What a value without a JSON form is called instead. Throws where the value's own code does. */
export function describe(value: unknown): string {
  switch (typeof value) {
    case 'function':
      return `[function ${value.name || 'anonymous'}]`;
    case 'bigint':
    case 'number':
    case 'symbol':
    case 'undefined':
      return String(value);
    default:
      return value === null ? 'null' : Object.prototype.toString.call(value);
  }
}

/** Why something failed, from what it threw, which may be anything. */
export function reasonOf(thrown: unknown): string {
  try {
    return thrown instanceof Error ? String(thrown.message) : String(thrown);
  } catch {
    return 'an error that can not be read';
  }
}

/** What stands in place of a value that threw while it was being read. */
export function threwText(thrown: unknown): string {
  return `[threw ${reasonOf(thrown)}]`;
}

function escapeUnit(unit: string): string {
  const code = unit.charCodeAt(0);
  if (code === 0) return '\u2400';
  if (code === 0x22 || code === 0x5c) return `\\${unit}`;
  return `\\u${code.toString(16).padStart(4, '0')}`;
}

class Writer {
  #valuesLeft = MAX_VALUES;

  write(value: unknown, parents: readonly object[]): string {
    try {
      switch (typeof value) {
        case 'string':
          return textJson(value);
        case 'boolean':
          return String(value);
        case 'number':
          return numberJson(value) ?? textJson(String(value));
        case 'bigint':
          return value >= -(2n ** 63n) && value < 2n ** 63n ? String(value) : textJson(String(value));
        case 'object':
          return value === null ? '"null"' : this.#object(value, parents);
        default:
          return textJson(describe(value));
      }
    } catch (error) {
      return textJson(threwText(error));
    }
  }

  #object(value: object, parents: readonly object[]): string {
    if (parents.includes(value)) return '"[circular]"';
    if (parents.length >= MAX_DEPTH) return '"[too deep]"';
    const inside = [...parents, value];
    if (value instanceof Error) return textJson(`${value.name}: ${value.message}`);
    // Before `toJSON`: that of a Buffer makes an array of all its bytes.
    if (isTypedArray(value)) return this.#list(value, inside);
    if ('toJSON' in value && typeof value.toJSON === 'function') return this.write(value.toJSON(), inside);
    if (value instanceof Map) return this.#object(Object.fromEntries(value), inside);
    if (value instanceof Set) return this.#list([...value], inside);
    if (Array.isArray(value)) return this.#list(value, inside);
    return this.#record(value, inside);
  }

  #list(list: ArrayLike<unknown>, inside: readonly object[]): string {
    const { length } = list;
    const items: string[] = [];
    for (let i = 0; i < length; i++) {
      if (this.#valuesLeft-- <= 0) {
        items.push(`"[${length - i} more]"`);
        break;
      }
      items.push(this.write(list[i], inside));
    }
    return items.length === 0 ? '"[]"' : `[${items.join(',')}]`;
  }

  #record(value: object, inside: readonly object[]): string {
    const keys = Object.keys(value);
    const entries: string[] = [];
    for (const [i, key] of keys.entries()) {
      if (this.#valuesLeft-- <= 0) {
        entries.push(`"[left out]":"${keys.length - i} more"`);
        break;
      }
      entries.push(`${textJson(key)}:${this.write(read(value, key), inside)}`);
    }
    if (entries.length > 0) return `{${entries.join(',')}}`;
    const description = describe(value);
    return textJson(description === '[object Object]' ? '{}' : description);
  }
}

/** A property whose getter may throw. */
export function read(from: object, key: string): unknown {
  try {
    return (from as Record<string, unknown>)[key];
  } catch (error) {
    return threwText(error);
  }
}

function isTypedArray(value: object): value is Uint8Array {
  return ArrayBuffer.isView(value) && !(value instanceof DataView);
}
