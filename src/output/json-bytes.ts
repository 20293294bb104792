/**
 * A growing run of UTF-8 bytes of JSON, handed on in chunks. Bytes are written straight from typed arrays: no
 * string is made for an event, so a file of many gigabytes needs one chunk of memory.
 */
import { putAscii } from './json-digits.js';

/** Takes a chunk; it must have consumed the bytes when it returns, since the memory is used again. */
export type ByteSink = (chunk: Uint8Array) => void;

const CHUNK_BYTES = 256 * 1024;
/** Bytes that any single write other than a long text may need. */
export const MARGIN_BYTES = 512;
/** Up to here there is room for a phrase and another write. */
export const LAST_START = CHUNK_BYTES - 2 * MARGIN_BYTES;
/** Units of a text written without asking for room: six bytes each at most, and room is left to close the text. */
const STRETCH_UNITS = 64;

const QUOTE = 0x22;
const BACKSLASH = 0x5c;

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
 * Texts prepared to be written many times, eight bytes to a word, each from a word of its own on. As doubles, because
 * those are stored whole at any address; none is a NaN, whose bits might change on the way: no UTF-8 has the bytes
 * 0xf0-0xff and 0x7f in a row.
 *
 * Eight bytes a store: 90 bytes take 17 ns, by `set` 42, byte by byte 106.
 */
export interface Phrases {
  readonly text: Float64Array;
  /** Of each in bytes. */
  readonly lengths: readonly number[];
}

const encoder = new TextEncoder();

export function prepare(texts: readonly string[]): Phrases {
  const encoded = texts.map((text) => encoder.encode(text));
  const lengths = encoded.map(({ length }) => length);
  const text = new Float64Array(lengths.reduce((sum, length) => sum + wordsOf(length), 0));
  const bytes = new Uint8Array(text.buffer);
  let at = 0;
  for (const part of encoded) {
    bytes.set(part, at << 3);
    at += wordsOf(part.length);
  }
  return { text, lengths };
}

/** Words that so many bytes take. */
function wordsOf(length: number): number {
  return (length + 7) >>> 3;
}

/**
 * A text inside quotes, if it is as most are: short, and all of it stands for itself. REQUIRES: room.
 *
 * @returns where it ends; 0 when it takes the long way, `JsonBytes.quoted`
 */
export function putPlain(
  view: DataView,
  at: number,
  { units, base, mask }: Pick<TextUnits, 'units' | 'base' | 'mask'>,
  start: number,
  length: number,
): number {
  if (length > STRETCH_UNITS || start + length > mask) return 0;
  view.setUint8(at++, QUOTE);
  for (let i = base + start, end = i + length; i < end; i++) {
    const unit = units[i]!;
    if (unit < 0x20 || unit >= 0x80 || unit === QUOTE || unit === BACKSLASH) return 0;
    view.setUint8(at++, unit);
  }
  view.setUint8(at, QUOTE);
  return at + 1;
}

export class JsonBytes {
  /** Bytes handed to the sink so far. */
  handedOn = 0;
  readonly #sink: ByteSink;
  readonly #bytes = new Uint8Array(CHUNK_BYTES);
  /** The same memory for words that lie at any address. */
  readonly view = new DataView(this.#bytes.buffer);
  /** Where the next byte goes. */
  at = 0;

  constructor(sink: ByteSink) {
    this.#sink = sink;
  }

  /** Makes room for a phrase and for what is short after it. */
  reserve(): void {
    if (this.at > LAST_START) this.finish();
  }

  /** Hands on what is there. */
  finish(): void {
    if (this.at === 0) return;
    this.#sink(this.#bytes.subarray(0, this.at));
    this.handedOn += this.at;
    this.at = 0;
  }

  /** Text known to be ASCII and short. REQUIRES: room. */
  ascii(text: string): void {
    this.at = putAscii(this.view, this.at, text);
  }

  /** Any text, as it is. */
  text(text: string): void {
    this.#encoded(encoder.encode(text));
  }

  /** A prepared phrase, however long: `length` bytes from `words[first]` on. */
  words(words: Float64Array, first: number, length: number): void {
    this.#encoded(new Uint8Array(words.buffer, first << 3, length));
  }

  /** A text inside quotes: escaped where JSON needs it, NUL made visible. REQUIRES: room. */
  quoted(text: TextUnits): void {
    this.#bytes[this.at++] = 0x22;
    this.#units(text, PLAIN);
    this.#bytes[this.at++] = 0x22;
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
      let at = this.at;
      for (; i < end; i++) {
        const unit = units[base + ((start + i) & mask)]!;
        if (unit < 128 && plain[unit] === 1) {
          bytes[at++] = unit;
          continue;
        }
        this.at = at;
        const next = i + 1 < length ? units[base + ((start + i + 1) & mask)]! : 0;
        if (isHighSurrogate(unit) && isLowSurrogate(next)) {
          this.#codePoint(0x10000 + ((unit - 0xd800) << 10) + (next - 0xdc00));
          i++;
        } else {
          this.#unusual(unit);
        }
        at = this.at;
      }
      this.at = at;
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
      bytes[this.at++] = code;
    } else if (code < 0x800) {
      bytes[this.at++] = 0xc0 | (code >> 6);
      bytes[this.at++] = 0x80 | (code & 63);
    } else if (code < 0x10000) {
      bytes[this.at++] = 0xe0 | (code >> 12);
      bytes[this.at++] = 0x80 | ((code >> 6) & 63);
      bytes[this.at++] = 0x80 | (code & 63);
    } else {
      bytes[this.at++] = 0xf0 | (code >> 18);
      bytes[this.at++] = 0x80 | ((code >> 12) & 63);
      bytes[this.at++] = 0x80 | ((code >> 6) & 63);
      bytes[this.at++] = 0x80 | (code & 63);
    }
  }

  #encoded(bytes: Uint8Array): void {
    if (bytes.length > MARGIN_BYTES) {
      this.#long(bytes);
      return;
    }
    this.reserve();
    this.#bytes.set(bytes, this.at);
    this.at += bytes.length;
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

function isHighSurrogate(unit: number): boolean {
  return unit >= 0xd800 && unit < 0xdc00;
}

function isLowSurrogate(unit: number): boolean {
  return unit >= 0xdc00 && unit < 0xe000;
}
