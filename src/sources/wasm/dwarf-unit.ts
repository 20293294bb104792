/**
 * A unit of `.debug_info`: the entries of one compilation, read one after the other. Of an entry only the
 * attributes in `SLOTS` are kept; the entries of variables, types and the like are stepped over.
 *
 *   .debug_info     | header | entry: abbreviation code, values | entry ... | 0: end of siblings | ...
 *   .debug_abbrev   code -> tag, has children, [attribute, form] ...
 */
import type { DwarfCursor } from './dwarf-cursor.js';
import { type DwarfSections, FORM, formBytes } from './dwarf-sections.js';

export const TAG = { compileUnit: 0x11, inlined: 0x1d, subprogram: 0x2e, partialUnit: 0x3c } as const;

/** Attributes that are kept, and where in an entry. */
const SLOTS = {
  name: 0,
  lowPc: 1,
  highPc: 2,
  ranges: 3,
  abstractOrigin: 4,
  specification: 5,
  linkageName: 6,
  callFile: 7,
  callLine: 8,
  callColumn: 9,
  statements: 10,
  directory: 11,
  stringOffsetsBase: 12,
  addressBase: 13,
  rangesBase: 14,
} as const;
const SLOT_COUNT = 15;
type Slot = keyof typeof SLOTS;

const SLOT_OF_ATTRIBUTE = new Map<number, number>([
  [0x03, SLOTS.name],
  [0x11, SLOTS.lowPc],
  [0x12, SLOTS.highPc],
  [0x55, SLOTS.ranges],
  [0x31, SLOTS.abstractOrigin],
  [0x47, SLOTS.specification],
  [0x6e, SLOTS.linkageName],
  [0x2007, SLOTS.linkageName],
  [0x58, SLOTS.callFile],
  [0x59, SLOTS.callLine],
  [0x57, SLOTS.callColumn],
  [0x10, SLOTS.statements],
  [0x1b, SLOTS.directory],
  [0x72, SLOTS.stringOffsetsBase],
  [0x73, SLOTS.addressBase],
  [0x74, SLOTS.rangesBase],
]);
const KEPT_TAGS: ReadonlySet<number> = new Set(Object.values(TAG));

interface Abbreviation {
  readonly tag: number;
  readonly hasChildren: boolean;
  /** Bytes of the values when they are always as many, and none is kept; else -1. */
  readonly bytes: number;
  /** Slot (or -1), form and implicit value of each attribute. */
  readonly attributes: readonly number[];
}

/** An entry; the object is filled anew by each reading. */
export class Entry {
  tag = 0;
  hasChildren = false;
  readonly #forms = new Uint16Array(SLOT_COUNT);
  readonly #values = new Float64Array(SLOT_COUNT);

  has(slot: Slot): boolean {
    return this.#forms[SLOTS[slot]] !== 0;
  }

  form(slot: Slot): number {
    return this.#forms[SLOTS[slot]]!;
  }

  /** 0 when the entry has no such attribute. */
  value(slot: Slot): number {
    return this.#values[SLOTS[slot]]!;
  }

  clear(): void {
    this.#forms.fill(0);
    this.#values.fill(0);
  }

  set(slot: number, form: number, value: number): void {
    this.#forms[slot] = form;
    this.#values[slot] = value;
  }
}

export class DwarfUnit {
  /** In `.debug_info`: of the header, of the first entry, and after the last. */
  readonly start: number;
  readonly entries: number;
  readonly end: number;
  readonly version: number;
  readonly tag: number;
  /** Offset of its line numbers; undefined when it has none. */
  readonly lineProgram: number | undefined;
  readonly #sections: DwarfSections;
  readonly #offsetBytes: number;
  readonly #addressBytes: number;
  readonly #abbreviationsAt: number;
  readonly #root = new Entry();
  #abbreviations: WeakRef<ReadonlyMap<number, Abbreviation>> | undefined;

