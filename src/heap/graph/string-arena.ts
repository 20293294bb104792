/**
 * Texts by number, held outside the JavaScript heap as the ASCII of their JSON form and made into strings only when
 * somebody asks.
 *
 *     bytes    text text text ...        what was not wanted takes no room
 *     ends     ends[i] is where text i ends; it begins where text i - 1 ended
 *
 * Cost: 4 bytes an entry, and one byte a character of what is kept (V8 cuts texts at 1,024 characters).
 */
const FIRST_BYTES = 64 * 1024;
const FIRST_ENTRIES = 4096;

export class StringArena {
  #bytes = new Uint8Array(FIRST_BYTES);
  #ends = new Uint32Array(FIRST_ENTRIES);
  #used = 0;
  #count = 0;

  get count(): number {
    return this.#count;
  }

  /** Adds a byte to the text that `endText` will close. */
  push(byte: number): void {
    if (this.#used === this.#bytes.length) {
      const grown = new Uint8Array(this.#bytes.length * 2);
      grown.set(this.#bytes);
      this.#bytes = grown;
    }
    this.#bytes[this.#used++] = byte;
  }

  endText(): void {
    if (this.#count === this.#ends.length) {
      const grown = new Uint32Array(this.#ends.length * 2);
      grown.set(this.#ends);
      this.#ends = grown;
    }
    this.#ends[this.#count++] = this.#used;
  }

  /** The text; empty where there is none of that number or it was not kept. */
  get(index: number): string {
    if (index >= this.#count) return '';
    const start = index === 0 ? 0 : this.#ends[index - 1]!;
    const end = this.#ends[index]!;
    let plain = '';
    for (let i = start; i < end; i++) {
      if (this.#bytes[i] === BACKSLASH) return this.#unescape(start, end);
      plain += String.fromCharCode(this.#bytes[i]!);
    }
    return plain;
  }

  /** Whether text `index` ends with this ASCII text; nothing is made for the answer. */
  endsWith(index: number, suffix: string): boolean {
    if (index >= this.#count) return false;
    const start = index === 0 ? 0 : this.#ends[index - 1]!;
    const end = this.#ends[index]!;
    if (end - start < suffix.length) return false;
    for (let i = 0; i < suffix.length; i++) {
      if (this.#bytes[end - suffix.length + i] !== suffix.charCodeAt(i)) return false;
    }
    return true;
  }

  /** Whether text `index` is this ASCII text; nothing is made for the answer. One text may stand under several numbers. */
  is(index: number, text: string): boolean {
    const start = index === 0 ? 0 : this.#ends[index - 1]!;
    return this.#ends[index]! - start === text.length && this.endsWith(index, text);
  }

  #unescape(start: number, end: number): string {
    let json = '"';
    for (let i = start; i < end; i++) json += String.fromCharCode(this.#bytes[i]!);
    try {
      return JSON.parse(`${json}"`) as string;
    } catch {
      return json.slice(1); // V8 cut it within an escape
    }
  }
}

const BACKSLASH = 0x5c;
