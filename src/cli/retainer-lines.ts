/**
 * Why the leaks are alive, as lines for a terminal: the row `heap_retainers` of a report, under the leak table. Pure.
 * A path is broken before its steps, and nothing of it is left out.
 */
import picocolors from 'picocolors';
import type { HeapReport, RetainerRow } from '../reading/heap-reports.js';
import { plural } from './figures.js';
import { formatBytes } from './size.js';
import { columnsOf, printable, wrap } from './wrap.js';

export interface RetainerOptions {
  readonly width: number;
  readonly colors: boolean;
  readonly top: number;
}

const INDENT = '      ';
const SEPARATOR = ' > ';
const NARROWEST = 24;

/** The lines; none when the report says nothing about it. */
export function retainerLines(report: HeapReport, options: RetainerOptions): string[] {
  const colors = picocolors.createColors(options.colors);
  const leaks = report.retainers.filter(({ group }) => group === 'leak').slice(0, options.top);
  const survivors = report.retainers.filter(({ group }) => group === 'class').slice(0, options.top);
  const lines: string[] = [];
  const table = (title: string, hint: string, rows: readonly RetainerRow[]): void => {
    if (rows.length === 0) return;
    if (lines.length > 0) lines.push('');
    lines.push(`${colors.bold(title)}  ${colors.dim(hint)}`);
    for (const row of rows) {
      lines.push(`  ${colors.dim(`${row.rank}`)}  ${colors.yellow(figuresOf(row))}`);
      for (const line of pathLines(row.path, Math.max(NARROWEST, options.width - INDENT.length))) {
        lines.push(INDENT + line);
      }
    }
  };
  table('Why the leaks are alive', 'from a root to one of them', leaks);
  table('Survivors', 'what has come since the mark, by who holds it', survivors);
  return lines;
}

function figuresOf(row: RetainerRow): string {
  if (row.bytes === null || row.objects === null) return '?';
  const what = row.path.at(-1)?.replace(/^.*: /, '') ?? '';
  const text = `${formatBytes(row.bytes)} in ${plural(row.objects, 'object')}`;
  return what === '' ? text : `${text} of ${printable(what)}`;
}

/** As many steps in each line as fit. */
function pathLines(path: readonly string[], width: number): string[] {
  const lines: string[] = [];
  let line = '';
  for (const [i, step] of path.entries()) {
    const text = printable(step) + (i < path.length - 1 ? SEPARATOR.trimEnd() : '');
    const joined = line === '' ? text : `${line} ${text}`;
    if (columnsOf(joined) <= width) {
      line = joined;
      continue;
    }
    if (line !== '') lines.push(line);
    const parts = wrap(text, width);
    line = parts.pop() ?? '';
    lines.push(...parts);
  }
  return line === '' ? lines : [...lines, line];
}
