/**
 * An array of whole numbers in JSON, byte by byte as chunks arrive -> rows of as many as belong together. Lists within
 * the array are told to the sink, which allows them or not.
 *
 * This is where most of the time goes that reading a heap snapshot takes: hundreds of megabytes of digits.
 */

/** What becomes of the rows. `row` is overwritten by the next one. */
export interface RowSink {
  take(row: Float64Array): void;
  /** A list begins after the first `filled` fields of a row, of which the rest then does not come. */
  openList(row: Float64Array, filled: number): void;
  closeList(): void;
}

/** Fields of a row at most; V8 has seven. */
export const MAX_FIELDS = 64;

const OPEN_BRACKET = 0x5b;
const CLOSE_BRACKET = 0x5d;
const COMMA = 0x2c;
const NEWLINE = 0x0a;
const MINUS = 0x2d;
const ZERO = 0x30;
/** So many digits are a small integer whatever they are, and small integers are twice as fast to make. */
const INT_DIGITS = 9;

export class NumberRows {
  readonly #sink: RowSink;
  readonly #fields: number;
  readonly #row = new Float64Array(MAX_FIELDS);
  #filled = 0;
  #depth = 1;
  #digits = 0;
  #number = 0;
  #wide = 0;
  #negative = false;

  /** @param fields of a row, 1 to `MAX_FIELDS` */
  constructor(sink: RowSink, fields: number) {
    this.#sink = sink;
    this.#fields = fields;
  }

  /** Whether the array has ended. */
  get ended(): boolean {
    return this.#depth === 0;
  }

  /** Whether it has ended, or stands, within a row. */
  get isWithinRow(): boolean {
    return this.#filled > 0;
  }

  /**
   * Reads on from a position, to the end of the bytes or of the array.
   *
   * @returns the position after what was read; -1 when there is something that does not belong there
   */
  read(bytes: Uint8Array, from: number): number {
    const row = this.#row;
    const sink = this.#sink;
    const fields = this.#fields;
    let filled = this.#filled;
    let digits = this.#digits;
    let number = this.#number;
    let wide = this.#wide;
    let at = from;
    while (at < bytes.length) {
      const byte = bytes[at++]!;
      const digit = byte - ZERO;
      if (digit >= 0 && digit <= 9) {
        if (digits < INT_DIGITS) number = (number * 10 + digit) | 0;
        else wide = (digits === INT_DIGITS ? number : wide) * 10 + digit;
        digits++;
        continue;
      }
      if (digits > 0) {
        row[filled++] = this.#negative ? 0 : digits > INT_DIGITS ? wide : number;
        digits = 0;
        number = 0;
        this.#negative = false;
        if (filled === fields) {
          filled = 0;
          sink.take(row);
        }
      }
      if (byte === COMMA || byte === NEWLINE) continue;
      if (byte === OPEN_BRACKET) {
        this.#depth++;
        sink.openList(row, filled);
        filled = 0;
      } else if (byte === CLOSE_BRACKET) {
        if (--this.#depth === 0) break;
        sink.closeList();
      } else if (byte === MINUS) this.#negative = true;
      else if (!isSpace(byte)) return -1;
    }
    this.#filled = filled;
    this.#digits = digits;
    this.#number = number;
    this.#wide = wide;
    return at;
  }
}

/** Space, and the colons that no number needs. */
function isSpace(byte: number): boolean {
  return byte === 0x20 || byte === 0x3a || byte === 0x0d || byte === 0x09;
}
