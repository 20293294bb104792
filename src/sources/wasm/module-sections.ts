/**
 * A WebAssembly module taken apart as far as rewriting it needs: where its sections and function bodies lie,
 * what it imports and exports, and the signature of every function. No instruction is decoded and nothing is
 * copied: 35 MB parse in a few milliseconds. It is no validator; what it accepts, the engine may still reject.
 *
 * Index spaces run imports first, then what the module defines, in every kind.
 */

import { KIND, SECTION } from '../../wat/binary-codes.js';
import { ByteReader, moduleError } from './byte-reader.js';
import { type CodeScan, scanCode } from './code-scan.js';
import { type Limits, readImportSection, readLimits, type WasmImport } from './module-imports.js';
import { readFunctionNames } from './module-names.js';
import { type FunctionType, readTypeSection, type TypeSection } from './module-types.js';
import { readSections, type WasmSection } from './section-layout.js';

export interface WasmExport {
  readonly name: string;
  /** One of `KIND`. */
  readonly kind: number;
  readonly index: number;
}

/** The code section: each function's body is its local declarations and its instructions, without its size. */
export interface CodeSection {
  /** Where the first entry begins, after the count. */
  readonly start: number;
  readonly bodyStarts: Uint32Array;
  readonly bodyEnds: Uint32Array;
}

const NO_CODE: CodeSection = { start: 0, bodyStarts: new Uint32Array(0), bodyEnds: new Uint32Array(0) };
const COUNTED = {
  [KIND.table]: 'table',
  [KIND.memory]: 'memory',
  [KIND.global]: 'global',
  [KIND.tag]: 'tag',
};

/** @see parseModule */
export class WasmModule {
  readonly bytes: Uint8Array;
  /** In file order. Sections other than custom ones occur at most once. */
  readonly sections: readonly WasmSection[];
  readonly typeSection: TypeSection;
  readonly imports: readonly WasmImport[];
  /** The imported functions: the place in this list is the function index. */
  readonly importedFunctions: readonly WasmImport[];
  /** Type index of each function that the module defines, in order. */
  readonly definedTypes: Uint32Array;
  /** Imported and defined memories, by memory index. */
  readonly memories: readonly Limits[];
  readonly exports: readonly WasmExport[];
  readonly startFunction: number | undefined;
  /** By place among the defined functions: function index minus the number of imported ones. */
  readonly code: CodeSection;
  #functionNames: ReadonlyMap<number, string> | undefined;
  #codeScan: CodeScan | undefined;

  /** @see parseModule */
  constructor(bytes: Uint8Array) {
    // A plain view: a Buffer's own `subarray` is several times slower.
    this.bytes = new Uint8Array(bytes.buffer, bytes.byteOffset, bytes.byteLength);
    this.sections = readSections(this.bytes);
    this.typeSection = this.#read('type', { types: [], entryCount: 0 }, readTypeSection);
    this.imports = this.#read('import', [], readImportSection);
    this.importedFunctions = this.imports.filter((entry) => entry.kind === KIND.function);
    this.definedTypes = this.#read('function', new Uint32Array(0), readIndices);
    const importedMemories = this.imports.filter((entry) => entry.kind === KIND.memory);
    this.memories = [
      ...importedMemories.map((entry) => entry.limits!),
      ...this.#read('memory', [], readMemories),
    ];
    this.exports = this.#read('export', [], readExports);
    this.startFunction = this.#read<number | undefined>('start', undefined, (reader) => reader.u32());
    this.code = this.#read('code', NO_CODE, readBodies);
    if (this.code.bodyStarts.length !== this.definedTypes.length) {
      throw moduleError('code section', this.code.start, 'it has not one body for each declared function');
    }
  }

