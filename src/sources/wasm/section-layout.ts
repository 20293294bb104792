/**
 * Where a module's sections lie. What they say is read in `module-sections.ts`.
 */
import { SECTION } from '../../wat/binary-codes.js';
import { ByteReader, moduleError } from './byte-reader.js';

/** The order in which a module's sections stand; custom ones may stand anywhere between. */
export const SECTION_ORDER: readonly number[] = [1, 2, 3, 4, 5, 13, 6, 7, 8, 9, 12, 10, 11];

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
