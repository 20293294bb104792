/** The suspected leaks of a report: sites that grow steadily, most bytes gained first. Pure: text out. */
import picocolors from 'picocolors';
import { SUSPECT_CONFIDENCE } from '../heap/growth.js';
import type { HeapReport } from '../reading/heap-reports.js';
import type { GrowthRow } from '../reading/heap-rows.js';
import { stackLines } from './frame-lines.js';
import { formatBytes } from './size.js';
import { type Column, cellOptions, HANGING_INDENT, stackTable, type TableOptions } from './stack-table.js';

const INLINED = '  V8 may have inlined here: ';

/** Below so many samples a leak is seen as often as not. */
const SAMPLES_TO_SEE = 24;
/** How many times more samples are advised, and from where on no more. */
const MORE_SAMPLES = 8;
const CLOSEST_BYTES = 512;

/** Empty for a report of a tool that judges no growth. */
export function growthLines(report: HeapReport, options: TableOptions): string[] {
  const { growth, stats } = report;
  const colors = picocolors.createColors(options.colors);
  const heading = (text: string): string => `${colors.bold('Suspected leaks')}  ${colors.dim(text)}`;
  if (growth === null) {
    if (everyBytesOf(stats) === undefined) return [];
    return [heading('not judged: that takes two looks at the heap; run longer, or with --report-every')];
  }
  const suspects = growth.filter(isSuspect);
  const unsure = growth.filter((row) => !isSuspect(row));
  const lines: string[] = [];
  if (suspects.length === 0) {
    const unjudged = stats['js_stacks']?.startsWith('off') === true;
    lines.push(
      heading(`no site grows steadily${unjudged ? '; JavaScript is not judged without its stacks' : ''}`),
    );
    const everyBytes = unsure.length === 0 ? everyBytesOf(stats) : undefined;
    if (everyBytes !== undefined) {
      const least = formatBytes(everyBytes * SAMPLES_TO_SEE);
      lines.push(colors.dim(`  one that gained less than ~${least} may go unseen: ${remedyOf(stats)}`));
    }
  } else {
    const title = colors.bold(colors.red('Suspected leaks'));
    lines.push(
      `${title}  ${colors.dim('sites that grow steadily')}`,
      ...table(suspects, colors.red, options),
    );
    if (suspects.every(({ confidence }) => (confidence ?? 0) <= SUSPECT_CONFIDENCE)) {
      lines.push(
        colors.dim(
          '  in so short a run, data that is loaded and kept looks the same: run longer to be surer',
        ),
      );
    }
  }
  if (unsure.length > 0) {
    const why = `too few samples or reports to be sure: ${remedyOf(stats)}`;
    const title = `${colors.bold('May grow')}  ${colors.dim(why)}`;
    lines.push(title, ...table(unsure, (text) => text, options));
  }
  return lines;
}

/** Mean bytes between two samples; undefined where none are taken. */
function everyBytesOf(stats: HeapReport['stats']): number | undefined {
  if (stats['js_stacks']?.startsWith('off')) return undefined;
  const everyBytes = Number.parseFloat(stats['js_sampling_interval'] ?? '');
  return everyBytes > 0 ? everyBytes : undefined;
}

/** What would tell more. */
function remedyOf(stats: HeapReport['stats']): string {
  const closer = Math.round((everyBytesOf(stats) ?? 0) / MORE_SAMPLES);
  if (closer < CLOSEST_BYTES) return 'run longer';
  return `run longer, or sample more (--every ${closer < 1024 ? closer : `${Math.round(closer / 1024)}KiB`})`;
}

function table(growing: readonly GrowthRow[], paint: Column['paint'], options: TableOptions): string[] {
  const colors = picocolors.createColors(options.colors);
  const shown = growing.slice(0, options.top);
  const column = (
    title: string,
    cell: (row: GrowthRow) => string,
    paint: Column['paint'] = plain,
  ): Column => ({
    title,
    cells: shown.map(cell),
    alignRight: true,
    paint,
  });
  const columns = [
    column('#', ({ rank }) => String(rank), colors.dim),
    column('a minute', (row) => `+${bytesText(row, row.bytesPerMinute)}`, paint),
    column('from', (row) => bytesText(row, row.fromBytes)),
    column('to', (row) => bytesText(row, row.toBytes), colors.yellow),
    column('sure', ({ confidence }) => `${Math.round((confidence ?? 0) * 100)}%`),
  ];
  const rows = shown.map(({ frames, hash, inlined }) => ({
    frames,
    noStack: `no stack  hash=0x${hash ?? ''}`,
    notes:
      inlined.length === 0
        ? []
        : stackLines(inlined, cellOptions(options, HANGING_INDENT + INLINED.length, HANGING_INDENT)).map(
            (line, i) => (i === 0 ? colors.dim(INLINED) : '') + line,
          ),
  }));
  return stackTable(columns, rows, 'allocated at', options);
}

function plain(text: string): string {
  return text;
}

function isSuspect({ confidence }: GrowthRow): boolean {
  return (confidence ?? 0) >= SUSPECT_CONFIDENCE;
}

function bytesText({ estimated }: GrowthRow, bytes: number | null): string {
  return bytes === null ? '?' : `${estimated ? '~' : ''}${formatBytes(bytes)}`;
}
