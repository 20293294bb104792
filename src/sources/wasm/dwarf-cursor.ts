/**
 * A bounds-checked cursor over a DWARF section: little-endian numbers, LEB128, strings that end in a zero byte.
 * Numbers of 64 bits come as the nearest double. Every read past the end throws OTRACE_WASM.
 *
 * Not here: what the numbers mean.
 */
import { moduleError } from './byte-reader.js';

const utf8 = new TextDecoder('utf-8', { ignoreBOM: true });

export class DwarfCursor {
  readonly bytes: Uint8Array;
  position: number;
  /** First byte that this cursor may not touch. */
  readonly end: number;
  readonly #section: string;

  /** @throws OtraceError OTRACE_WASM when the range is not inside the bytes */
  constructor(bytes: Uint8Array, section: string, start = 0, end = bytes.length) {
    this.bytes = bytes;
    this.position = start;
    this.end = end;
    this.#section = section;
    if (start > end || end > bytes.length) this.fail('it runs past the end');
  }

  get atEnd(): boolean {
    return this.position >= this.end;
  }

  /** @throws OtraceError OTRACE_WASM always */
  fail(problem: string): never {
    throw moduleError(this.#section, this.position, problem);
  }

  u8(): number {
    if (this.position >= this.end) this.fail('cut short');
    return this.bytes[this.position++]!;
  }

  i8(): number {
    return (this.u8() << 24) >> 24;
  }

  /** An unsigned number of `size` bytes, at most 8. */
  unsigned(size: number): number {
    if (size > this.end - this.position) this.fail('cut short');
    let value = 0;
    for (let i = size - 1; i >= 0; i--) value = value * 256 + this.bytes[this.position + i]!;
    this.position += size;
    return value;
  }

  uleb(): number {
    const first = this.u8();
    if (first < 0x80) return first;
    let value = first & 0x7f;
    for (let scale = 128; ; scale *= 128) {
      const byte = this.u8();
      value += (byte & 0x7f) * scale;
      if (byte < 0x80) return value;
    }
  }

  sleb(): number {
    let value = 0;
    for (let scale = 1; ; scale *= 128) {
      const byte = this.u8();
      value += (byte & 0x7f) * scale;
      if (byte < 0x80) return byte & 0x40 ? value - scale * 128 : value;
    }
  }

  skip(count: number): void {
    if (!(count <= this.end - this.position)) this.fail(`${count} bytes are expected, cut short`);
    this.position += count;
  }

  text(): string {
    const start = this.position;
    this.skipText();
    return utf8.decode(this.bytes.subarray(start, this.position - 1));
  }

  skipText(): void {
    const zero = this.bytes.indexOf(0, this.position);
    if (zero < 0 || zero >= this.end) this.fail('a text without an end');
    this.position = zero + 1;
  }

  /**
   * The length that a contribution to a section begins with.
   *
   * @returns where the contribution ends, and how wide the offsets in it are
   */
  initialLength(): { end: number; offsetBytes: number } {
    const short = this.unsigned(4);
    if (short >= 0xfffffff0 && short !== 0xffffffff) this.fail('a length of a kind that is not known');
    const length = short === 0xffffffff ? this.unsigned(8) : short;
    const end = this.position + length;
    if (end > this.end) this.fail('a contribution runs past the end');
    return { end, offsetBytes: short === 0xffffffff ? 8 : 4 };
  }
}
