/**
 * Where bytes were inserted into function bodies, in the order of the code: the columns that `OffsetMap` reads.
 * REQUIRES: ascending offsets within a body, bodies in order, at most 255 bytes an insertion.
 */
export class EditLog {
  #at = new Uint32Array(256);
  #bytes = new Uint8Array(256);
  count = 0;

  /** @param originalOffset where in the original module; @param insertedBytes 0 is not noted */
  add(originalOffset: number, insertedBytes: number): void {
    if (insertedBytes === 0) return;
    const i = this.count++;
    if (i === this.#at.length) {
      const at = new Uint32Array(i * 2);
      at.set(this.#at);
      this.#at = at;
      const bytes = new Uint8Array(i * 2);
      bytes.set(this.#bytes);
      this.#bytes = bytes;
    }
    this.#at[i] = originalOffset;
    this.#bytes[i] = insertedBytes;
  }

  /** The columns, cut to what was noted. */
  columns(): { editAt: Uint32Array; editBytes: Uint8Array } {
    return { editAt: this.#at.slice(0, this.count), editBytes: this.#bytes.slice(0, this.count) };
  }
}
