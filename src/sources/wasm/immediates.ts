/**
 * Steps over what can follow an opcode. Each method takes a byte offset and returns the one after; nothing is
 * allocated.
 *
 * A read past the end of the bytes gives undefined, which ends every loop here; the caller has to see that it is
 * past the end of what it scans.
 */
import { moduleError } from './byte-reader.js';

export class Immediates {
  protected readonly bytes: Uint8Array;
  /** Result of `readSmall`: a pair would be an allocation. */
  protected small = 0;

  constructor(bytes: Uint8Array) {
    this.bytes = bytes;
  }

  protected afterLeb(p: number): number {
    const bytes = this.bytes;
    let q = p;
    for (let length = 1; bytes[q++]! >= 0x80; length++) {
      if (length === 10) throw moduleError('code', p, 'a number is longer than 10 bytes');
    }
    return q;
  }

  protected afterMemory(p: number): number {
    const q = this.readSmall(p);
    const flags = this.small;
    // Alignments are below 8 and bit 6 says that a memory index follows; other bits are no settled part yet.
    if ((flags & ~0x47) !== 0) throw moduleError('code', p, `alignment 0x${flags.toString(16)} is not known`);
    return this.afterLeb((flags & 0x40) !== 0 ? this.afterLeb(q) : q);
  }

  /** None (0x40), a value type, or a type index as a positive signed number: their first bytes are apart. */
  protected afterBlockType(p: number): number {
    const first = this.bytes[p]!;
    return first >= 0x40 && first < 0x80 ? this.afterValueType(p) : this.afterLeb(p);
  }

  protected afterValueType(p: number): number {
    const code = this.bytes[p]!;
    if (code === 0x63 || code === 0x64) return this.afterHeapType(p + 1);
    if (code === 0x65) return p + 2;
    if (code >= 0x80) throw moduleError('code', p, `value type 0x${code.toString(16)} is not known`);
    return p + 1;
  }

  protected afterHeapType(p: number): number {
    const modifier = this.bytes[p]!;
    return this.afterLeb(modifier === 0x65 || modifier === 0x62 ? p + 1 : p);
  }

  protected afterCatch(p: number): number {
    const clause = this.bytes[p]!;
    if (clause > 3) throw moduleError('code', p, `catch clause ${clause} is not known`);
    const q = this.afterLeb(p + 1);
    return clause < 2 ? this.afterLeb(q) : q;
  }

  protected afterHandler(p: number): number {
    const clause = this.bytes[p]!;
    if (clause > 1) throw moduleError('code', p, `handler clause ${clause} is not known`);
    const q = this.afterLeb(p + 1);
    return clause === 0 ? this.afterLeb(q) : q;
  }

  protected afterList(p: number, end: number, afterEntry: (q: number) => number): number {
    let q = this.readSmall(p);
    let left = this.small;
    for (; left > 0 && q < end; left--) q = afterEntry(q);
    if (left > 0) throw moduleError('code', p, 'a list is cut short');
    return q;
  }

  /** Leaves the number at `p` in `small`, returns where it ends. */
  protected readSmall(p: number): number {
    const bytes = this.bytes;
    let q = p;
    let byte = bytes[q++]!;
    let value = byte & 0x7f;
    for (let shift = 7; byte >= 0x80; shift += 7) {
      if (shift > 28) throw moduleError('code', p, 'a number is longer than 32 bits');
      byte = bytes[q++]!;
      value |= (byte & 0x7f) << shift;
    }
    this.small = value >>> 0;
    return q;
  }
}
