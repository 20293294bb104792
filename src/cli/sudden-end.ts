/** What is said of a program that had no time for a last word: how it ended, what its trace lacks, what would give more. */
import { readFileSync } from 'node:fs';
import { readOrigin } from '../reading/trace-origin.js';
import type { TraceReport } from '../reading/trace-report.js';
import { formatBytes } from './size.js';

/** How a program ended that had no time for a last word. */
export interface SuddenEnd {
  readonly signal: NodeJS.Signals | null;
  /** Wall time, in microseconds. */
  readonly endUs: number;
  /** What V8's heap held, where the program ended for want of more; see `node/fatal-report.ts`. */
  readonly heapBytes: number | undefined;
}

/** @param fatalReport the file for Node's diagnostic report of a fatal error; there need be none */
export function heapBytesAtEnd(fatalReport: string): number | undefined {
  try {
    const { header, javascriptHeap } = JSON.parse(readFileSync(fatalReport, 'utf8')) as {
      readonly header: { readonly event: string };
      readonly javascriptHeap: { readonly usedMemory: number };
    };
    return header.event.includes('heap out of memory') ? javascriptHeap.usedMemory : undefined;
  } catch {
    return undefined; // no fatal error
  }
}

/** How the program ended, what its trace lacks for that, and what would give more. */
export async function whatIsMissing(report: TraceReport, end: SuddenEnd): Promise<string> {
  const lines = [
    `the program ${endOf(end)}: events of its last second may be missing, and ${await rows(report, end)}`,
  ];
  if (end.heapBytes !== undefined) {
    lines.push(
      'node --max-old-space-size=MIB gives it more heap, --report-every 1 reports each second; a heap that is filled ' +
        'in one turn of the event loop, node --heapsnapshot-near-heap-limit=1 shows',
    );
  }
  return lines.join('\notrace: ');
}

async function rows(report: TraceReport, { endUs }: SuddenEnd): Promise<string> {
  const last = report.reports.at(-1);
  if (last === undefined)
    return 'it had written no report (--report-every SECONDS writes some while it runs)';
  const { anchorUs } = await readOrigin(report.file);
  return anchorUs === null
    ? `its last report was ${seconds((report.span?.toUs ?? last.timeUs) - last.timeUs)} before its last event`
    : `its last report was ${seconds(endUs - anchorUs - last.timeUs)} before its end`;
}

/** @returns the program's end, as a clause */
export function endOf({ signal, heapBytes }: Omit<SuddenEnd, 'endUs'>): string {
  if (heapBytes !== undefined) return `ran out of JavaScript heap (${formatBytes(heapBytes)} in use)`;
  if (signal === null) return 'ended before otrace was loaded, or by process.reallyExit';
  if (signal === 'SIGABRT') return 'was aborted (SIGABRT: process.abort, or a fatal error of Node or V8)';
  return `was killed by ${signal}`;
}

function seconds(us: number): string {
  return `${(Math.max(0, us) / 1e6).toFixed(1)} s`;
}
