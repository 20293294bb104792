/**
 * Finds where one JSON value ends, without parsing it: brackets are matched and strings are stepped over, byte by
 * byte, and the scan stops and goes on at any byte. Parsing is left to `JSON.parse` once the value is whole, which
 * is several times faster than a tokenizer written in JavaScript.
 *
 * A lost quote or bracket would make the rest of the file one endless value. Since trace writers put an event on
 * a line of its own, a line that starts with `{` where none can be (inside a string, or in place of a key) ends
 * the scan as broken there, and the reader goes on with that line.
 */

/** The value goes on after the bytes given so far. */
export const INCOMPLETE = -1;
/** The bytes are not a JSON value; `brokenAt` and `reason` say more. */
export const BROKEN = -2;

/** Deepest nesting accepted; what parses values afterwards may be recursive. */
const MAX_DEPTH = 1000;

const QUOTE = 0x22;
const BACKSLASH = 0x5c;
const OPEN_BRACE = 0x7b;
const CLOSE_BRACE = 0x7d;
const OPEN_BRACKET = 0x5b;
const CLOSE_BRACKET = 0x5d;
const COMMA = 0x2c;
const COLON = 0x3a;
const NEWLINE = 0x0a;

export class ValueScan {
  /** Position of the byte that can't be there, after BROKEN. */
  brokenAt = 0;
  reason = '';
  #depth = 0;
  #inString = false;
  #escaped = false;
  #scalar = false;
  /** The opening byte of each container around the position. */
  readonly #open = new Uint8Array(MAX_DEPTH);

  /** Prepares for a value whose first byte is the next one scanned. */
  reset(firstByte: number): void {
    this.#depth = 0;
    this.#inString = false;
    this.#escaped = false;
    this.#scalar = firstByte !== QUOTE && firstByte !== OPEN_BRACE && firstByte !== OPEN_BRACKET;
  }

  /**
   * Scans `bytes[from, to)`, which continues what was scanned before.
   *
   * @returns the position after the value, or INCOMPLETE, or BROKEN
   */
  advance(bytes: Uint8Array, from: number, to: number): number {
    if (this.#scalar) return scalarEnd(bytes, from, to);
    let position = from;
    if (this.#escaped && position < to) {
      this.#escaped = false;
      position++;
    }
    while (position < to) {
      const byte = bytes[position]!;
      if (this.#inString) {
        if (byte === QUOTE) {
          this.#inString = false;
          if (this.#depth === 0) return position + 1;
        } else if (byte === BACKSLASH) {
          position++;
          if (position === to) this.#escaped = true;
        } else if (byte === OPEN_BRACE && startsLine(bytes, position)) {
          return this.#broken(position, 'a string has no closing quote');
        }
      } else if (byte === QUOTE) {
        this.#inString = true;
      } else if (byte === OPEN_BRACE || byte === OPEN_BRACKET) {
        if (byte === OPEN_BRACE && this.#inPlaceOfKey(bytes, position)) {
          return this.#broken(position, 'an object has no closing brace');
        }
        if (this.#depth === MAX_DEPTH) return this.#broken(position, `nested over ${MAX_DEPTH} levels deep`);
        this.#open[this.#depth++] = byte;
      } else if (byte === CLOSE_BRACE || byte === CLOSE_BRACKET) {
        // In ASCII a closing brace or bracket is its opening one plus 2.
        if (this.#open[--this.#depth] !== byte - 2) {
          return this.#broken(position, `"${String.fromCharCode(byte)}" closes what it did not open`);
        }
        if (this.#depth === 0) return position + 1;
      }
      position++;
    }
    return INCOMPLETE;
  }

  #broken(at: number, reason: string): number {
    this.brokenAt = at;
    this.reason = reason;
    return BROKEN;
  }

  #inPlaceOfKey(bytes: Uint8Array, position: number): boolean {
    if (this.#depth === 0 || this.#open[this.#depth - 1] !== OPEN_BRACE) return false;
    if (!startsLine(bytes, position)) return false;
    let before = position - 1;
    while (before >= 0 && isSpace(bytes[before]!)) before--;
    return bytes[before] !== COLON;
  }
}

export function isSpace(byte: number): boolean {
  return byte === 0x20 || byte === NEWLINE || byte === 0x0d || byte === 0x09;
}

function startsLine(bytes: Uint8Array, position: number): boolean {
  return bytes[position - 1] === NEWLINE;
}

/** Numbers and words end before a delimiter. */
function scalarEnd(bytes: Uint8Array, from: number, to: number): number {
  for (let position = from; position < to; position++) {
    const byte = bytes[position]!;
    if (byte === COMMA || byte === CLOSE_BRACE || byte === CLOSE_BRACKET || isSpace(byte)) return position;
  }
  return INCOMPLETE;
}
