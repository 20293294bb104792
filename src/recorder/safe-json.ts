/**
 * Any value as JSON text that Perfetto reads whole: no null, no empty container, no NaN or Infinity, no integer
 * past 63 bits, no NUL, nothing circular. Whatever can't be said so is said in words. Never throws, whatever the
 * value's getters and `toJSON` do. Lone surrogates are left to the writer, which encodes to well-formed UTF-8.
 */

const MAX_DEPTH = 16;
const TWO_63 = 2 ** 63;

/** JSON text of a value. */
export function safeJson(value: unknown): string {
  return write(value, []);
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

/** What a value without a JSON form is called instead. */
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

function escapeUnit(unit: string): string {
  const code = unit.charCodeAt(0);
  if (code === 0) return '\u2400';
  if (code === 0x22 || code === 0x5c) return `\\${unit}`;
  return `\\u${code.toString(16).padStart(4, '0')}`;
}

function write(value: unknown, parents: readonly object[]): string {
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
        return value === null ? '"null"' : writeObject(value, parents);
      default:
        return textJson(describe(value));
    }
  } catch (error) {
    return textJson(`[threw ${error instanceof Error ? error.message : 'while being read'}]`);
  }
}

function writeObject(value: object, parents: readonly object[]): string {
  if (parents.includes(value)) return '"[circular]"';
  if (parents.length >= MAX_DEPTH) return '"[too deep]"';
  const inside = [...parents, value];
  if (value instanceof Error) return textJson(`${value.name}: ${value.message}`);
  if ('toJSON' in value && typeof value.toJSON === 'function') return write(value.toJSON(), inside);
  if (value instanceof Map) return writeObject(Object.fromEntries(value), inside);
  if (value instanceof Set) return writeObject([...value], inside);
  if (Array.isArray(value)) {
    return value.length === 0 ? '"[]"' : `[${value.map((item) => write(item, inside)).join(',')}]`;
  }
  const entries: string[] = [];
  for (const key of Object.keys(value)) {
    entries.push(`${textJson(key)}:${write(read(value, key), inside)}`);
  }
  return entries.length === 0
    ? textJson(describe(value) === '[object Object]' ? '{}' : describe(value))
    : `{${entries.join(',')}}`;
}

/** A property whose getter may throw. */
function read(from: object, key: string): unknown {
  try {
    return (from as Record<string, unknown>)[key];
  } catch (error) {
    return `[threw ${error instanceof Error ? error.message : 'while being read'}]`;
  }
}
