/**
 * From positions in a rewritten module back to the original one: engines name a frame by its byte offset in
 * the module, and DWARF and source maps know the original's offsets only.
 *
 *   bodies       0 .. defined-1 are the module's own functions in order, then the added ones
 *   starts[b]    where body b begins in the rewritten module (ascending); starts[bodies] is the end of the code
 *   originals[b] where its code begins in the original module; 0 for a body that otrace wrote itself
 *   edits        body b's are firstEdit[b] .. firstEdit[b+1]-1: at original offset editAt[e], ascending,
 *                editBytes[e] bytes stand before what was there
 *
 * Cost: 12 bytes for a function, 5 for an edit. A lookup is a binary search and a walk over one body's edits.
 */

export interface OffsetTables {
  readonly importedFunctions: number;
  readonly definedFunctions: number;
  readonly starts: Uint32Array;
  readonly originals: Uint32Array;
  readonly firstEdit: Uint32Array;
  readonly editAt: Uint32Array;
  readonly editBytes: Uint8Array;
  /** Original function index of each added function, in order; -1 for one that otrace wrote itself. */
  readonly movedFrom: readonly number[];
}

export class OffsetMap {
  readonly tables: OffsetTables;

  constructor(tables: OffsetTables) {
    this.tables = tables;
  }

  /**
   * @param offset a byte offset in the rewritten module, as in `wasm-function[5]:0x1f3`
   * @returns the byte offset in the original module of the same instruction (of the one that follows, for an
   *   instruction that was added); undefined where the code is none of the module's own
   */
  originalOffset(offset: number): number | undefined {
    const { starts, originals, firstEdit, editAt, editBytes } = this.tables;
    const body = this.#bodyAt(offset);
    if (body < 0 || originals[body] === 0) return undefined;
    const shift = starts[body]! - originals[body]!;
    let inserted = 0;
    for (let edit = firstEdit[body]!; edit < firstEdit[body + 1]!; edit++) {
      const begin = editAt[edit]! + shift + inserted;
      if (offset < begin) break;
      if (offset < begin + editBytes[edit]!) return editAt[edit]!;
      inserted += editBytes[edit]!;
    }
    return offset - shift - inserted;
  }

  /** Where, in the original module, the function body begins that covers an offset in the rewritten one. */
  originalBody(offset: number): number | undefined {
    const body = this.#bodyAt(offset);
    return body < 0 ? undefined : this.tables.originals[body] || undefined;
  }

  /** The original index of a function of the rewritten module: another one only where a body was moved. */
  originalFunction(functionIndex: number): number {
    const { importedFunctions, definedFunctions, movedFrom } = this.tables;
    const from = movedFrom[functionIndex - importedFunctions - definedFunctions];
    return from === undefined || from < 0 ? functionIndex : from;
  }

  /** True when a function's body is otrace's own: such a frame is not the program's. */
  isAdded(functionIndex: number): boolean {
    return this.tables.originals[functionIndex - this.tables.importedFunctions] === 0;
  }

  /** The body that covers an offset, or -1. */
  #bodyAt(offset: number): number {
    const { starts } = this.tables;
    let low = 0;
    let high = starts.length - 1;
    if (high < 1 || offset < starts[0]! || offset >= starts[high]!) return -1;
    while (high - low > 1) {
      const middle = (low + high) >>> 1;
      if (starts[middle]! <= offset) low = middle;
      else high = middle;
    }
    return low;
  }
}
