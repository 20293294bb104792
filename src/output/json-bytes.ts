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
/** Units of a text written without asking for room: six bytes each at most, and room is left to close the text. */
const STRETCH_UNITS = 64;

/** The three digits of 0 ... 999 as the bytes of a little-endian word: one store instead of three divisions. */
const DIGITS = new Int32Array(1000).map(
  (_, n) => 0x303030 | ((n / 100) | 0) | ((((n / 10) | 0) % 10) << 8) | ((n % 10) << 16),
);

/** 1 for the units that stand for themselves inside quotes. */
const PLAIN = new Uint8Array(128).map((_, unit) => (unit >= 0x20 && unit !== 0x22 && unit !== 0x5c ? 1 : 0));

const ASCII = new Uint8Array(128).fill(1);

/** Where the UTF-16 units of a text lie: in memory that wraps around. */
export interface TextUnits {
  readonly units: Uint16Array;
  /** Index of the memory's first unit; `start` and `mask` count from there. */
  readonly base: number;
  readonly mask: number;
  readonly start: number;
  readonly length: number;
}

/**
 * Bytes prepared to be written many times, eight to a word. As doubles, because those are stored whole at any
 * address; none is a NaN, whose bits might change on the way: no UTF-8 has the bytes 0xf0-0xff and 0x7f in a row.
 */
export interface Phrase {
  readonly words: Float64Array;
  readonly length: number;
}

const encoder = new TextEncoder();

export function phrase(text: string): Phrase {
  const bytes = encoder.encode(text);
  const words = new Float64Array((bytes.length + 7) >>> 3);
  new Uint8Array(words.buffer).set(bytes);
  return { words, length: bytes.length };
}

export class JsonBytes {
  /** Bytes handed to the sink so far. */
  handedOn = 0;
  readonly #sink: ByteSink;
  readonly #bytes = new Uint8Array(CHUNK_BYTES);
  /** The same memory for words that lie at any address. */
  readonly #view = new DataView(this.#bytes.buffer);
  #at = 0;

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

  /** Any text, as it is. */
  text(text: string): void {
    this.phrase(phrase(text));
  }

  /** A prepared phrase. Eight bytes a store: 90 bytes take 17 ns, by `set` 42, byte by byte 106. */
  phrase({ words, length }: Phrase): void {
    if (length > MARGIN_BYTES) {
      this.#long(new Uint8Array(words.buffer, 0, length));
      return;
    }
    this.reserve(2 * MARGIN_BYTES); // its own bytes, and room for what is short
    const view = this.#view;
    const start = this.#at;
    const count = words.length;
    for (let i = 0; i < count; i++) view.setFloat64(start + (i << 3), words[i]!, true);
    this.#at = start + length;
  }

  /**
   * Whole nanoseconds as microseconds with up to three decimals. REQUIRES: room, `list[index] >= 0`.
   *
   * A place in a list, here and for numbers: a double that is an argument is boxed where the call is not inlined.
   */
  microseconds(list: Float64Array, index: number): void {
    const ns = list[index]!;
    if (ns < 1e9) {
      this.#thousandths(ns | 0);
      return;
    }
    if (ns > EXACT_NS) {
      this.ascii(String(Math.round(ns / 1000)));
      return;
    }
    let seconds = Math.floor(ns / 1e9);
    let restNs = ns - seconds * 1e9;
    if (restNs < 0) {
      seconds--; // the quotient was rounded up
      restNs += 1e9;
    }
    if (seconds < 1e9) this.#digits(seconds | 0);
    else this.ascii(String(seconds));
    const us = ((restNs | 0) / 1000) | 0;
    this.#triple((us / 1000) | 0);
    this.#triple(us % 1000);
    this.#decimals((restNs | 0) % 1000);
  }

  /** A finite number. REQUIRES: room. */
  number(list: Float64Array, index: number): void {
    const value = list[index]!;
    const integer = value | 0;
    if (integer === value && integer >= 0 && integer < 1e9) {
      this.#digits(integer);
      return;
    }
    // Up to three decimals, as most measured values have: 26 ns, by way of a string 200. The quotient is
    // rounded correctly, so where it is the value, these digits are read back as the value.
    const thousandths = Math.round(value * 1000);
    if (value > 0 && value < 1e6 && thousandths / 1000 === value) this.#thousandths(thousandths | 0);
    else this.ascii(numberJson(value)!);
  }

