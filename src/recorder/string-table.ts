/**
 * Interned strings: event names, categories, argument key lists and colour names become 16-bit numbers, so that
 * an event is a few typed-array stores.
 *
 * Invariants: id 0 is never given out (it means "none" or "not interned"); an id names the same string for ever.
 * Cost per entry: one Map entry and one array slot, about 60 bytes, at most `LIMIT` entries. A program that makes
 * up names (`request ${id}`) fills the table once and its later names travel inside their events.
 */

/** Highest number of strings; ids must fit 16 bits. */
const LIMIT = 0xffff;

/** Called with each new string; a worker copies it to where others can read it. False when there is no room. */
export type StringObserver = (text: string) => boolean;

export class StringTable {
  readonly #ids = new Map<string, number>();
  readonly #texts: string[] = [''];
  readonly #onNew: StringObserver | undefined;

  constructor(onNew?: StringObserver) {
    this.#onNew = onNew;
  }

  /** The id of `text`, or 0 when the table is full. */
  id(text: string): number {
    const known = this.#ids.get(text);
    return known === undefined ? this.#add(text) : known;
  }

  /** REQUIRES: an id that this table gave out. */
  text(id: number): string {
    return this.#texts[id]!;
  }

  get size(): number {
    return this.#texts.length;
  }

  #add(text: string): number {
    // A caller without types may pass anything as a name; the Map has just missed it, so this is off the hot path.
    if (typeof text !== 'string') return this.id(describeName(text));
    const id = this.#texts.length;
    if (id > LIMIT || this.#onNew?.(text) === false) return 0;
    this.#ids.set(text, id);
    this.#texts.push(text);
    return id;
  }
}

function describeName(value: unknown): string {
  try {
    return String(value);
  } catch {
    return `(${typeof value})`;
  }
}
