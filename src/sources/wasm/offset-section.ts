/**
 * The way back to the original's offsets, in a custom section of a rewritten module, so that a thread which is sent the
 * compiled module can name positions as the one that rewrote it does. Numbers are LEB128:
 *
 *   imported functions, defined functions, bodies
 *   start of the first body
 *   for each body:  bytes, original start (0 for none), edits
 *                   for each edit: original offset - that of the one before, bytes inserted
 *
 * Cost: 3 bytes or more for a function, 2 for an edit: some 2 % of a module with contexts.
 */

import { ByteWriter } from '../../wat/byte-writer.js';
import { ByteReader } from './byte-reader.js';
import { OffsetMap, type OffsetTables } from './offset-map.js';

export const OFFSETS_SECTION = '\0otrace:offsets';

/** The module with the section appended. */
export function withOffsets(bytes: Uint8Array, { tables }: OffsetMap): Uint8Array {
  const { starts, originals, firstEdit, editAt, editBytes } = tables;
  const content = new ByteWriter(4096 + editAt.length * 3);
  content.name(OFFSETS_SECTION);
  content.u32(tables.importedFunctions);
  content.u32(tables.definedFunctions);
  content.u32(originals.length);
  content.u32(starts[0] ?? 0);
  for (let body = 0; body < originals.length; body++) {
    content.u32(starts[body + 1]! - starts[body]!);
    content.u32(originals[body]!);
    content.u32(firstEdit[body + 1]! - firstEdit[body]!);
    let last = originals[body]!;
    for (let edit = firstEdit[body]!; edit < firstEdit[body + 1]!; edit++) {
      content.u32(editAt[edit]! - last);
      content.u8(editBytes[edit]!);
      last = editAt[edit]!;
    }
  }
  const out = new ByteWriter(bytes.length + content.length + 8);
  out.copy(bytes, 0, bytes.length);
  out.u8(0);
  out.sized(content);
  return out.written();
}

/**
 * @param movedFrom see `OffsetTables`
 * @returns undefined for a section that otrace did not write
 */
export function readOffsets(section: ArrayBuffer, movedFrom: readonly number[]): OffsetMap | undefined {
  try {
    return new OffsetMap({ ...readTables(new Uint8Array(section)), movedFrom });
  } catch {
    return undefined;
  }
}

function readTables(bytes: Uint8Array): Omit<OffsetTables, 'movedFrom'> {
  const reader = new ByteReader(bytes, 0, bytes.length, 'offsets section');
  const importedFunctions = reader.u32();
  const definedFunctions = reader.u32();
  const bodies = reader.count(3);
  const starts = new Uint32Array(bodies + 1);
  const originals = new Uint32Array(bodies);
  const firstEdit = new Uint32Array(bodies + 1);
  const editAt: number[] = [];
  const editBytes: number[] = [];
  starts[0] = reader.u32();
  for (let body = 0; body < bodies; body++) {
    starts[body + 1] = starts[body]! + reader.u32();
    let last = reader.u32();
    originals[body] = last;
    for (let left = reader.count(2); left > 0; left--) {
      last += reader.u32();
      editAt.push(last);
      editBytes.push(reader.u8());
    }
    firstEdit[body + 1] = editAt.length;
  }
  return {
    importedFunctions,
    definedFunctions,
    starts,
    originals,
    firstEdit,
    editAt: Uint32Array.from(editAt),
    editBytes: Uint8Array.from(editBytes),
  };
}
