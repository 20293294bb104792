/**
 * A heap report as people read it in a terminal: the suspected leaks (`growth-table.ts`), what holds most with its
 * stacks, and the hottest sites in a line each. Pure: a report and the terminal's measures in, text out. `otrace report` and `otrace run` print it.
 */
import { stripVTControlCharacters } from 'node:util';
import picocolors from 'picocolors';
import type { HeapReport, ReportRow } from '../reading/heap-reports.js';
import { formatCount, formatShare, plural } from './figures.js';
import { type CellOptions, innermostLines } from './frame-lines.js';
import { growthLines } from './growth-table.js';
import { retainerLines } from './retainer-lines.js';
import { formatBytes } from './size.js';
import { type Column, cellOptions, HANGING_INDENT, stackTable, type TableOptions } from './stack-table.js';
import { columnsOf, printable } from './wrap.js';

/** A row without a stack. */
const NO_STACK = 'no stack';

/** The lines of all tables, ended by a newline. */
export function renderReport(report: HeapReport, options: TableOptions): string {
  const tables = [
    growthLines(report, options),
    leakLines(report, options),
    retainerLines(report, options),
    siteLines(report, options),
  ];
  return tables
    .filter((lines) => lines.length > 0)
    .map((lines) => `${lines.join('\n')}\n`)
    .join('\n');
}

function leakLines(report: HeapReport, options: TableOptions): string[] {
  const colors = picocolors.createColors(options.colors);
  const listed = report.leaks.reduce((sum, row) => sum + (row.bytes ?? 0), 0);
  const title = `${colors.bold('Top leaks')}  ${colors.dim(summaryOf(report, listed))}`;
  const rows = report.leaks.slice(0, options.top);
  if (rows.length === 0) return [title, `  ${infoText(report.leaksInfo, 'leaks')}`];
  const whole = Math.max(liveTotalOf(report) ?? 0, listed);
  const plain = (text: string): string => text;
  const columns: Column[] = [
    { title: '#', cells: rows.map((row) => String(row.rank)), alignRight: true, paint: colors.dim },
    { title: 'bytes', cells: rows.map(bytesText), alignRight: true, paint: colors.yellow },
    { title: 'blocks', cells: rows.map(blocksText), alignRight: true, paint: plain },
    {
      title: 'share',
      cells: rows.map((row) => (row.bytes === null ? '' : formatShare(row.bytes, whole))),
      alignRight: true,
      paint: plain,
    },
  ];
  if (rows.some((row) => row.source !== null)) {
    columns.push({
      title: 'heap',
      cells: rows.map((row) => printable(row.source ?? '')),
      alignRight: false,
      paint: plain,
    });
  }
  const stacks = rows.map((row) => ({
    frames: row.frames,
    noStack: noStackText(row),
    notes: tagsOf(row, colors.dim),
  }));
  return [title, ...stackTable(columns, stacks, 'allocated at', options)];
}

/** What keeps this row apart from others with its stack. */
function tagsOf({ className, label }: ReportRow, paint: (text: string) => string): string[] {
  const tags = [className === null ? '' : `class ${className}`, label === null ? '' : `label ${label}`];
  return tags.filter((tag) => tag !== '').map((tag) => paint(`  ${printable(tag)}`));
}

function siteLines(report: HeapReport, options: TableOptions): string[] {
  const colors = picocolors.createColors(options.colors);
  // Rows of live bytes alone would repeat the leaks above.
  const rows = report.sites.some((row) => !isLiveOnly(row, report)) ? report.sites.slice(0, options.top) : [];
  const liveOnly = report.liveOnly.length > 0 ? `; ${report.liveOnly.join(', ')}: only what is live` : '';
  const title = `${colors.bold('Hottest sites')}  ${colors.dim(`most bytes allocated in the run, freed or not${liveOnly}`)}`;
  if (rows.length === 0) {
    return liveOnly === '' ? [title, `  ${infoText(report.sitesInfo, 'sites')}`] : [];
  }
  const ranks = rows.map((row) => String(row.rank));
  const bytes = rows.map(bytesText);
  const blocks = rows.map((row) => `${blocksText(row)}x`);
  const widths = [ranks, bytes, blocks].map((cells) => Math.max(...cells.map(columnsOf)));
  const left = widths.reduce((sum, width) => sum + width + 2, 2);
  const cell = cellOptions(options, left, HANGING_INDENT);
  const lines = [title];
  for (const [r, row] of rows.entries()) {
    const figures = [
      colors.dim(ranks[r]!.padStart(widths[0]!)),
      bytes[r]!.padStart(widths[1]!),
      blocks[r]!.padStart(widths[2]!),
    ];
    const [first = '', ...rest] = compactStack(row, cell);
    lines.push(`  ${figures.join('  ')}  ${first}`.trimEnd());
    lines.push(...rest.map((line) => ' '.repeat(HANGING_INDENT) + line));
  }
  return lines;
}

/** Estimates come from V8 alone, which may know no totals. */
function isLiveOnly(row: ReportRow, report: HeapReport): boolean {
  return row.estimated && report.liveOnly.length > 0;
}

/** The function that allocates, and on the same line the names of as many of its callers as fit. */
function compactStack(row: ReportRow, cell: CellOptions): string[] {
  const [innermost, ...callers] = row.frames;
  if (innermost === undefined) return [noStackText(row)];
  const lines = innermostLines(innermost, cell);
  if (lines.length > 1) return lines;
  let line = lines[0]!;
  let room = cell.firstWidth - columnsOf(stripVTControlCharacters(line));
  for (const caller of callers) {
    const text = ` ← ${printable(caller.name)}`;
    room -= columnsOf(text);
    if (room < 0) break;
    line += cell.colors.dim(text);
  }
  return [line];
}

/** @param listed what the rows add up to: estimates may come to more than what the heap was seen to hold */
function summaryOf(report: HeapReport, listed: number): string {
  const parts: string[] = [];
  const total = liveTotalOf(report);
  if (total !== undefined)
    parts.push(`${total < listed ? `~${formatBytes(listed)}` : formatBytes(total)} live`);
  const blocks = Number(report.stats['live_alloc_count']);
  if (Number.isFinite(blocks)) parts.push(`in ${plural(blocks, 'block')}`);
  const sites = Number(report.stats['site_count']);
  if (Number.isFinite(sites)) parts.push(`from ${plural(sites, 'site')}`);
  return parts.join(' ');
}

/** What the rows are parts of; the counter is that of another moment, and of the JavaScript heap a lower bound. */
function liveTotalOf({ stats, liveBytes }: HeapReport): number | undefined {
  const told = /^~?(\d+)$/.exec(stats['live_bytes'] ?? '')?.[1];
  return told === undefined ? liveBytes['total'] : Number(told);
}

function bytesText(row: ReportRow): string {
  return row.bytes === null ? '?' : `${row.estimated ? '~' : ''}${formatBytes(row.bytes)}`;
}

function blocksText(row: ReportRow): string {
  return row.blocks === null ? '?' : `${row.estimated ? '~' : ''}${formatCount(row.blocks)}`;
}

function noStackText(row: ReportRow): string {
  return row.hash === null ? NO_STACK : `${NO_STACK}  hash=0x${row.hash}`;
}

function infoText(info: string | null, table: 'leaks' | 'sites'): string {
  if (info === 'no_live_allocations_detected') return 'nothing is live: no leak';
  if (info === 'no_callsite_info_available')
    return 'no stack was sampled; raise the sampling: otrace run --sample 1';
  return info === null ? `the report has no ${table}` : printable(info);
}
