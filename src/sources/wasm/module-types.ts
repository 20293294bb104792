/**
 * The type section: which type indices are functions and what they take and give. Recursion groups, subtypes,
 * structs, arrays and continuations (GC and stack-switching proposals) are stepped over, so that type indices
 * stay right; their contents are not kept.
 */
import type { ByteReader } from './byte-reader.js';

/** A function signature. Reference types with a heap type appear by their first byte (0x63, 0x64) only. */
export interface FunctionType {
  readonly params: readonly number[];
  readonly results: readonly number[];
  /** Where the encoded results (without their count) stand in the module. */
  readonly resultsStart: number;
  readonly resultsEnd: number;
}

export interface TypeSection {
  /** By type index; undefined where the type is no function. */
  readonly types: readonly (FunctionType | undefined)[];
  /** Entries of the section: a recursion group is one entry of several types. */
  readonly entryCount: number;
}

const REC_GROUP = 0x4e;
const SUB = 0x50;
const SUB_FINAL = 0x4f;
const DESCRIPTOR = 0x4d;
const DESCRIBES = 0x4c;
const SHARED = 0x65;
const EXACT = 0x62;

/** @throws OtraceError OTRACE_WASM for a type that is not known */
export function readTypeSection(reader: ByteReader): TypeSection {
  const types: (FunctionType | undefined)[] = [];
  const entryCount = reader.count(2);
  for (let i = 0; i < entryCount; i++) {
    if (peek(reader) !== REC_GROUP) {
      types.push(readSubtype(reader));
      continue;
    }
    reader.u8();
    for (let left = reader.count(2); left > 0; left--) types.push(readSubtype(reader));
  }
  return { types, entryCount };
}

function peek(reader: ByteReader): number | undefined {
  return reader.atEnd ? undefined : reader.bytes[reader.position];
}

function readSubtype(reader: ByteReader): FunctionType | undefined {
  let form = reader.u8();
  if (form === SUB || form === SUB_FINAL) {
    for (let left = reader.count(); left > 0; left--) reader.u32();
    form = reader.u8();
  }
  if (form === SHARED) form = reader.u8();
  while (form === DESCRIPTOR || form === DESCRIBES) {
    reader.u32();
    form = reader.u8();
  }
  switch (form) {
    case 0x60:
      return readFunctionType(reader);
    case 0x5f: // struct
      for (let left = reader.count(2); left > 0; left--) skipField(reader);
      return undefined;
    case 0x5e: // array
      skipField(reader);
      return undefined;
    case 0x5d: // continuation
      skipHeapType(reader);
      return undefined;
    default:
      return reader.fail(`type form 0x${form.toString(16)} is not known`);
  }
}

function readFunctionType(reader: ByteReader): FunctionType {
  const params = readValueTypes(reader, reader.count());
  const resultCount = reader.count();
  const resultsStart = reader.position;
  const results = readValueTypes(reader, resultCount);
  return { params, results, resultsStart, resultsEnd: reader.position };
}

function readValueTypes(reader: ByteReader, count: number): number[] {
  const codes: number[] = [];
  for (let i = 0; i < count; i++) codes.push(readValueType(reader));
  return codes;
}

function skipField(reader: ByteReader): void {
  readValueType(reader); // packed i8 (0x78) and i16 (0x77) are single bytes as well
  reader.u8(); // mutability
}

/** Steps over a value type and returns its first byte. */
export function readValueType(reader: ByteReader): number {
  const code = reader.u8();
  if (code === 0x63 || code === 0x64) skipHeapType(reader);
  else if (code === SHARED) reader.u8();
  else if (code >= 0x80) reader.fail(`value type 0x${code.toString(16)} is not known`);
  return code;
}

/** Steps over a heap type: a type index, or an abstract type, with its modifiers. */
export function skipHeapType(reader: ByteReader): void {
  const first = peek(reader);
  if (first === SHARED || first === EXACT) reader.u8();
  reader.skipLeb(5);
}
