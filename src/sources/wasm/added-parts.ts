/**
 * Everything that a rewritten module has beyond the original: types, functions, tables, globals and exports,
 * each appended after the module's own, so that no index that the module uses changes.
 */

import { KIND } from '../../wat/binary-codes.js';
import { ByteWriter } from '../../wat/byte-writer.js';
import type { WasmModule } from './module-sections.js';
import type { FunctionType } from './module-types.js';

const FUNCREF = 0x70;

/** Entries of one section to append: how many, and their bytes. */
export interface AddedEntries {
  count: number;
  readonly bytes: ByteWriter;
}

const none = (): AddedEntries => ({ count: 0, bytes: new ByteWriter() });

export class AddedParts {
  readonly types = none();
  readonly functions = none();
  readonly tables = none();
  readonly globals = none();
  readonly exports = none();
  readonly #module: WasmModule;
  readonly #typeIndices = new Map<string, number>();

  constructor(module: WasmModule) {
    this.#module = module;
  }

  /** The index of an added function type; the same for the same types. */
  functionType(
    params: readonly number[],
    results: readonly number[] | Uint8Array,
    resultCount: number,
  ): number {
    const encoded = [0x60, params.length, ...params, resultCount, ...results];
    const key = encoded.join();
    const known = this.#typeIndices.get(key);
    if (known !== undefined) return known;
    const index = this.#module.typeSection.types.length + this.types.count++;
    this.types.bytes.raw(encoded);
    this.#typeIndices.set(key, index);
    return index;
  }

  /** The encoded type of a block that gives what a function of this type returns. */
  blockType(type: FunctionType): readonly number[] {
    if (type.results.length === 0) return [0x40];
    const results = [...this.#module.bytes.subarray(type.resultsStart, type.resultsEnd)];
    if (type.results.length === 1) return results;
    const encoded = new ByteWriter();
    encoded.s32(this.functionType([], results, type.results.length));
    return [...encoded.written()];
  }

  /** Declares a function, whose body the caller writes in the same order; returns its index. */
  declareFunction(typeIndex: number): number {
    this.functions.bytes.u32(typeIndex);
    return this.#module.count(KIND.function) + this.functions.count++;
  }

  /** A table of nullable function references; exactly `size` of them. Returns its index. */
  table(size: number): number {
    this.tables.bytes.raw([FUNCREF, 0x01]);
    this.tables.bytes.u32(size);
    this.tables.bytes.u32(size);
    return this.#module.count(KIND.table) + this.tables.count++;
  }

  /** A mutable integer global. REQUIRES: `initial` in [-64, 63]. Returns its index. */
  global(type: number, initial: number): number {
    const constant = type === 0x7e ? 0x42 : 0x41;
    this.globals.bytes.raw([type, 0x01, constant, initial & 0x7f, 0x0b]);
    return this.#module.count(KIND.global) + this.globals.count++;
  }

  export(name: string, kind: number, index: number): void {
    this.exports.bytes.name(name);
    this.exports.bytes.u8(kind);
    this.exports.bytes.u32(index);
    this.exports.count++;
  }
}
