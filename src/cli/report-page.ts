/**
 * All that `otrace report` prints for a person: what the file is, the course of the live bytes, the last report of
 * each process, and what the reader should know. Pure: text out.
 */
import picocolors from 'picocolors';
import type { HistoryLane } from '../reading/live-history.js';
import type { TraceId } from '../reading/trace-event.js';
import type { TraceReport } from '../reading/trace-report.js';
import { formatDuration, plural } from './figures.js';
import { renderReport } from './leak-table.js';
import { formatBytes } from './size.js';
import { sparkline } from './sparkline.js';
import type { TableOptions } from './stack-table.js';
import { columnsOf, printable, wrap } from './wrap.js';

const WIDEST_SPARKLINE = 60;
const NARROWEST_SPARKLINE = 8;

/** The whole page, ended by a newline. */
export function renderPage(report: TraceReport, options: TableOptions): string {
  const colors = picocolors.createColors(options.colors);
  const sections = [headLines(report, options)];
  const pids = report.processes.map((process) => process.pid);
  const several = pids.length > 1;
  for (const pid of pids) {
    const lanes = report.history.lanes.filter((lane) => lane.pid === pid);
    const last = report.reports.filter((each) => each.pid === pid).at(-1);
    if (several && (lanes.length > 0 || last !== undefined)) {
      sections.push([colors.bold(colors.underline(printable(processText(report, pid))))]);
    }
    if (lanes.length > 0) sections.push(historyLines(lanes, options));
    if (last !== undefined) sections.push([renderReport(last, options).trimEnd()]);
  }
  const notes = notesOf(report).flatMap((note) =>
    wrap(note, Math.max(20, options.width - 2)).map((line, i) => (i === 0 ? '! ' : '  ') + line.trimEnd()),
  );
  if (notes.length > 0) sections.push(notes.map((line) => colors.yellow(line)));
  return `${sections.map((lines) => lines.join('\n')).join('\n\n')}\n`;
}

function headLines(report: TraceReport, options: TableOptions): string[] {
  const colors = picocolors.createColors(options.colors);
  const facts: string[] = [];
  if (report.processes.length === 1) facts.push(processText(report, report.processes[0]!.pid));
  if (report.processes.length > 1) facts.push(`${report.processes.length} processes`);
  if (report.span !== null) facts.push(formatDuration(report.span.toUs - report.span.fromUs));
  facts.push(plural(report.eventCount, 'event'));
  facts.push(`${formatBytes(report.fileBytes)}${report.gzip ? ' gzip' : ''}`);
  return [colors.bold(printable(report.file)), ...wrap(`  ${printable(facts.join(' · '))}`, options.width)];
}

function historyLines(lanes: readonly HistoryLane[], options: TableOptions): string[] {
  const colors = picocolors.createColors(options.colors);
  const names = lanes.map((lane) => printable(lane.series));
  const figures = lanes.map((lane) =>
    [lane.first, lane.last, lane.peak].map((point) => formatBytes(point.bytes)),
  );
  const titles = ['first', 'last', 'peak'];
  const widths = titles.map((title, i) => Math.max(title.length, ...figures.map((row) => row[i]!.length)));
  const nameWidth = Math.max('Live bytes'.length - 2, ...names.map(columnsOf));
  const right = widths.reduce((sum, width) => sum + width + 2, 0);
  const room = options.width - nameWidth - right - 4;
  const width = Math.max(NARROWEST_SPARKLINE, Math.min(WIDEST_SPARKLINE, room));
  const span = {
    fromUs: Math.min(...lanes.map((lane) => lane.first.timeUs)),
    toUs: Math.max(...lanes.map((lane) => lane.last.timeUs)),
  };
  const heads = titles.map((title, i) => title.padStart(widths[i]!));
  const overTime = span.toUs > span.fromUs ? `over ${formatDuration(span.toUs - span.fromUs)}` : '';
  const title = 'Live bytes';
  return [
    `${colors.bold(title)}${' '.repeat(nameWidth + 4 - title.length)}${colors.dim(`${overTime.padEnd(width)}  ${heads.join('  ')}`)}`,
    ...lanes.map((lane, l) => {
      const name = names[l]! + ' '.repeat(nameWidth - columnsOf(names[l]!));
      const cells = figures[l]!.map((figure, i) => figure.padStart(widths[i]!));
      return `  ${name}  ${colors.green(sparkline(lane.buckets, span, width))}  ${cells.join('  ')}`;
    }),
  ];
}

function processText(report: TraceReport, pid: TraceId): string {
  const name = report.processes.find((process) => process.pid === pid)?.name ?? null;
  return name === null ? `pid ${pid}` : `${name} (pid ${pid})`;
}

/** What the reader should know, most important first. */
function notesOf(report: TraceReport): string[] {
  const notes: string[] = [];
  const { damage, reports } = report;
  if (damage !== null) {
    const more = damage.more === 0 ? '' : ` (and ${plural(damage.more, 'further place')})`;
    notes.push(`damaged file: ${printable(damage.message)}${more}; what could be read is shown`);
  }
  if (reports.length === 0) {
    notes.push(
      'no heap report in this file; run the program under "otrace run", or call heap.report() before trace.flush()',
    );
  }
  const shown = new Set(reports.map((each) => each.pid)).size;
  if (reports.length > shown) {
    const earlier = plural(reports.length - shown, 'earlier report');
    notes.push(`${earlier} in this file: "otrace report --json" has every one`);
  }
  const unreported = reports.filter((each) => each.kind === 'checkpoint');
  if (unreported.length > 0) {
    notes.push('the program ended without a last report: shown is what was live at its last checkpoint');
  }
  if (reports.some((each) => !each.complete)) {
    notes.push('a report lacks its end (heap_report_done): rows may be missing');
  }
  return notes;
}