  /** A text inside quotes: escaped where JSON needs it, NUL made visible. REQUIRES: room. */
  quoted(text: TextUnits): void {
    this.#bytes[this.#at++] = 0x22;
    this.#units(text, PLAIN);
    this.#bytes[this.#at++] = 0x22;
  }

  /** A text that is JSON already. */
  unquoted(text: TextUnits): void {
    this.#units(text, ASCII);
  }

  /** @param plain 1 for each unit below 128 that is written as it is */
  #units({ units, base, start, mask, length }: TextUnits, plain: Uint8Array): void {
    for (let i = 0; i < length; ) {
      this.reserve();
      const end = Math.min(length, i + STRETCH_UNITS);
      const bytes = this.#bytes;
      let at = this.#at;
      for (; i < end; i++) {
        const unit = units[base + ((start + i) & mask)]!;
        if (unit < 128 && plain[unit] === 1) {
          bytes[at++] = unit;
          continue;
        }
        this.#at = at;
        const next = i + 1 < length ? units[base + ((start + i + 1) & mask)]! : 0;
        if (isHighSurrogate(unit) && isLowSurrogate(next)) {
          this.#codePoint(0x10000 + ((unit - 0xd800) << 10) + (next - 0xdc00));
          i++;
        } else {
          this.#unusual(unit);
        }
        at = this.#at;
      }
      this.#at = at;
    }
  }

  /** A unit that is not plain. Half a surrogate pair without the other half becomes U+FFFD. */
  #unusual(unit: number): void {
    if (isHighSurrogate(unit) || isLowSurrogate(unit)) this.#codePoint(0xfffd);
    else if (unit >= 0x80) this.#codePoint(unit);
    else if (unit >= 0x20) this.ascii(`\\${String.fromCharCode(unit)}`);
    else if (unit === 0) this.#codePoint(0x2400);
    else this.ascii(`\\u00${unit < 0x10 ? '0' : ''}${unit.toString(16)}`);
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

  /** An integer from 0 to 10^9 as thousandths: with up to three decimals. */
  #thousandths(value: number): void {
    const whole = (value / 1000) | 0;
    this.#digits(whole);
    this.#decimals(value - whole * 1000);
  }

  /** An integer from 0 to 10^9. */
  #digits(value: number): void {
    if (value < 1000) {
      this.#leading(value);
      return;
    }
    const thousands = (value / 1000) | 0;
    if (thousands < 1000) {
      this.#leading(thousands);
    } else {
      const millions = (thousands / 1000) | 0;
      this.#leading(millions);
      this.#triple(thousands - millions * 1000);
    }
    this.#triple(value - thousands * 1000);
  }

  /** An integer from 0 to 999 without leading zeros: they are shifted out of its word. */
  #leading(value: number): void {
    const zeros = value < 10 ? 2 : value < 100 ? 1 : 0;
    this.#view.setInt32(this.#at, DIGITS[value]! >> (zeros << 3), true);
    this.#at += 3 - zeros;
  }

  #triple(value: number): void {
    this.#view.setInt32(this.#at, DIGITS[value]!, true);
    this.#at += 3;
  }

  /** A point and thousandths from 1 to 999, without trailing zeros; nothing for 0. */
  #decimals(value: number): void {
    if (value === 0) return;
    this.#view.setInt32(this.#at, 0x2e | (DIGITS[value]! << 8), true);
    this.#at += value % 10 !== 0 ? 4 : value % 100 !== 0 ? 3 : 2;
  }

  #long(encoded: Uint8Array): void {
    this.finish();
    for (let i = 0; i < encoded.length; i += CHUNK_BYTES) {
      const part = encoded.subarray(i, i + CHUNK_BYTES);
      this.#sink(part);
      this.handedOn += part.length;
    }
  }
}

/** Above this many nanoseconds (some two years) a double has no room for the decimals of microseconds. */
const EXACT_NS = 2 ** 56;

function isHighSurrogate(unit: number): boolean {
  return unit >= 0xd800 && unit < 0xdc00;
}

function isLowSurrogate(unit: number): boolean {
  return unit >= 0xdc00 && unit < 0xe000;
}
