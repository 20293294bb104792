/**
 * Which functions an instruction is part of: the one that is in the module, and those that the compiler inlined
 * there, by `.debug_info`.
 *
 * A unit is gone through whole the first time that one of its functions is asked for, to learn where the functions
 * are; after that only the entries of the function that is asked for. Units of more than `MOST_UNIT_BYTES`
 * (a whole program linked into one) are left out: they would take seconds.
 *
 * Memory: about 100 bytes a unit, 12 a function of the units asked for.
 */
import type { DwarfSections } from './dwarf-sections.js';
import { DwarfUnit, Entry, TAG } from './dwarf-unit.js';

const MOST_UNIT_BYTES = 32 * 1024 * 1024;
/** From an inlined copy to its function, from there to its declaration in a class, and some to spare. */
const MOST_REFERENCES = 8;

/** Where one function was inlined into another. */
export interface InlinedCall {
  /** As the linker would call it, or else as in the source; empty when unknown. */
  readonly name: string;
  /** The call that was replaced; the number of the file in the unit's line numbers. */
  readonly file: number;
  readonly line: number;
  readonly column: number;
}

export interface EnclosingFunctions {
  /** Of the function that is in the module. */
  readonly name: string;
  /** Outermost first. */
  readonly inlined: readonly InlinedCall[];
}

interface Functions {
  /** Three numbers for each range of code: first address, address after the last, offset of the entry. */
  readonly ranges: Uint32Array;
}

export class DwarfFunctions {
  readonly #units: DwarfUnit[] = [];
  readonly #byLineProgram = new Map<number, DwarfUnit>();
  readonly #functions = new Map<DwarfUnit, Functions>();

  constructor(sections: DwarfSections) {
    try {
      const cursor = sections.cursor('.debug_info');
      while (!cursor.atEnd) {
        const unit = new DwarfUnit(sections, cursor);
        cursor.position = unit.end;
        this.#units.push(unit);
        const isWhole = unit.tag === TAG.compileUnit || unit.tag === TAG.partialUnit;
        if (isWhole && unit.lineProgram !== undefined && !this.#byLineProgram.has(unit.lineProgram)) {
          this.#byLineProgram.set(unit.lineProgram, unit);
        }
      }
    } catch {
      // What was read before the damage is still right.
    }
  }

  /** The unit whose line numbers are these. */
  unitOf(lineProgram: number): DwarfUnit | undefined {
    return this.#byLineProgram.get(lineProgram);
  }

  /** @throws OtraceError OTRACE_WASM when the unit is damaged */
  around(unit: DwarfUnit, address: number): EnclosingFunctions | undefined {
    if (unit.end - unit.start > MOST_UNIT_BYTES) return undefined;
    let functions = this.#functions.get(unit);
    if (functions === undefined) {
      functions = functionsOf(unit);
      this.#functions.set(unit, functions);
    }
    const { ranges } = functions;
    for (let i = 0; i < ranges.length; i += 3) {
      if (ranges[i]! <= address && address < ranges[i + 1]!) {
        return this.#within(unit, ranges[i + 2]!, address);
      }
    }
    return undefined;
  }

  #within(unit: DwarfUnit, at: number, address: number): EnclosingFunctions {
    const cursor = unit.cursor(at);
    const entry = new Entry();
    unit.read(cursor, entry);
    const name = this.#nameOf(unit, entry);
    const parents: { readonly depth: number; readonly at: number; readonly covers: boolean }[] = [];
    let found: readonly number[] = [];
    for (let depth = entry.hasChildren ? 1 : 0; depth > 0; ) {
      const start = cursor.position;
      if (!unit.read(cursor, entry)) {
        depth--;
        continue;
      }
      while ((parents.at(-1)?.depth ?? 0) >= depth) parents.pop();
      if (entry.tag === TAG.inlined) {
        // Code moved by an optimiser that did not know leaves children outside of their parents.
        const covers = parents.at(-1)?.covers !== false && unit.covers(entry, address);
        parents.push({ depth, at: start, covers });
        // And several at one address; the last one counts, as it does for LLVM.
        if (covers) found = parents.map((parent) => parent.at);
      }
      if (entry.hasChildren) depth++;
    }
    return { name, inlined: found.map((offset) => this.#inlinedCall(unit, offset)) };
  }

  #inlinedCall(unit: DwarfUnit, at: number): InlinedCall {
    const entry = new Entry();
    unit.read(unit.cursor(at), entry);
    return {
      name: this.#nameOf(unit, entry),
      file: entry.value('callFile'),
      line: entry.value('callLine'),
      column: entry.value('callColumn'),
    };
  }

  #nameOf(unit: DwarfUnit, entry: Entry): string {
    let name = '';
    let at: { unit: DwarfUnit; entry: Entry } | undefined = { unit, entry };
    for (let left = MOST_REFERENCES; left > 0 && at !== undefined; left--) {
      const linkageName = at.unit.text(at.entry, 'linkageName');
      if (linkageName !== '') return linkageName;
      name ||= at.unit.text(at.entry, 'name');
      at = this.#referred(at.unit, at.entry);
    }
    return name;
  }

  #referred(unit: DwarfUnit, entry: Entry): { unit: DwarfUnit; entry: Entry } | undefined {
    const slot = entry.has('abstractOrigin') ? 'abstractOrigin' : 'specification';
    const offset = unit.reference(entry, slot);
    if (offset === undefined) return undefined;
    const home = offset >= unit.start && offset < unit.end ? unit : this.#unitAround(offset);
    if (home === undefined || offset < home.entries) return undefined;
    const referred = new Entry();
    return home.read(home.cursor(offset), referred) ? { unit: home, entry: referred } : undefined;
  }

  #unitAround(offset: number): DwarfUnit | undefined {
    return this.#units.find((unit) => unit.start <= offset && offset < unit.end);
  }
}

function functionsOf(unit: DwarfUnit): Functions {
  const found: number[] = [];
  const entry = new Entry();
  const cursor = unit.cursor();
  try {
    while (!cursor.atEnd) {
      const at = cursor.position;
      if (!unit.read(cursor, entry) || entry.tag !== TAG.subprogram) continue;
      for (const [low, high] of unit.ranges(entry)) if (high <= 0xffffffff) found.push(low, high, at);
    }
  } catch {
    // What was read before the damage is still right.
  }
  return { ranges: Uint32Array.from(found) };
}
