/**
 * Whole pieces of data that go with a trace: metadata events (`ph: "M"`) under a name of their own, which viewers
 * ignore and tools read. Unlike events they are not in the ring, so none is overwritten.
 *
 * Memory: the JSON text of what is held, `MOST_BYTES` and `MOST_ENTRIES` at most. Beyond that every second one is
 * dropped, so that what is left still spans the run.
 */
const MOST_ENTRIES = 64;
const MOST_BYTES = 16 * 1024 * 1024;

export interface Annex {
  readonly name: string;
  /** Microseconds on the recorder's clock. */
  readonly timeUs: number;
  /** JSON text of its arguments: an object, well-formed, as `safe-json.ts` wants it. */
  readonly argsJson: string;
}

export class Annexes {
  #entries: Annex[] = [];
  #written = new WeakSet<Annex>();
  #length = 0;

  /** Those held, oldest first. @param onlyNew leaves out what was marked as written */
  list(onlyNew: boolean): readonly Annex[] {
    return onlyNew ? this.#entries.filter((annex) => !this.#written.has(annex)) : [...this.#entries];
  }

  add(annex: Annex): void {
    this.#entries.push(annex);
    this.#length += annex.argsJson.length;
    while (this.#entries.length > 1 && (this.#entries.length > MOST_ENTRIES || this.#length > MOST_BYTES)) {
      this.#thin();
    }
  }

  /** These are in a file. */
  markWritten(annexes: readonly Annex[]): void {
    for (const annex of annexes) this.#written.add(annex);
  }

  /** Memory held, in bytes, about. */
  get selfBytes(): number {
    return 2 * this.#length;
  }

  /** There is another file, which has none of them. */
  forgetWritten(): void {
    this.#written = new WeakSet();
  }

  /** Keeps the newest and, going back from it, every second one. */
  #thin(): void {
    const last = this.#entries.length - 1;
    this.#entries = this.#entries.filter((_, i) => (last - i) % 2 === 0);
    this.#length = this.#entries.reduce((sum, { argsJson }) => sum + argsJson.length, 0);
  }
}
