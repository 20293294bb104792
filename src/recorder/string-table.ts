/**
 * Interned strings: event names, categories, argument key lists and colour names become 16-bit numbers, so that
 * an event is a few typed-array stores.
 *
 * Invariants: id 0 is never given out (it means "none" or "not interned"); an id names the same string for ever.
 * Cost per entry: one Map entry and one array slot, about 60 bytes, at most `LIMIT` entries. A program that makes
 * up names (`request ${id}`) fills the table once, by their number or their length, and its later names travel inside
 * their events.
 */

/** Highest number of strings; ids must fit 16 bits. */
const LIMIT = 0xffff;
/** UTF-16 units of all strings together. */
const UNITS_LIMIT = 16 * 1024 * 1024;
/** What a string takes beside its units: a Map entry and an array slot. */
const ENTRY_BYTES = 60;

/** Strings used of late, to be found without asking the Map: 3 to 6 ns instead of 11 to 16. */
const RECENT = 64;

/** Fills the places of recent strings that are free; as a name it would have id 0 there, which does no harm. */
const FREE = '\u0000free';

/** Called with each new string; a worker copies it to where others can read it. False when there is no room. */
export type StringObserver = (text: string) => boolean;

/** Opens the text of a key list of two or more keys, and separates them. No other text contains it. */
const KEY_SEPARATOR = '\u0000';

export class StringTable {
  readonly #ids = new Map<string, number>();
  readonly #listIds = new Map<string, number>();
  readonly #texts: string[] = [''];
  /** By length and middle character: different texts at one place take turns. */
  readonly #recentTexts: string[] = new Array(RECENT).fill(FREE);
  readonly #recentIds = new Uint16Array(RECENT);
  readonly #onNew: StringObserver | undefined;
  #units = 0;

  constructor(onNew?: StringObserver) {
    this.#onNew = onNew;
  }

  /** The id of `text`, or 0 when the table is full. */
  id(text: string): number {
    // A caller without types may pass anything as a name.
    if (typeof text !== 'string') return this.id(nameText(text));
    const { length } = text;
    const place = (length + text.charCodeAt(length >> 1)) & (RECENT - 1);
    return this.#recentTexts[place] === text ? this.#recentIds[place]! : this.#find(text, place);
  }

  /** The id of a list of argument keys, or 0 when the table is full or a key contains NUL. */
  listId(keys: readonly string[]): number {
    if (keys.length === 1) return this.id(keys[0]!);
    if (keys.some((key) => key.includes(KEY_SEPARATOR))) return 0;
    const list = `${KEY_SEPARATOR}${keys.join(KEY_SEPARATOR)}`;
    return this.#listIds.get(list) ?? this.#add(this.#listIds, list, list);
  }

  /** REQUIRES: an id that this table gave out. */
  text(id: number): string {
    return this.#texts[id]!;
  }

  get size(): number {
    return this.#texts.length;
  }

  /** Memory held, in bytes, about. */
  get selfBytes(): number {
    return this.size * ENTRY_BYTES + 2 * this.#units;
  }

  #find(text: string, place: number): number {
    const id = this.#ids.get(text) ?? this.#add(this.#ids, text, text.replaceAll(KEY_SEPARATOR, '\u2400'));
    this.#recentTexts[place] = text;
    this.#recentIds[place] = id;
    return id;
  }

  #add(ids: Map<string, number>, given: string, kept: string): number {
    const id = this.#texts.length;
    if (id > LIMIT || this.#units + kept.length > UNITS_LIMIT || this.#onNew?.(kept) === false) return 0;
    this.#units += kept.length;
    ids.set(given, id);
    this.#texts.push(kept);
    return id;
  }
}

/** The keys of an interned key list, from its text. */
export function keysOf(text: string): readonly string[] {
  return text.startsWith(KEY_SEPARATOR) ? text.slice(1).split(KEY_SEPARATOR) : [text];
}

/** A name as text. A caller without types may pass anything, whose `toString` may throw. */
export function nameText(name: unknown): string {
  try {
    return String(name);
  } catch {
    return `(${typeof name})`;
  }
}
