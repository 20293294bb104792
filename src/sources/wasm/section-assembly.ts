/**
 * Puts a module together again: the original sections in their order and byte for byte, except those that get
 * entries appended, are replaced, or are new and have to stand at their place in the order.
 */

import { SECTION } from '../../wat/binary-codes.js';
import type { ByteWriter } from '../../wat/byte-writer.js';
import { unsignedLebSize } from '../../wat/leb128.js';
import type { AddedEntries } from './added-parts.js';
import { ByteReader } from './byte-reader.js';
import type { WasmModule } from './module-sections.js';
import { SECTION_ORDER, type WasmSection } from './section-layout.js';

/** Writes the section that takes the place of `original` (undefined: there was none), or nothing to drop it. */
export type SectionWriter = (original: WasmSection | undefined) => void;

/** @param changes by section id; a section that the module lacks is written where it belongs */
export function assembleSections(
  module: WasmModule,
  out: ByteWriter,
  changes: ReadonlyMap<number, SectionWriter>,
): void {
  const missing = SECTION_ORDER.filter((id) => changes.has(id) && module.section(id) === undefined);
  const writeMissingBefore = (rank: number): void => {
    while (missing.length > 0 && SECTION_ORDER.indexOf(missing[0]!) < rank) {
      changes.get(missing.shift()!)!(undefined);
    }
  };
  out.copy(module.bytes, 0, 8);
  for (const section of module.sections) {
    if (section.id !== SECTION.custom) writeMissingBefore(SECTION_ORDER.indexOf(section.id));
    const change = section.id === SECTION.custom ? undefined : changes.get(section.id);
    if (change !== undefined) change(section);
    else out.copy(module.bytes, section.headerStart, section.end);
  }
  writeMissingBefore(SECTION_ORDER.length);
}

/** A change that appends entries to a section that is a counted list, whose own entries number `count`. */
export function appending(
  module: WasmModule,
  out: ByteWriter,
  id: number,
  count: number,
  added: AddedEntries,
): SectionWriter {
  return (original) => {
    const start = original?.start ?? 0;
    const end = original?.end ?? 0;
    const reader = new ByteReader(module.bytes, start, end, 'section');
    if (original !== undefined) reader.u32();
    const total = count + added.count;
    out.u8(id);
    out.u32(unsignedLebSize(total) + (end - reader.position) + added.bytes.length);
    out.u32(total);
    out.copy(module.bytes, reader.position, end);
    out.copy(added.bytes.written(), 0, added.bytes.length);
  };
}
