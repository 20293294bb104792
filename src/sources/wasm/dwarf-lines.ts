/**
 * From an instruction's address to its source line, by the line number programs in `.debug_line`.
 *
 * A program describes sequences, in wasm one for each function. All are run once to learn which addresses each
 * covers; after that a lookup runs one sequence again, up to the address. No rows are kept.
 *
 *   starts[i] <= address < ends[i]   covered by the sequence at programs[i] (offset of the unit's header),
 *                                    whose opcodes begin at positions[i]; ascending starts
 *
 * Memory: 16 bytes a function. Sequences of functions that the linker left out stand at addresses outside the code.
 */
import type { DwarfCursor } from './dwarf-cursor.js';
import { type LineHeader, readLineHeader } from './dwarf-line-header.js';
import type { DwarfSections } from './dwarf-sections.js';

export interface LineRow {
  /** Offset of the program in `.debug_line`, by which a unit of `.debug_info` names it. */
  readonly program: number;
  readonly header: LineHeader;
  readonly file: number;
  /** 0 for code that belongs to no line. */
  readonly line: number;
  /** From 1; 0 when unknown. */
  readonly column: number;
}

const OP = {
  extended: 0,
  copy: 1,
  advancePc: 2,
  advanceLine: 3,
  setFile: 4,
  setColumn: 5,
  constAddPc: 8,
  fixedAdvancePc: 9,
} as const;
const EXTENDED = { endSequence: 1, setAddress: 2 } as const;

export class DwarfLines {
  readonly #sections: DwarfSections;
  #starts: Uint32Array = new Uint32Array(0);
  #ends: Uint32Array = new Uint32Array(0);
  #programs: Uint32Array = new Uint32Array(0);
  #positions: Uint32Array = new Uint32Array(0);

  /** @param lowest first address at which there may be code */
  constructor(sections: DwarfSections, lowest: number) {
    this.#sections = sections;
    this.#index(lowest);
  }

  /** @throws OtraceError OTRACE_WASM when the program is damaged */
  rowAt(address: number): LineRow | undefined {
    let low = 0;
    let high = this.#starts.length;
    while (low < high) {
      const middle = (low + high) >>> 1;
      if (this.#starts[middle]! <= address) low = middle + 1;
      else high = middle;
    }
    const sequence = low - 1;
    if (sequence < 0 || address >= this.#ends[sequence]!) return undefined;
    const program = this.#programs[sequence]!;
    const cursor = this.#sections.cursor('.debug_line', program);
    const header = readLineHeader(cursor);
    cursor.position = this.#positions[sequence]!;
    const run = new SequenceRun(cursor, header, address);
    return run.found ? { program, header, file: run.file, line: run.line, column: run.column } : undefined;
  }

  #index(lowest: number): void {
    const found: number[] = [];
    const cursor = this.#sections.cursor('.debug_line');
    try {
      while (!cursor.atEnd) {
        const program = cursor.position;
        const header = readLineHeader(cursor);
        try {
          while (cursor.position < header.end) {
            const position = cursor.position;
            const { start, end } = new SequenceRun(cursor, header, Number.POSITIVE_INFINITY);
            if (start >= lowest && start < end && end < 0xffffffff) found.push(start, end, program, position);
          }
        } catch {
          // A damaged unit says nothing of those after it.
        }
        cursor.position = header.end;
      }
    } catch {
      // What was read before the damage is still right.
    }
    const count = found.length / 4;
    const order = new Uint32Array(count).map((_, i) => i).sort((a, b) => found[4 * a]! - found[4 * b]!);
    const column = (place: number): Uint32Array => Uint32Array.from(order, (i) => found[4 * i + place]!);
    this.#starts = column(0);
    this.#ends = column(1);
    this.#programs = column(2);
    this.#positions = column(3);
  }
}

/** One sequence run from its first opcode: to its end, or to the row that covers an address. */
class SequenceRun {
  /** Of the first row. */
  start = -1;
  /** Of the last: the first address after the sequence. */
  end = -1;
  found = false;
  file = 1;
  line = 1;
  column = 0;

  constructor(cursor: DwarfCursor, header: LineHeader, target: number) {
    const { lineBase, lineRange, opcodeBase, instructionBytes, operands } = header;
    const addPc = Math.trunc((255 - opcodeBase) / lineRange) * instructionBytes;
    let address = 0;
    let file = 1;
    let line = 1;
    let column = 0;
    while (cursor.position < header.end) {
      const opcode = cursor.u8();
      let isRow = false;
      let isEnd = false;
      if (opcode >= opcodeBase) {
        const adjusted = opcode - opcodeBase;
        address += Math.trunc(adjusted / lineRange) * instructionBytes;
        line += lineBase + (adjusted % lineRange);
        isRow = true;
      } else if (opcode === OP.extended) {
        const size = cursor.uleb();
        const next = cursor.position + size;
        if (size === 0 || next > header.end) cursor.fail('an opcode runs past its program');
        const extended = cursor.u8();
        if (extended === EXTENDED.setAddress && size > 1 && size <= 9) address = cursor.unsigned(size - 1);
        isEnd = extended === EXTENDED.endSequence;
        isRow = isEnd;
        cursor.position = next;
      } else if (opcode === OP.copy) isRow = true;
      else if (opcode === OP.advancePc) address += cursor.uleb() * instructionBytes;
      else if (opcode === OP.advanceLine) line += cursor.sleb();
      else if (opcode === OP.setFile) file = cursor.uleb();
      else if (opcode === OP.setColumn) column = cursor.uleb();
      else if (opcode === OP.constAddPc) address += addPc;
      else if (opcode === OP.fixedAdvancePc) address += cursor.unsigned(2);
      else for (let left = operands[opcode - 1]!; left > 0; left--) cursor.uleb();
      if (!isRow) continue;
      if (this.start < 0) this.start = address;
      this.end = address;
      if (address > target) {
        this.found = this.start <= target;
        return;
      }
      if (isEnd) return;
      this.file = file;
      this.line = line;
      this.column = column;
    }
  }
}