  /** REQUIRES: the cursor stands where a unit begins. It is left after the unit's first entry. */
  constructor(sections: DwarfSections, cursor: DwarfCursor) {
    this.#sections = sections;
    this.start = cursor.position;
    const { end, offsetBytes } = cursor.initialLength();
    this.end = end;
    this.#offsetBytes = offsetBytes;
    this.version = cursor.unsigned(2);
    if (this.version < 2 || this.version > 5) cursor.fail(`debug information of version ${this.version}`);
    const kind = this.version === 5 ? cursor.u8() : 1;
    if (this.version === 5) this.#addressBytes = cursor.u8();
    this.#abbreviationsAt = cursor.unsigned(offsetBytes);
    this.#addressBytes ??= cursor.u8();
    if (this.#addressBytes !== 4 && this.#addressBytes !== 8) cursor.fail('addresses of an unusual size');
    // Skeleton and split units have an identifier, type units a signature and an offset.
    if (kind === 4 || kind === 5) cursor.skip(8);
    if (kind === 2 || kind === 6) cursor.skip(8 + offsetBytes);
    this.entries = cursor.position;
    this.tag = this.read(cursor, this.#root) ? this.#root.tag : 0;
    this.lineProgram = this.#root.has('statements') ? this.#root.value('statements') : undefined;
  }

  /** Where the compiler ran; empty when unknown. */
  get workingDirectory(): string {
    return this.text(this.#root, 'directory');
  }

  /** A cursor over the unit's entries. */
  cursor(from = this.entries): DwarfCursor {
    return this.#sections.cursor('.debug_info', from, this.end);
  }

  /**
   * Reads the entry at the cursor.
   *
   * @returns false for the end of a list of siblings
   * @throws OtraceError OTRACE_WASM when it is damaged
   */
  read(cursor: DwarfCursor, entry: Entry): boolean {
    const code = cursor.uleb();
    if (code === 0) return false;
    const abbreviation = this.#abbreviationTable().get(code);
    if (abbreviation === undefined) return cursor.fail(`abbreviation ${code} is missing`);
    const { tag, hasChildren, bytes, attributes } = abbreviation;
    entry.tag = tag;
    entry.hasChildren = hasChildren;
    if (bytes >= 0) {
      cursor.skip(bytes);
      return true;
    }
    const isKept = KEPT_TAGS.has(tag);
    if (isKept) entry.clear();
    for (let i = 0; i < attributes.length; i += 3) {
      let form = attributes[i + 1]!;
      if (form === FORM.indirect) form = cursor.uleb();
      const read = this.#sections.readForm(cursor, form, this.#offsetBytes, this.#addressBytes);
      if (!isKept || attributes[i] === -1) continue;
      entry.set(attributes[i]!, form, form === FORM.implicitConst ? attributes[i + 2]! : read);
    }
    return true;
  }

  text(entry: Entry, slot: Slot): string {
    const form = entry.form(slot);
    const value = entry.value(slot);
    const isIndex = form === FORM.strx || (form >= FORM.strx1 && form <= FORM.strx4);
    if (!isIndex) return this.#sections.text(form, value, '.debug_info');
    const at = this.#base('stringOffsetsBase') + value * this.#offsetBytes;
    const offset = this.#sections.cursor('.debug_str_offsets', at).unsigned(this.#offsetBytes);
    return this.#sections.text(FORM.strp, offset);
  }

  /** The offset in `.debug_info` that a reference names; undefined for one into another file. */
  reference(entry: Entry, slot: 'abstractOrigin' | 'specification'): number | undefined {
    const form = entry.form(slot);
    if (form === FORM.refAddr) return entry.value(slot);
    const isLocal = form >= FORM.ref1 && form <= FORM.refUdata;
    return isLocal ? this.start + entry.value(slot) : undefined;
  }

  /** Whether the code of an entry covers an address. */
  covers(entry: Entry, address: number): boolean {
    for (const [low, high] of this.ranges(entry)) if (low <= address && address < high) return true;
    return false;
  }

  /** The addresses from `low` up to `high` that an entry's code stands at. */
  *ranges(entry: Entry): Generator<readonly [low: number, high: number]> {
    if (entry.has('ranges')) {
      yield* this.version === 5 ? this.#rangeList(entry) : this.#oldRanges(entry.value('ranges'));
    } else if (entry.has('lowPc') && entry.has('highPc')) {
      const low = this.#address(entry.form('lowPc'), entry.value('lowPc'));
      const isAddress = entry.form('highPc') === FORM.addr || entry.form('highPc') >= FORM.addrx1;
      const high = entry.value('highPc');
      yield [low, isAddress ? this.#address(entry.form('highPc'), high) : low + high];
    }
  }

  #base(slot: 'stringOffsetsBase' | 'addressBase' | 'rangesBase'): number {
    if (this.#root.has(slot)) return this.#root.value(slot);
    return slot === 'rangesBase' ? 12 : 8; // after the header of a section with one table
  }

  #address(form: number, value: number): number {
    return form === FORM.addr ? value : this.#indexedAddress(value);
  }

  #indexedAddress(index: number): number {
    const at = this.#base('addressBase') + index * this.#addressBytes;
    return this.#sections.cursor('.debug_addr', at).unsigned(this.#addressBytes);
  }

  get #lowPc(): number {
    return this.#root.has('lowPc') ? this.#address(this.#root.form('lowPc'), this.#root.value('lowPc')) : 0;
  }

  *#oldRanges(at: number): Generator<readonly [number, number]> {
    const cursor = this.#sections.cursor('.debug_ranges', at);
    const largest = this.#addressBytes === 4 ? 0xffffffff : 2 ** 64;
    let base = this.#lowPc;
    for (;;) {
      const low = cursor.unsigned(this.#addressBytes);
      const high = cursor.unsigned(this.#addressBytes);
      if (low === 0 && high === 0) return;
      if (low === largest) base = high;
      else yield [base + low, base + high];
    }
  }

  *#rangeList(entry: Entry): Generator<readonly [number, number]> {
    let at = entry.value('ranges');
    if (entry.form('ranges') === FORM.rnglistx) {
      const base = this.#base('rangesBase');
      const slot = this.#sections.cursor('.debug_rnglists', base + at * this.#offsetBytes);
      at = base + slot.unsigned(this.#offsetBytes);
    }
    const cursor = this.#sections.cursor('.debug_rnglists', at);
    const size = this.#addressBytes;
    let base = this.#lowPc;
    for (;;) {
      const kind = cursor.u8();
      if (kind === 0) return;
      if (kind === 1) base = this.#indexedAddress(cursor.uleb());
      else if (kind === 2) {
        yield [this.#indexedAddress(cursor.uleb()), this.#indexedAddress(cursor.uleb())];
      } else if (kind === 3) {
        const low = this.#indexedAddress(cursor.uleb());
        yield [low, low + cursor.uleb()];
      } else if (kind === 4) yield [base + cursor.uleb(), base + cursor.uleb()];
      else if (kind === 5) base = cursor.unsigned(size);
      else if (kind === 6) yield [cursor.unsigned(size), cursor.unsigned(size)];
      else if (kind === 7) {
        const low = cursor.unsigned(size);
        yield [low, low + cursor.uleb()];
      } else cursor.fail(`a range of kind ${kind}`);
    }
  }

  #abbreviationTable(): ReadonlyMap<number, Abbreviation> {
    let table = this.#abbreviations?.deref();
    if (table === undefined) {
      table = this.#readAbbreviations();
      this.#abbreviations = new WeakRef(table);
    }
    return table;
  }

  #readAbbreviations(): Map<number, Abbreviation> {
    const table = new Map<number, Abbreviation>();
    const cursor = this.#sections.cursor('.debug_abbrev', this.#abbreviationsAt);
    for (let code = cursor.uleb(); code !== 0; code = cursor.uleb()) {
      const tag = cursor.uleb();
      const hasChildren = cursor.u8() === 1;
      const attributes: number[] = [];
      let bytes = KEPT_TAGS.has(tag) ? -1 : 0;
      for (;;) {
        const attribute = cursor.uleb();
        const form = cursor.uleb();
        const implicit = form === FORM.implicitConst ? cursor.sleb() : 0;
        if (attribute === 0 && form === 0) break;
        const size = formBytes(form, this.#offsetBytes, this.#addressBytes);
        bytes = bytes < 0 || size < 0 ? -1 : bytes + size;
        attributes.push(SLOT_OF_ATTRIBUTE.get(attribute) ?? -1, form, implicit);
      }
      table.set(code, { tag, hasChildren, bytes, attributes });
    }
    return table;
  }
}
