/**
 * Which functions of a module something outside can call directly: exported ones, the start function, and those
 * that can get out by reference. `ref.func` in code need not be looked for: the format demands that such a
 * function also stands in an element segment, a global or an export.
 */

import { KIND, SECTION } from '../../wat/binary-codes.js';
import { ByteReader } from './byte-reader.js';
import type { WasmModule } from './module-sections.js';
import { readValueType, skipHeapType } from './module-types.js';

export interface ReachableFunctions {
  /** Everything that code outside the module may call, by function index. */
  readonly fromOutside: Set<number>;
  /** What tables and references may hold, by function index: the targets of indirect calls. */
  readonly byReference: Set<number>;
}

/** @throws OtraceError OTRACE_WASM for an element segment or constant expression that is not known */
export function findReachableFunctions(module: WasmModule): ReachableFunctions {
  const byReference = new Set<number>();
  const inGlobals = new Set<number>();
  readEach(module, SECTION.element, 'element', (reader) => readElementSegment(reader, byReference));
  readEach(module, SECTION.global, 'global', (reader) => {
    readValueType(reader);
    reader.u8(); // mutability
    readConstantExpression(reader, inGlobals);
  });
  readEach(module, SECTION.table, 'table', (reader) => readTable(reader, inGlobals));
  const fromOutside = new Set(inGlobals);
  for (const entry of module.exports) if (entry.kind === KIND.function) fromOutside.add(entry.index);
  if (module.startFunction !== undefined) fromOutside.add(module.startFunction);
  for (const index of inGlobals) byReference.add(index);
  if (givesAwayReferences(module)) for (const index of byReference) fromOutside.add(index);
  return { fromOutside, byReference };
}

function readEach(module: WasmModule, id: number, label: string, read: (reader: ByteReader) => void): void {
  const section = module.section(id);
  if (section === undefined) return;
  const reader = new ByteReader(module.bytes, section.start, section.end, `${label} section`);
  for (let left = reader.count(); left > 0; left--) read(reader);
}

/** Function references leave through a shared table, or through a parameter or result of a reference type. */
function givesAwayReferences(module: WasmModule): boolean {
  if (module.imports.some((entry) => entry.kind === KIND.table)) return true;
  if (module.exports.some((entry) => entry.kind === KIND.table)) return true;
  const isFunctionReference = (code: number): boolean => code === 0x70 || code === 0x63 || code === 0x64;
  return module.typeSection.types.some(
    (type) => type?.params.some(isFunctionReference) || type?.results.some(isFunctionReference),
  );
}

function readElementSegment(reader: ByteReader, functions: Set<number>): void {
  const flags = reader.u32();
  if (flags > 7) reader.fail(`element segment of kind ${flags} is not known`);
  const active = (flags & 1) === 0;
  if (active && (flags & 2) !== 0) reader.u32(); // table
  if (active) readConstantExpression(reader, functions);
  const expressions = (flags & 4) !== 0;
  if ((flags & 3) !== 0) {
    if (expressions) readValueType(reader);
    else reader.u8(); // element kind: function
  }
  for (let left = reader.count(); left > 0; left--) {
    if (expressions) readConstantExpression(reader, functions);
    else functions.add(reader.u32());
  }
}

function readTable(reader: ByteReader, functions: Set<number>): void {
  const initialised = reader.bytes[reader.position] === 0x40;
  if (initialised) reader.skip(2);
  readValueType(reader);
  const flags = reader.u8();
  reader.skipLeb(10);
  if ((flags & 1) !== 0) reader.skipLeb(10);
  if (initialised) readConstantExpression(reader, functions);
}

/** Steps over a constant expression and collects the functions that it refers to. */
function readConstantExpression(reader: ByteReader, functions: Set<number>): void {
  for (;;) {
    const opcode = reader.u8();
    switch (opcode) {
      case 0x0b: // end
        return;
      case 0x23: // global.get
      case 0x41: // i32.const
      case 0x42: // i64.const
        reader.skipLeb(10);
        break;
      case 0x43: // f32.const
        reader.skip(4);
        break;
      case 0x44: // f64.const
        reader.skip(8);
        break;
      case 0x6a: // i32 and i64 add, sub, mul
      case 0x6b:
      case 0x6c:
      case 0x7c:
      case 0x7d:
      case 0x7e:
        break;
      case 0xd0: // ref.null
        skipHeapType(reader);
        break;
      case 0xd2: // ref.func
        functions.add(reader.u32());
        break;
      case 0xfb:
        skipGcConstant(reader);
        break;
      case 0xfd: // v128.const
        if (reader.u32() !== 0x0c) reader.fail('a constant of a kind that is not known');
        reader.skip(16);
        break;
      default:
        reader.fail(`opcode 0x${opcode.toString(16)} in a constant expression is not known`);
    }
  }
}

function skipGcConstant(reader: ByteReader): void {
  const code = reader.u32();
  if (code <= 0x01 || code === 0x06 || code === 0x07 || code === 0x20 || code === 0x21) {
    reader.u32(); // struct.new*, array.new, array.new_default
  } else if (code === 0x08) {
    reader.u32(); // array.new_fixed
    reader.u32();
  } else if (code !== 0x1a && code !== 0x1b && code !== 0x1c) {
    reader.fail(`opcode 0xfb ${code} in a constant expression is not known`); // not a conversion or ref.i31
  }
}
