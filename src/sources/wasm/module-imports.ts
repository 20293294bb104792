/**
 * The import section: what comes from outside, in order. Every import takes an index of its kind before
 * anything that the module defines.
 */
import type { ByteReader } from './byte-reader.js';
import { readValueType } from './module-types.js';

export interface WasmImport {
  readonly module: string;
  readonly name: string;
  /** One of `KIND`. */
  readonly kind: number;
  /** Type index of a function or tag; 0 for the others. */
  readonly typeIndex: number;
  /** Value type of a global; 0 for the others. */
  readonly valueType: number;
  readonly mutable: boolean;
  /** Size of a memory or table; undefined for the others. */
  readonly limits: Limits | undefined;
}

/** Pages of a memory, entries of a table. */
export interface Limits {
  readonly initial: number;
  readonly maximum: number | undefined;
  /** True for a memory that several threads may share. */
  readonly shared: boolean;
  /** True for 64-bit addresses. */
  readonly wide: boolean;
  /** Byte offset in the module of the flags that say so. */
  readonly flagsAt: number;
}

/**
 * An entry is one import, or in the compact form, told by a code in the place of the kind, several of one module:
 * 0x7f names each with its description, 0x7e gives one description for all.
 *
 * @throws OtraceError OTRACE_WASM for an import kind that is not known
 */
export function readImportSection(reader: ByteReader): WasmImport[] {
  const imports: WasmImport[] = [];
  for (let left = reader.count(4); left > 0; left--) {
    const module = reader.name();
    const name = reader.name();
    const kind = reader.u8();
    if (kind === 0x7f) {
      for (let items = reader.count(3); items > 0; items--) {
        const item = reader.name();
        imports.push({ module, name: item, ...readDescription(reader, reader.u8()) });
      }
    } else if (kind === 0x7e) {
      const description = readDescription(reader, reader.u8());
      for (let items = reader.count(); items > 0; items--) {
        imports.push({ module, name: reader.name(), ...description });
      }
    } else {
      imports.push({ module, name, ...readDescription(reader, kind) });
    }
  }
  return imports;
}

function readDescription(reader: ByteReader, kind: number): Omit<WasmImport, 'module' | 'name'> {
  const plain = { kind, typeIndex: 0, valueType: 0, mutable: false, limits: undefined };
  switch (kind) {
    case 0: // function
      return { ...plain, typeIndex: reader.u32() };
    case 1: // table
      readValueType(reader);
      return { ...plain, limits: readLimits(reader) };
    case 2: // memory
      return { ...plain, limits: readLimits(reader) };
    case 3: // global
      return { ...plain, valueType: readValueType(reader), mutable: reader.u8() !== 0 };
    case 4: // tag
      reader.u8(); // attribute: exception
      return { ...plain, typeIndex: reader.u32() };
    default:
      return reader.fail(`import kind ${kind} is not known`);
  }
}

/** Sizes of a memory or table: flags, minimum, and by the flags maximum and page size. */
export function readLimits(reader: ByteReader): Limits {
  const flagsAt = reader.position;
  const flags = reader.u8();
  if (flags > 0x0f) reader.fail(`limits with flags 0x${flags.toString(16)} are not known`);
  const initial = reader.u64();
  const maximum = (flags & 1) !== 0 ? reader.u64() : undefined;
  if ((flags & 8) !== 0) reader.u32();
  return { initial, maximum, shared: (flags & 2) !== 0, wide: (flags & 4) !== 0, flagsAt };
}
