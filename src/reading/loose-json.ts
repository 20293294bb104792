/**
 * `JSON.parse` for what tools really write. It falls back on a parser of its own for a value that `JSON.parse`
 * refuses or would change: the words other tools write for numbers
 * that JSON has not (`NaN`, `Infinity`, `-inf` ...), trailing commas, raw control characters in strings, and
 * integers that a double can't hold (they become BigInt). That one is slow, and exact about where it fails.
 */

/** The text is not JSON even so; `position` is the index of the character that can't be there. */
export class LooseJsonError extends Error {
  readonly position: number;

  constructor(position: number, found: string) {
    super(found);
    this.position = position;
  }
}

const WORDS = /(?:true|false|null|-?(?:nan|inf(?:inity)?))(?![a-z0-9_])/iy;
const NUMBER = /-?\d+(\.\d*)?([eE][+-]?\d+)?/y;
const SPACE = /[ \t\r\n]*/y;
const ESCAPE = /^\\(?:["\\/bfnrt]|u[0-9a-fA-F]{4})/;
// biome-ignore lint/suspicious/noControlCharactersInRegex: the characters that JSON.parse refuses in a string
const CONTROL = /[\u0000-\u001f]/g;

/** An integer of this many digits may be beyond what a double holds; a number with a point or an exponent is a double. */
const LONG_INTEGER = /(?<![\d.])\d{16,}(?![\d.eE])/;

/**
 * Parses one value, at the speed of `JSON.parse` wherever that will do.
 *
 * @throws LooseJsonError
 */
export function parseJson(text: string): unknown {
  try {
    if (!LONG_INTEGER.test(text)) return JSON.parse(text);
  } catch {
    // parseLoose accepts more, and tells where it fails.
  }
  return parseLoose(text);
}

/**
 * Parses `text`, which must be one value and nothing else.
 *
 * REQUIRES: nested at most some thousand levels deep (it recurses).
 *
 * @throws LooseJsonError
 * @example parseLoose('{"ts":1,"args":{"v":NaN,},}') // { ts: 1, args: { v: NaN } }
 */
export function parseLoose(text: string): unknown {
  const parser = new LooseParser(text);
  const value = parser.value();
  parser.expectEnd();
  return value;
}

class LooseParser {
  readonly #text: string;
  #position = 0;

  constructor(text: string) {
    this.#text = text;
  }

  value(): unknown {
    this.#skipSpace();
    const char = this.#text[this.#position];
    if (char === '{') return this.#object();
    if (char === '[') return this.#array();
    if (char === '"') return this.#string();
    const word = this.#take(WORDS);
    if (word !== null) return wordValue(word.toLowerCase());
    const number = this.#take(NUMBER);
    if (number !== null) return numberValue(number);
    throw this.#unexpected();
  }

  expectEnd(): void {
    this.#skipSpace();
    if (this.#position < this.#text.length) throw this.#unexpected();
  }

  #object(): Record<string, unknown> {
    const entries: [string, unknown][] = [];
    this.#members('}', () => {
      if (this.#text[this.#position] !== '"') throw this.#unexpected();
      const key = this.#string();
      this.#skipSpace();
      if (this.#text[this.#position] !== ':') throw this.#unexpected();
      this.#position++;
      entries.push([key, this.value()]);
    });
    // As JSON.parse: the last of equal keys stands, and `__proto__` is a key like any other.
    return Object.fromEntries(entries);
  }

  #array(): unknown[] {
    const items: unknown[] = [];
    this.#members(']', () => {
      items.push(this.value());
    });
    return items;
  }

  #members(close: string, member: () => void): void {
    this.#position++;
    this.#skipSpace();
    while (this.#text[this.#position] !== close) {
      member();
      this.#skipSpace();
      if (this.#text[this.#position] === ',') {
        this.#position++;
        this.#skipSpace();
      } else if (this.#text[this.#position] !== close) {
        throw this.#unexpected();
      }
    }
    this.#position++;
  }

  #string(): string {
    const start = this.#position;
    let at = start + 1;
    while (this.#text[at] !== '"') {
      if (at >= this.#text.length) throw new LooseJsonError(at, 'the end inside a string');
      if (this.#text[at] === '\\') {
        if (!ESCAPE.test(this.#text.slice(at, at + 6))) throw new LooseJsonError(at, 'an unknown escape');
        at++;
      }
      at++;
    }
    this.#position = at + 1;
    const raw = this.#text.slice(start, this.#position);
    return JSON.parse(raw.replace(CONTROL, (c) => `\\u${c.charCodeAt(0).toString(16).padStart(4, '0')}`));
  }

  #skipSpace(): void {
    this.#take(SPACE);
  }

  #take(pattern: RegExp): string | null {
    pattern.lastIndex = this.#position;
    const match = pattern.exec(this.#text);
    if (match === null) return null;
    this.#position += match[0].length;
    return match[0];
  }

  #unexpected(): LooseJsonError {
    const found = this.#text.codePointAt(this.#position);
    return new LooseJsonError(
      this.#position,
      found === undefined ? 'the end' : `an unexpected ${JSON.stringify(String.fromCodePoint(found))}`,
    );
  }
}

function wordValue(word: string): boolean | number | null {
  if (word === 'true') return true;
  if (word === 'false') return false;
  if (word === 'null') return null;
  if (word.endsWith('nan')) return Number.NaN;
  return word.startsWith('-') ? Number.NEGATIVE_INFINITY : Number.POSITIVE_INFINITY;
}

function numberValue(text: string): number | bigint {
  const value = Number(text);
  return Number.isInteger(value) && !Number.isSafeInteger(value) && /^-?\d+$/.test(text)
    ? BigInt(text)
    : value;
}
