/**
 * The header of a line number program, DWARF 2 to 5: how its opcodes are to be read, and what its files are called.
 * The tables of files are read only when a name is asked for.
 *
 *   unit length | version | (5: address size, segment selector size) | header length
 *   | minimum instruction length | (4, 5: operations an instruction) | default is_stmt | line base | line range
 *   | opcode base | standard opcode lengths | directories | files | program ...
 */
import type { DwarfCursor } from './dwarf-cursor.js';
import type { DwarfSections } from './dwarf-sections.js';
import { joinPath } from './source-path.js';

/** Kinds of content in the tables of DWARF 5. */
const PATH = 1;
const DIRECTORY_INDEX = 2;

export interface LineHeader {
  readonly version: number;
  /** Where the tables of directories and files begin. */
  readonly tables: number;
  /** Where the program begins, and ends. */
  readonly program: number;
  readonly end: number;
  readonly offsetBytes: number;
  readonly instructionBytes: number;
  readonly lineBase: number;
  readonly lineRange: number;
  readonly opcodeBase: number;
  /** Operands of the standard opcodes, by opcode minus 1. */
  readonly operands: Uint8Array;
}

/** REQUIRES: the cursor stands where a unit of `.debug_line` begins. It is left at the program. */
export function readLineHeader(cursor: DwarfCursor): LineHeader {
  const { end, offsetBytes } = cursor.initialLength();
  const version = cursor.unsigned(2);
  if (version < 2 || version > 5) cursor.fail(`line numbers of version ${version}`);
  if (version === 5) cursor.skip(2);
  const headerBytes = cursor.unsigned(offsetBytes);
  const program = cursor.position + headerBytes;
  if (program > end) cursor.fail('a header runs past its unit');
  const instructionBytes = cursor.u8();
  cursor.skip(version >= 4 ? 2 : 1);
  const lineBase = cursor.i8();
  const lineRange = cursor.u8();
  const opcodeBase = cursor.u8();
  if (lineRange === 0 || opcodeBase === 0) cursor.fail('a line range or opcode base of 0');
  const lengths = cursor.position;
  cursor.skip(opcodeBase - 1);
  const operands = cursor.bytes.subarray(lengths, cursor.position);
  const tables = cursor.position;
  cursor.position = program;
  return {
    version,
    tables,
    program,
    end,
    offsetBytes,
    instructionBytes,
    lineBase,
    lineRange,
    opcodeBase,
    operands,
  };
}

/**
 * @param fileIndex as in the program or in `DW_AT_call_file`
 * @param workingDirectory where the compiler ran; DWARF 5 says so itself
 * @returns the path of a source file; empty when the table has no such file
 */
export function sourcePath(
  sections: DwarfSections,
  header: LineHeader,
  fileIndex: number,
  workingDirectory: string,
): string {
  const cursor = sections.cursor('.debug_line', header.tables, header.program);
  if (header.version === 5) {
    const directories = readEntries(sections, header, cursor, Number.POSITIVE_INFINITY);
    const file = readEntries(sections, header, cursor, fileIndex + 1)[fileIndex];
    if (file === undefined) return '';
    const directory = directories[file.directory]?.path ?? '';
    return joinPath(directories[0]?.path ?? workingDirectory, directory, file.path);
  }
  const directories = [''];
  for (let path = cursor.text(); path !== ''; path = cursor.text()) directories.push(path);
  for (let index = 1; ; index++) {
    const path = cursor.text();
    if (path === '') return '';
    const directory = cursor.uleb();
    cursor.uleb();
    cursor.uleb();
    if (index === fileIndex) return joinPath(workingDirectory, directories[directory] ?? '', path);
  }
}

interface FileEntry {
  path: string;
  directory: number;
}

/** @param most entries after which no more are read */
function readEntries(
  sections: DwarfSections,
  header: LineHeader,
  cursor: DwarfCursor,
  most: number,
): FileEntry[] {
  const format: [content: number, form: number][] = [];
  for (let left = cursor.u8(); left > 0; left--) format.push([cursor.uleb(), cursor.uleb()]);
  const entries: FileEntry[] = [];
  const count = cursor.uleb();
  if (format.length === 0) return entries; // entries of no bytes at all: any number of them
  for (let i = 0; i < count && i < most; i++) {
    const entry: FileEntry = { path: '', directory: 0 };
    for (const [content, form] of format) {
      const value = sections.readForm(cursor, form, header.offsetBytes, 0);
      if (content === PATH) entry.path = sections.text(form, value);
      if (content === DIRECTORY_INDEX) entry.directory = value;
    }
    entries.push(entry);
  }
  return entries;
}
