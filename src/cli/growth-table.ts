/** The suspected leaks of a report: sites that grow steadily, most bytes gained first. Pure: text out. */
import picocolors from 'picocolors';
import { SUSPECT_CONFIDENCE } from '../heap/growth.js';
import type { HeapReport } from '../reading/heap-reports.js';
import type { GrowthRow } from '../reading/heap-rows.js';
import { plural } from './figures.js';
import { formatBytes } from './size.js';
import { stackTable, type TableOptions } from './stack-table.js';
import { printable } from './wrap.js';

/** Empty for a report without a verdict. */
export function growthLines({ growth }: HeapReport, options: TableOptions): string[] {
  if (growth === null) return [];
  const colors = picocolors.createColors(options.colors);
  const suspects = growth.filter(isSuspect).slice(0, options.top);
  const unsure = growth.length - growth.filter(isSuspect).length;
  const aside = unsure === 0 ? '' : `; ${plural(unsure, 'site')} may grow, see heap_growth in the trace`;
  if (suspects.length === 0) {
    const verdict = 'no site grows steadily';
    return [`${colors.bold('Suspected leaks')}  ${colors.dim(`${verdict}${aside}`)}`];
  }
  const title = `${colors.bold(colors.red('Suspected leaks'))}  ${colors.dim(`sites that grow steadily${aside}`)}`;
  const plain = (text: string): string => text;
  const right = (name: string, cells: string[], paint = plain) => ({
    title: name,
    cells,
    alignRight: true,
    paint,
  });
  const columns = [
    right(
      '#',
      suspects.map(({ rank }) => String(rank)),
      colors.dim,
    ),
    right(
      'a minute',
      suspects.map((row) => `+${bytesText(row, row.bytesPerMinute)}`),
      colors.red,
    ),
    right(
      'from',
      suspects.map((row) => bytesText(row, row.fromBytes)),
    ),
    right(
      'to',
      suspects.map((row) => bytesText(row, row.toBytes)),
      colors.yellow,
    ),
    right(
      'sure',
      suspects.map(({ confidence }) => `${Math.round((confidence ?? 0) * 100)}%`),
    ),
  ];
  const rows = suspects.map(({ frames, hash, inlined }) => ({
    frames,
    noStack: `no stack  hash=0x${hash ?? ''}`,
    notes:
      inlined.length === 0
        ? []
        : [
            colors.dim(
              `  V8 may have inlined ${inlined.map(({ name }) => printable(name)).join(' ← ')} here`,
            ),
          ],
  }));
  return [title, ...stackTable(columns, rows, 'allocated at', options)];
}

function isSuspect({ confidence }: GrowthRow): boolean {
  return (confidence ?? 0) >= SUSPECT_CONFIDENCE;
}

function bytesText({ estimated }: GrowthRow, bytes: number | null): string {
  return bytes === null ? '?' : `${estimated ? '~' : ''}${formatBytes(bytes)}`;
}
