/**
 * A bounds-checked cursor over a part of a WebAssembly module. Every read that would pass the end, and every
 * number that is not a LEB128 of its width, throws OTRACE_WASM with the part's name and the byte offset.
 *
 * Not here: instructions, which are scanned without a cursor object (`instructions.ts`).
 */
import { OtraceError } from '../../errors.js';

// A leading U+FEFF is part of a name, not a mark to drop.
const utf8 = new TextDecoder('utf-8', { ignoreBOM: true });

/** The error of a module that can't be parsed. `offset` counts bytes from the start of the module. */
export function moduleError(where: string, offset: number, problem: string): OtraceError {
  return new OtraceError('OTRACE_WASM', `${where}, byte offset 0x${offset.toString(16)}: ${problem}`);
}

export class ByteReader {
  readonly bytes: Uint8Array;
  /** Byte offset in the module of the next read. */
  position: number;
  /** First byte that this reader may not touch. */
  readonly end: number;
  readonly #where: string;

  /**
   * @param where what the range holds, for errors: `type section`
   * @throws OtraceError OTRACE_WASM when the range is not inside the bytes
   */
  constructor(bytes: Uint8Array, start: number, end: number, where: string) {
    this.bytes = bytes;
    this.position = start;
    this.end = end;
    this.#where = where;
    if (start > end || end > bytes.length) this.fail('it runs past the end of the module');
  }

  get atEnd(): boolean {
    return this.position >= this.end;
  }

  /** @throws OtraceError OTRACE_WASM always, naming this part and the position */
  fail(problem: string): never {
    throw moduleError(this.#where, this.position, problem);
  }

  u8(): number {
    if (this.position >= this.end) this.fail('cut short');
    return this.bytes[this.position++]!;
  }

  /** An unsigned LEB128 of at most 32 bits. */
  u32(): number {
    const first = this.u8();
    if (first < 0x80) return first;
    let value = first & 0x7f;
    for (let shift = 7; shift < 28; shift += 7) {
      const byte = this.u8();
      value |= (byte & 0x7f) << shift;
      if (byte < 0x80) return value;
    }
    const last = this.u8();
    if (last > 0x0f) this.fail('a number is longer than 32 bits');
    return (value | (last << 28)) >>> 0;
  }

  /** An unsigned LEB128 of at most 64 bits; beyond 2^53 to the nearest number. */
  u64(): number {
    let value = 0;
    for (let i = 0; i < 10; i++) {
      const byte = this.u8();
      value += (byte & 0x7f) * 2 ** (7 * i);
      if (byte < 0x80) return value;
    }
    return this.fail('a number is longer than 10 bytes');
  }

  /** Steps over a LEB128 of any kind that takes at most `maxBytes` bytes. */
  skipLeb(maxBytes: number): void {
    for (let i = 0; i < maxBytes; i++) if (this.u8() < 0x80) return;
    this.fail(`a number is longer than ${maxBytes} bytes`);
  }

  /** Steps over `count` bytes. */
  skip(count: number): void {
    if (count > this.end - this.position) this.fail(`${count} bytes are expected, cut short`);
    this.position += count;
  }

  /**
   * How many entries follow. Each takes at least `entryBytes`, so that a count that can't be true is refused
   * before anybody allocates for it.
   */
  count(entryBytes = 1): number {
    const count = this.u32();
    if (count * entryBytes > this.end - this.position) this.fail(`${count} entries can't fit here`);
    return count;
  }

  name(): string {
    const length = this.u32();
    const start = this.position;
    this.skip(length);
    return utf8.decode(this.bytes.subarray(start, this.position));
  }

  skipName(): void {
    this.skip(this.u32());
  }
}
