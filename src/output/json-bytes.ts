/**
 * A growing run of UTF-8 bytes of JSON, handed on in chunks. Bytes are written straight from typed arrays: no
 * string is made for an event, so a file of many gigabytes needs one chunk of memory.
 */
import { numberJson } from '../recorder/safe-json.js';

/** Takes a chunk; it must have consumed the bytes when it returns, since the memory is used again. */
export type ByteSink = (chunk: Uint8Array) => void;

const CHUNK_BYTES = 256 * 1024;
/** Bytes that any single write other than a long text may need. */
const MARGIN_BYTES = 512;

export class JsonBytes {
  /** Bytes handed to the sink so far. */
  handedOn = 0;
  readonly #sink: ByteSink;
  readonly #bytes = new Uint8Array(CHUNK_BYTES);
  #at = 0;
  #surrogate = 0;

  constructor(sink: ByteSink) {
    this.#sink = sink;
  }

  /** Makes room: to be called before what may need `count` bytes. */
  reserve(count = MARGIN_BYTES): void {
    if (this.#at + count > CHUNK_BYTES) this.finish();
  }

  /** Hands on what is there. */
  finish(): void {
    if (this.#at === 0) return;
    this.#sink(this.#bytes.subarray(0, this.#at));
    this.handedOn += this.#at;
    this.#at = 0;
  }

  /** Text known to be ASCII and short. REQUIRES: room. */
  ascii(text: string): void {
    const bytes = this.#bytes;
    let at = this.#at;
    for (let i = 0; i < text.length; i++) bytes[at++] = text.charCodeAt(i);
    this.#at = at;
  }

  /** Bytes that were encoded before. */
  raw(encoded: Uint8Array): void {
    const length = encoded.length;
    if (length > MARGIN_BYTES) {
      this.#rawLong(encoded);
      return;
    }
    this.reserve(length + MARGIN_BYTES);
    const bytes = this.#bytes;
    let at = this.#at;
    for (let i = 0; i < length; i++) bytes[at++] = encoded[i]!;
    this.#at = at;
  }

  /** Microseconds with up to three decimals. REQUIRES: room, `us >= 0`. */
  microseconds(us: number): void {
    const ns = Math.round(us * 1000);
    const whole = Math.floor(ns / 1000);
    const decimals = ns - whole * 1000;
    this.#digits(whole);
    if (decimals === 0) return;
    const bytes = this.#bytes;
    bytes[this.#at++] = 0x2e;
    bytes[this.#at++] = 0x30 + ((decimals / 100) | 0);
    if (decimals % 100 === 0) return;
    bytes[this.#at++] = 0x30 + (((decimals / 10) | 0) % 10);
    if (decimals % 10 !== 0) bytes[this.#at++] = 0x30 + (decimals % 10);
  }

  /** A finite number. REQUIRES: room. */
  number(value: number): void {
    if (value >= 0 && value <= 0x7fffffff && (value | 0) === value) this.#digits(value);
    else this.ascii(numberJson(value)!);
  }

  /** One UTF-16 unit inside a quoted text: escaped where JSON needs it, NUL made visible. REQUIRES: room. */
  quotedUnit(unit: number): void {
    if (unit >= 0x80) {
      this.unit(unit);
      return;
    }
    this.#endSurrogate();
    const bytes = this.#bytes;
    if (unit >= 0x20) {
      if (unit === 0x22 || unit === 0x5c) bytes[this.#at++] = 0x5c;
      bytes[this.#at++] = unit;
    } else if (unit === 0) {
      this.unit(0x2400);
    } else if (unit === 0x0a) {
      bytes[this.#at++] = 0x5c;
      bytes[this.#at++] = 0x6e;
    } else {
      this.ascii(unit < 0x10 ? '\\u000' : '\\u001');
      bytes[this.#at++] = '0123456789abcdef'.charCodeAt(unit & 15);
    }
  }

  /** One UTF-16 unit as it is; a surrogate without its partner becomes U+FFFD. REQUIRES: room. */
  unit(unit: number): void {
    if (unit < 0xd800 || unit > 0xdfff) {
      this.#endSurrogate();
      this.#codePoint(unit);
    } else if (unit < 0xdc00) {
      this.#endSurrogate();
      this.#surrogate = unit;
    } else if (this.#surrogate === 0) {
      this.#codePoint(0xfffd);
    } else {
      this.#codePoint(0x10000 + ((this.#surrogate - 0xd800) << 10) + (unit - 0xdc00));
      this.#surrogate = 0;
    }
  }

  /** Closes a text: a half surrogate pair at its end is not carried into what follows. */
  endText(): void {
    this.#endSurrogate();
  }

  #endSurrogate(): void {
    if (this.#surrogate === 0) return;
    this.#surrogate = 0;
    this.#codePoint(0xfffd);
  }

  #codePoint(code: number): void {
    const bytes = this.#bytes;
    if (code < 0x80) {
      bytes[this.#at++] = code;
    } else if (code < 0x800) {
      bytes[this.#at++] = 0xc0 | (code >> 6);
      bytes[this.#at++] = 0x80 | (code & 63);
    } else if (code < 0x10000) {
      bytes[this.#at++] = 0xe0 | (code >> 12);
      bytes[this.#at++] = 0x80 | ((code >> 6) & 63);
      bytes[this.#at++] = 0x80 | (code & 63);
    } else {
      bytes[this.#at++] = 0xf0 | (code >> 18);
      bytes[this.#at++] = 0x80 | ((code >> 12) & 63);
      bytes[this.#at++] = 0x80 | ((code >> 6) & 63);
      bytes[this.#at++] = 0x80 | (code & 63);
    }
  }

  /** A non-negative integer below 2^53. */
  #digits(value: number): void {
    if (value < 10) {
      this.#bytes[this.#at++] = 0x30 + value;
      return;
    }
    if (value > 0x7fffffff) {
      const high = Math.floor(value / 1e9);
      this.#digits(high);
      this.#padded(value - high * 1e9, 1e8);
      return;
    }
    let power = 10;
    while (power * 10 <= value) power *= 10;
    this.#padded(value, power);
  }

  /** The digits of `value` from the power of ten `power` downwards. */
  #padded(value: number, power: number): void {
    let rest = value | 0;
    for (let p = power | 0; p >= 1; p = (p / 10) | 0) {
      const digit = (rest / p) | 0;
      this.#bytes[this.#at++] = 0x30 + digit;
      rest -= digit * p;
    }
  }

  #rawLong(encoded: Uint8Array): void {
    this.finish();
    for (let i = 0; i < encoded.length; i += CHUNK_BYTES) {
      const part = encoded.subarray(i, i + CHUNK_BYTES);
      this.#sink(part);
      this.handedOn += part.length;
    }
  }
}
