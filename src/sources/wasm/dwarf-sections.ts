/**
 * The sections of DWARF and how values are stored in and across them. A value is read as one number, whatever its
 * form; what that number stands for, `text` and `DwarfUnit` know.
 */
import { DwarfCursor } from './dwarf-cursor.js';

export const FORM = {
  addr: 0x01,
  block2: 0x03,
  block4: 0x04,
  data2: 0x05,
  data4: 0x06,
  data8: 0x07,
  string: 0x08,
  block: 0x09,
  block1: 0x0a,
  data1: 0x0b,
  flag: 0x0c,
  sdata: 0x0d,
  strp: 0x0e,
  udata: 0x0f,
  refAddr: 0x10,
  ref1: 0x11,
  ref2: 0x12,
  ref4: 0x13,
  ref8: 0x14,
  refUdata: 0x15,
  indirect: 0x16,
  secOffset: 0x17,
  exprloc: 0x18,
  flagPresent: 0x19,
  strx: 0x1a,
  addrx: 0x1b,
  refSup4: 0x1c,
  strpSup: 0x1d,
  data16: 0x1e,
  lineStrp: 0x1f,
  refSig8: 0x20,
  implicitConst: 0x21,
  loclistx: 0x22,
  rnglistx: 0x23,
  refSup8: 0x24,
  strx1: 0x25,
  strx2: 0x26,
  strx3: 0x27,
  strx4: 0x28,
  addrx1: 0x29,
  addrx2: 0x2a,
  addrx3: 0x2b,
  addrx4: 0x2c,
} as const;

/** Bytes of the forms that have always the same; 0 is none. */
const FIXED_BYTES = new Map<number, number>([
  [FORM.data1, 1],
  [FORM.data2, 2],
  [FORM.data4, 4],
  [FORM.data8, 8],
  [FORM.flag, 1],
  [FORM.ref1, 1],
  [FORM.ref2, 2],
  [FORM.ref4, 4],
  [FORM.ref8, 8],
  [FORM.flagPresent, 0],
  [FORM.refSup4, 4],
  [FORM.data16, 16],
  [FORM.refSig8, 8],
  [FORM.implicitConst, 0],
  [FORM.refSup8, 8],
  [FORM.strx1, 1],
  [FORM.strx2, 2],
  [FORM.strx3, 3],
  [FORM.strx4, 4],
  [FORM.addrx1, 1],
  [FORM.addrx2, 2],
  [FORM.addrx3, 3],
  [FORM.addrx4, 4],
]);

const OFFSETS: ReadonlySet<number> = new Set([
  FORM.strp,
  FORM.lineStrp,
  FORM.strpSup,
  FORM.secOffset,
  FORM.refAddr,
]);

/** @returns how many bytes a value of this form takes; -1 when it depends on the value */
export function formBytes(form: number, offsetBytes: number, addressBytes: number): number {
  if (OFFSETS.has(form)) return offsetBytes;
  if (form === FORM.addr) return addressBytes;
  return FIXED_BYTES.get(form) ?? -1;
}

export class DwarfSections {
  readonly #section: (name: string) => Uint8Array | undefined;

  /** @param section gives a custom section's content by its name; asked each time, so that it may let go of it */
  constructor(section: (name: string) => Uint8Array | undefined) {
    this.#section = section;
  }

  bytes(name: string): Uint8Array | undefined {
    return this.#section(name);
  }

  /** @throws OtraceError OTRACE_WASM when the module has no such section, or it is smaller */
  cursor(name: string, start = 0, end?: number): DwarfCursor {
    const bytes = this.#section(name) ?? new Uint8Array(0);
    return new DwarfCursor(bytes, name, start, end ?? bytes.length);
  }

  /**
   * Steps over a value.
   *
   * @returns the number in it; for a text in place and for a block, where it begins
   * @throws OtraceError OTRACE_WASM for a form that is not known
   */
  readForm(cursor: DwarfCursor, form: number, offsetBytes: number, addressBytes: number): number {
    const size = formBytes(form, offsetBytes, addressBytes);
    if (size > 8) {
      cursor.skip(size);
      return 0;
    }
    if (size >= 0) return cursor.unsigned(size);
    switch (form) {
      case FORM.udata:
      case FORM.strx:
      case FORM.addrx:
      case FORM.refUdata:
      case FORM.loclistx:
      case FORM.rnglistx:
        return cursor.uleb();
      case FORM.sdata:
        return cursor.sleb();
      case FORM.string: {
        const start = cursor.position;
        cursor.skipText();
        return start;
      }
      case FORM.block1:
        return skipBlock(cursor, cursor.u8());
      case FORM.block2:
        return skipBlock(cursor, cursor.unsigned(2));
      case FORM.block4:
        return skipBlock(cursor, cursor.unsigned(4));
      case FORM.block:
      case FORM.exprloc:
        return skipBlock(cursor, cursor.uleb());
      default:
        return cursor.fail(`a value of form 0x${form.toString(16)}`);
    }
  }

  /**
   * @param section where the value was read, which holds a text in place
   * @returns the text that a value stands for; empty for one that is none
   */
  text(form: number, value: number, section = '.debug_line'): string {
    if (form === FORM.string) return this.cursor(section, value).text();
    if (form === FORM.strp) return this.cursor('.debug_str', value).text();
    if (form === FORM.lineStrp) return this.cursor('.debug_line_str', value).text();
    return '';
  }
}

function skipBlock(cursor: DwarfCursor, bytes: number): number {
  const start = cursor.position;
  cursor.skip(bytes);
  return start;
}
