/**
 * A growing byte array that knows how WebAssembly writes numbers and names.
 *
 * Invariant: bytes [0, length) are written; the rest of the array is room. Growing doubles the room, so that
 * a byte is copied less than twice on average; give the constructor the final size to copy none.
 */
import { unsignedLebSize } from './leb128.js';

const utf8 = new TextEncoder();
/** Below this many bytes a loop beats the call and the view object of `set`. */
const SHORT_RUN_BYTES = 32;

export class ByteWriter {
  #bytes: Uint8Array;
  length = 0;

  constructor(expectedBytes = 64) {
    this.#bytes = new Uint8Array(expectedBytes);
  }

  /** What was written; a view that the next write may leave behind. */
  written(): Uint8Array {
    return this.#bytes.subarray(0, this.length);
  }

  /** Makes room for `count` more bytes and returns the array to write them to at `length`. */
  room(count: number): Uint8Array {
    const needed = this.length + count;
    if (needed > this.#bytes.length) {
      const grown = new Uint8Array(Math.max(needed, this.#bytes.length * 2));
      grown.set(this.#bytes.subarray(0, this.length));
      this.#bytes = grown;
    }
    return this.#bytes;
  }

  u8(value: number): void {
    this.room(1)[this.length++] = value;
  }

  /** REQUIRES: 0 <= value < 2^32. */
  u32(value: number): void {
    const bytes = this.room(5);
    let rest = value;
    while (rest >= 0x80) {
      bytes[this.length++] = (rest & 0x7f) | 0x80;
      rest >>>= 7;
    }
    bytes[this.length++] = rest;
  }

  /** A signed LEB128, for `i32.const` and for an `i64.const` of a small value. REQUIRES: a 32-bit integer. */
  s32(value: number): void {
    const bytes = this.room(5);
    let rest = value;
    for (;;) {
      const byte = rest & 0x7f;
      rest >>= 7;
      const done = (rest === 0 && (byte & 0x40) === 0) || (rest === -1 && (byte & 0x40) !== 0);
      bytes[this.length++] = done ? byte : byte | 0x80;
      if (done) return;
    }
  }

  name(text: string): void {
    const encoded = utf8.encode(text);
    this.u32(encoded.length);
    this.copy(encoded, 0, encoded.length);
  }

  raw(values: readonly number[]): void {
    const bytes = this.room(values.length);
    let at = this.length;
    for (let i = 0; i < values.length; i++) bytes[at++] = values[i]!;
    this.length = at;
  }

  /** Appends `source[from, to)`. */
  copy(source: Uint8Array, from: number, to: number): void {
    const bytes = this.room(to - from);
    if (to - from <= SHORT_RUN_BYTES) {
      let at = this.length;
      for (let i = from; i < to; i++) bytes[at++] = source[i]!;
      this.length = at;
      return;
    }
    bytes.set(source.subarray(from, to), this.length);
    this.length += to - from;
  }

  /** Overwrites the five bytes at `position` with `value`, padded. REQUIRES: 0 <= value < 2^32. */
  patchPaddedU32(position: number, value: number): void {
    for (let i = 0; i < 4; i++) this.#bytes[position + i] = ((value >>> (7 * i)) & 0x7f) | 0x80;
    this.#bytes[position + 4] = value >>> 28;
  }

  /** Appends another writer's bytes with their length before them, as sections and bodies are written. */
  sized(content: ByteWriter): void {
    this.room(unsignedLebSize(content.length) + content.length);
    this.u32(content.length);
    this.copy(content.#bytes, 0, content.length);
  }
}