  #read<T>(id: keyof typeof SECTION, absent: T, parse: (reader: ByteReader) => T): T {
    const section = this.section(SECTION[id]);
    if (section === undefined) return absent;
    const reader = new ByteReader(this.bytes, section.start, section.end, `${id} section`);
    const result = parse(reader);
    if (!reader.atEnd) reader.fail('bytes are left over at its end');
    return result;
  }

  /** The section with this id, if the module has one. REQUIRES: not the id of custom sections. */
  section(id: number): WasmSection | undefined {
    return this.sections.find((section) => section.id === id);
  }

  /** The first custom section of this name. */
  customSection(name: string): WasmSection | undefined {
    return this.sections.find((section) => section.id === SECTION.custom && section.name === name);
  }

  /** How many things of one `KIND` there are, imported and defined: the index that the next one would take. */
  count(kind: number): number {
    let count = 0;
    for (const entry of this.imports) if (entry.kind === kind) count++;
    if (kind === KIND.function) return count + this.definedTypes.length;
    const id = COUNTED[kind as keyof typeof COUNTED] as 'table' | 'memory' | 'global' | 'tag';
    const section = this.section(SECTION[id]);
    if (section === undefined) return count;
    return count + new ByteReader(this.bytes, section.start, section.end, `${id} section`).u32();
  }

  /** Type index of a function, imported or defined. @throws OtraceError OTRACE_WASM when there is none */
  functionTypeIndex(functionIndex: number): number {
    const imported = this.importedFunctions.length;
    const typeIndex =
      functionIndex < imported
        ? this.importedFunctions[functionIndex]!.typeIndex
        : this.definedTypes[functionIndex - imported];
    if (typeIndex === undefined) throw moduleError('function section', 0, `no function ${functionIndex}`);
    return typeIndex;
  }

  /** @throws OtraceError OTRACE_WASM when there is no such function, or its type is none of a function */
  functionType(functionIndex: number): FunctionType {
    const type = this.typeSection.types[this.functionTypeIndex(functionIndex)];
    if (type === undefined)
      throw moduleError('type section', 0, `function ${functionIndex} has no signature`);
    return type;
  }

  /**
   * The calls and returns in all its code, scanned at the first call: most of the time that a large module takes.
   *
   * @throws OtraceError OTRACE_WASM for code that is malformed or not known
   */
  get codeScan(): CodeScan {
    this.#codeScan ??= scanCode(this);
    return this.#codeScan;
  }

  /** Function names by index, from the `name` section; read at the first call. Empty in most release builds. */
  get functionNames(): ReadonlyMap<number, string> {
    if (this.#functionNames === undefined) {
      const section = this.customSection('name');
      this.#functionNames =
        section === undefined ? new Map() : readFunctionNames(this.bytes, section.start, section.end);
    }
    return this.#functionNames;
  }
}

/**
 * Takes a module apart. The bytes are kept, not copied: they must not change while the result is in use.
 *
 * @throws OtraceError OTRACE_WASM naming the section and byte offset of what is malformed or not known
 * @example parseModule(readFileSync('app.wasm')).exports.find((entry) => entry.name === 'malloc')?.index
 */
export function parseModule(bytes: Uint8Array): WasmModule {
  return new WasmModule(bytes);
}

function readIndices(reader: ByteReader): Uint32Array {
  const indices = new Uint32Array(reader.count());
  for (let i = 0; i < indices.length; i++) indices[i] = reader.u32();
  return indices;
}

function readMemories(reader: ByteReader): Limits[] {
  const memories: Limits[] = [];
  for (let left = reader.count(2); left > 0; left--) memories.push(readLimits(reader));
  return memories;
}

function readExports(reader: ByteReader): WasmExport[] {
  const exports: WasmExport[] = [];
  for (let left = reader.count(3); left > 0; left--) {
    const name = reader.name();
    const kind = reader.u8();
    exports.push({ name, kind, index: reader.u32() });
  }
  return exports;
}

function readBodies(reader: ByteReader): CodeSection {
  const count = reader.count(3);
  const start = reader.position;
  const bodyStarts = new Uint32Array(count);
  const bodyEnds = new Uint32Array(count);
  for (let i = 0; i < count; i++) {
    const size = reader.u32();
    bodyStarts[i] = reader.position;
    reader.skip(size);
    bodyEnds[i] = reader.position;
  }
  return { start, bodyStarts, bodyEnds };
}
