/** What a command that has written a trace prints at its end: the leak table, and where the trace is. To stderr. */
import { relative } from 'node:path';
import { say } from '../node/warn.js';
import { readTraceReport, type TraceReport } from '../reading/trace-report.js';
import { renderReport } from './leak-table.js';
import { formatBytes } from './size.js';
import { terminalOf } from './terminal.js';

/** A trace on the disk, and what its writer said of it if it lived to do so. */
interface WrittenTrace {
  readonly path: string;
  readonly events?: number;
  readonly bytes?: number;
}

/**
 * Reads the trace, since that is what the user will see of it.
 *
 * @param baseDirectory paths below it are shown from there; empty to show all in full
 * @returns what was read
 */
export async function showTrace(
  written: WrittenTrace,
  top: number,
  baseDirectory: string,
): Promise<TraceReport> {
  const trace = await readTraceReport(written.path);
  const report = trace.reports.at(-1);
  if (report !== undefined) {
    say(`\n${renderReport(report, { ...terminalOf(process.stderr), top, baseDirectory })}\n`);
  }
  const path = shownPath(written.path);
  const { events = trace.eventCount, bytes = trace.fileBytes } = written;
  say(`otrace: wrote ${path} (${events} events, ${formatBytes(bytes)}); `);
  say(`open it at https://ui.perfetto.dev, or: otrace report ${path}\n`);
  return trace;
}

/** From the working directory, where the file is below it. */
export function shownPath(path: string): string {
  const shown = relative('', path);
  return shown.startsWith('..') ? path : shown;
}
