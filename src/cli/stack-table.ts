/**
 * A table of figures and stacks: columns of figures at the left, the stack beside them, or hanging below them in a
 * narrow terminal. Pure: text out.
 */
import picocolors from 'picocolors';
import type { Frame } from '../heap/frame.js';
import { type CellOptions, stackLines } from './frame-lines.js';
import { columnsOf } from './wrap.js';

export interface TableOptions {
  /** Columns of the terminal. */
  readonly width: number;
  readonly colors: boolean;
  /** Rows of each table at most. */
  readonly top: number;
  /** Paths below this directory are shown from there; empty to show all in full. */
  readonly baseDirectory: string;
}

export interface Column {
  readonly title: string;
  /** One for each row. */
  readonly cells: readonly string[];
  readonly alignRight: boolean;
  readonly paint: (text: string) => string;
}

export interface StackRow {
  readonly frames: readonly Frame[];
  /** Stands where the stack would, if there is none. */
  readonly noStack: string;
  /** Lines below the stack. */
  readonly notes?: readonly string[];
}

/** In a terminal narrower than this, stacks hang below the figures instead of beside them. */
const NARROW = 110;
export const HANGING_INDENT = 6;
/** Columns of a stack even in the narrowest terminal. */
const NARROWEST_STACK = 24;

/** The heading and the rows. @param stackTitle heading of the stacks */
export function stackTable(
  columns: readonly Column[],
  rows: readonly StackRow[],
  stackTitle: string,
  options: TableOptions,
): string[] {
  const colors = picocolors.createColors(options.colors);
  const widths = columns.map((column) => Math.max(...[column.title, ...column.cells].map(columnsOf)));
  const left = widths.reduce((sum, width) => sum + width + 2, 2);
  const indent = options.width < NARROW ? HANGING_INDENT : left;
  const cell = cellOptions(options, left, indent);
  const heads = columns.map((column, i) => pad(column.title, widths[i]!, column.alignRight));
  const lines = [colors.dim(`  ${heads.join('  ')}  ${stackTitle}`)];
  for (const [r, row] of rows.entries()) {
    const [first = '', ...rest] = row.frames.length > 0 ? stackLines(row.frames, cell) : [row.noStack];
    const cells = columns.map((column, i) =>
      column.paint(pad(column.cells[r] ?? '', widths[i]!, column.alignRight)),
    );
    lines.push(`  ${cells.join('  ')}  ${first}`.trimEnd());
    lines.push(...[...rest, ...(row.notes ?? [])].map((line) => ' '.repeat(indent) + line));
  }
  return lines;
}

/** A cell that begins at column `left`, and whose further lines begin at column `indent`. */
export function cellOptions(options: TableOptions, left: number, indent: number): CellOptions {
  return {
    firstWidth: Math.max(NARROWEST_STACK, options.width - left),
    width: Math.max(NARROWEST_STACK, options.width - indent),
    colors: picocolors.createColors(options.colors),
    baseDirectory: options.baseDirectory,
  };
}

function pad(text: string, width: number, right: boolean): string {
  const space = ' '.repeat(Math.max(0, width - columnsOf(text)));
  return right ? space + text : text + space;
}
