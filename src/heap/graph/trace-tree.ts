/**
 * The calling contexts of recorded allocations, as V8's allocation tracking keeps them: a tree of functions, each with
 * what was allocated in it, freed or not. Rows in columns; row 0 is the root, a row's parent has a lower number.
 */

/** A function as V8 describes it; `line` and `column` from 1, 0 when unknown. */
export interface TracedFunction {
  readonly name: number;
  readonly script: number;
  readonly scriptId: number;
  readonly line: number;
  readonly column: number;
}

export class TraceTree {
  /** Names and scripts are numbers in the graph's strings. */
  readonly functions: TracedFunction[] = [];
  count = 0;
  parent = new Int32Array(1024);
  functionOf = new Uint32Array(1024);
  totalBlocks = new Float64Array(1024);
  totalBytes = new Float64Array(1024);
  readonly #rowOfId = new Map<number, number>();

  /** @returns the new row */
  add(parent: number, id: number, functionIndex: number, blocks: number, bytes: number): number {
    const row = this.count++;
    if (row === this.parent.length) this.#grow();
    this.parent[row] = parent;
    this.functionOf[row] = functionIndex;
    this.totalBlocks[row] = blocks;
    this.totalBytes[row] = bytes;
    this.#rowOfId.set(id, row);
    return row;
  }

  /** The row that a node's `traceOf` means; -1 for none. */
  rowOf(id: number): number {
    return this.#rowOfId.get(id) ?? -1;
  }

  #grow(): void {
    const length = this.parent.length * 2;
    const parent = new Int32Array(length);
    parent.set(this.parent);
    this.parent = parent;
    const functionOf = new Uint32Array(length);
    functionOf.set(this.functionOf);
    this.functionOf = functionOf;
    const totalBlocks = new Float64Array(length);
    totalBlocks.set(this.totalBlocks);
    this.totalBlocks = totalBlocks;
    const totalBytes = new Float64Array(length);
    totalBytes.set(this.totalBytes);
    this.totalBytes = totalBytes;
  }
}
