/**
 * Where in its sources an instruction of a module is, by DWARF. Everything is looked up when the first stack asks
 * for it; of the sections only small tables are kept. Whatever is damaged or not known gives no position.
 */
import { DwarfFunctions, type EnclosingFunctions } from './dwarf-functions.js';
import { sourcePath } from './dwarf-line-header.js';
import { DwarfLines } from './dwarf-lines.js';
import { DwarfSections } from './dwarf-sections.js';
import type { DwarfUnit } from './dwarf-unit.js';

export interface SourcePosition {
  /** Mangled, where the language mangles; empty when unknown. */
  readonly name: string;
  readonly file: string;
  /** 0 when unknown. */
  readonly line: number;
  readonly column: number;
}

const NOWHERE: readonly SourcePosition[] = [];

export class DebugLines {
  readonly #sections: DwarfSections;
  readonly #codeStart: number;
  readonly #firstBody: number;
  #lines: DwarfLines | undefined;
  #functions: DwarfFunctions | undefined;

  /**
   * @param section gives a custom section's content
   * @param codeStart where the content of the code section begins in the module, from which DWARF counts
   * @param firstBody where the first function's body begins
   */
  constructor(section: (name: string) => Uint8Array | undefined, codeStart: number, firstBody: number) {
    this.#sections = new DwarfSections(section);
    this.#codeStart = codeStart;
    this.#firstBody = firstBody;
  }

  /**
   * @param offset byte offset of an instruction in the module
   * @returns its position and, where its function was inlined, those of the calls around it: innermost first, the
   *   function that is in the module last; empty when nothing is known. Never throws.
   */
  positionsAt(offset: number): readonly SourcePosition[] {
    try {
      return this.#positionsAt(offset - this.#codeStart);
    } catch {
      return NOWHERE;
    }
  }

  #positionsAt(address: number): readonly SourcePosition[] {
    if (this.#sections.bytes('.debug_line') === undefined) return NOWHERE;
    this.#lines ??= new DwarfLines(this.#sections, this.#firstBody - this.#codeStart);
    const row = this.#lines.rowAt(address);
    if (row === undefined) return NOWHERE;
    this.#functions ??= new DwarfFunctions(this.#sections);
    const unit = this.#functions.unitOf(row.program);
    const around = this.#around(unit, address);
    const directory = unit?.workingDirectory ?? '';
    const path = (file: number): string => sourcePath(this.#sections, row.header, file, directory);
    const positions: SourcePosition[] = [];
    let { file, line, column } = row;
    for (const call of around.inlined.toReversed()) {
      positions.push({ name: call.name, file: path(file), line, column });
      ({ file, line, column } = call);
    }
    positions.push({ name: around.name, file: path(file), line, column });
    return positions;
  }

  #around(unit: DwarfUnit | undefined, address: number): EnclosingFunctions {
    try {
      const around = unit && this.#functions!.around(unit, address);
      if (around !== undefined) return around;
    } catch {
      // The line is known all the same.
    }
    return { name: '', inlined: [] };
  }
}
