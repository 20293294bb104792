/**
 * A worker's string table where the main thread can read it: a growing run of UTF-16 units in shared memory. The
 * main thread needs no help from the worker, which may be dead by then.
 *
 *     memory   | units used (u32) | length (u32) units ... | length (u32) units ... |
 *
 * Invariants: strings are in the order of their ids, starting with id 1; `units used` is stored after the units it
 * covers. A length takes two units, low half first. Cost: 4 bytes and twice its length for a string.
 */

const HEADER_BYTES = 4;
const FIRST_BYTES = 64 * 1024;
const MAX_BYTES = 32 * 1024 * 1024;

export class SharedStrings {
  readonly memory: SharedArrayBuffer;
  readonly #used: Uint32Array;
  #units: Uint16Array;

  /** @param memory that of another thread's strings; left out, new strings are started */
  constructor(memory?: SharedArrayBuffer) {
    this.memory = memory ?? new SharedArrayBuffer(FIRST_BYTES, { maxByteLength: MAX_BYTES });
    this.#used = new Uint32Array(this.memory, 0, 1);
    this.#units = new Uint16Array(this.memory, HEADER_BYTES);
  }

  /** Appends a string. @returns false when there is no room left */
  add(text: string): boolean {
    const start = this.#used[0]!;
    const end = start + 2 + text.length;
    if (end > this.#units.length && !this.#grow(end)) return false;
    const units = this.#units;
    units[start] = text.length & 0xffff;
    units[start + 1] = text.length >>> 16;
    for (let i = 0; i < text.length; i++) units[start + 2 + i] = text.charCodeAt(i);
    this.#used[0] = end;
    return true;
  }

  /** All strings so far, with the empty string in place of id 0. */
  read(): string[] {
    const texts = [''];
    const units = new Uint16Array(this.memory, HEADER_BYTES);
    const end = this.#used[0]!;
    for (let at = 0; at < end; ) {
      const length = units[at]! | (units[at + 1]! << 16);
      let text = '';
      for (let i = 0; i < length; i++) text += String.fromCharCode(units[at + 2 + i]!);
      texts.push(text);
      at += 2 + length;
    }
    return texts;
  }

  #grow(units: number): boolean {
    const wanted = HEADER_BYTES + units * 2;
    const size = Math.min(MAX_BYTES, Math.max(wanted, this.memory.byteLength * 2));
    if (size < wanted || !this.memory.growable) return false;
    this.memory.grow(size);
    this.#units = new Uint16Array(this.memory, HEADER_BYTES);
    return true;
  }
}
