/**
 * Where a module's sections lie, and the numbers by which the binary format names them. What the sections say
 * is read in `module-sections.ts`.
 */
import { ByteReader, moduleError } from './byte-reader.js';

/** Section ids in the binary format. */
export const SECTION = {
  custom: 0,
  type: 1,
  import: 2,
  function: 3,
  table: 4,
  memory: 5,
  global: 6,
  export: 7,
  start: 8,
  element: 9,
  code: 10,
  data: 11,
  dataCount: 12,
  tag: 13,
} as const;

/** The order in which a module's sections stand; custom ones may stand anywhere between. */
export const SECTION_ORDER: readonly number[] = [1, 2, 3, 4, 5, 13, 6, 7, 8, 9, 12, 10, 11];

/** What is imported, exported and counted, by its code in the binary format. */
export const KIND = { function: 0, table: 1, memory: 2, global: 3, tag: 4 } as const;

export interface WasmSection {
  readonly id: number;
  /** Where the section's id byte stands. */
  readonly headerStart: number;
  /** Where the content begins: after the name, in a custom section. */
  readonly start: number;
  readonly end: number;
  /** Empty unless the section is a custom one. */
  readonly name: string;
}

const HEADER = [0x00, 0x61, 0x73, 0x6d, 0x01, 0x00, 0x00, 0x00];

/** @throws OtraceError OTRACE_WASM for what is no module, an unknown section, or one that occurs twice */
export function readSections(bytes: Uint8Array): WasmSection[] {
  if (bytes.length < HEADER.length || HEADER.some((byte, i) => bytes[i] !== byte)) {
    throw moduleError('header', 0, 'this is no WebAssembly module of version 1');
  }
  const reader = new ByteReader(bytes, HEADER.length, bytes.length, 'module');
  const sections: WasmSection[] = [];
  let seen = 0;
  while (!reader.atEnd) {
    const headerStart = reader.position;
    const id = reader.u8();
    const size = reader.u32();
    let start = reader.position;
    reader.skip(size);
    let name = '';
    if (id === SECTION.custom) {
      const content = new ByteReader(bytes, start, reader.position, 'custom section');
      name = content.name();
      start = content.position;
    } else {
      if (id > SECTION.tag) throw moduleError('module', headerStart, `section ${id} is not known`);
      if ((seen & (1 << id)) !== 0) throw moduleError('module', headerStart, `section ${id} occurs twice`);
      seen |= 1 << id;
    }
    sections.push({ id, headerStart, start, end: reader.position, name });
  }
  return sections;
}
