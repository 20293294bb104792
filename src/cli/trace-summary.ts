/** What a command that has written a trace prints at its end: the leak table, and where the trace is. To stderr. */
import { say } from '../node/warn.js';
import { readTraceReport } from '../reading/trace-report.js';
import type { FlushResult } from '../recorder/recorder.js';
import { renderReport } from './leak-table.js';
import { formatBytes } from './size.js';
import { terminalOf } from './terminal.js';

/**
 * Reads the trace, since that is what the user will see of it.
 *
 * @param baseDirectory paths below it are shown from there; empty to show all in full
 */
export async function showTrace(
  result: FlushResult & { written: true },
  top: number,
  baseDirectory: string,
): Promise<void> {
  const report = (await readTraceReport(result.path)).reports.at(-1);
  if (report !== undefined) {
    say(`\n${renderReport(report, { ...terminalOf(process.stderr), top, baseDirectory })}\n`);
  }
  say(`otrace: wrote ${result.path} (${result.events} events, ${formatBytes(result.bytes)}); `);
  say(`open it at https://ui.perfetto.dev, or: otrace report ${result.path}\n`);
}
