/**
 * Everything that `otrace report` says about a trace file, gathered in one reading of it. This is also the shape of
 * its `--json`, which is documented in docs/reading-traces.md: fields are added, never renamed.
 */
import { LastCheckpoints } from './checkpoint-report.js';
import type { Damage } from './damage.js';
import { type HeapReport, HeapReports } from './heap-reports.js';
import { type HistoryLane, LiveHistory } from './live-history.js';
import { readTrace } from './read-trace.js';
import {
  argumentsOf,
  durationUsOf,
  nameOf,
  phaseOf,
  processOf,
  type TraceEvent,
  type TraceId,
  timeUsOf,
} from './trace-event.js';

export interface TraceProcess {
  readonly pid: TraceId;
  /** null when the file does not name it. */
  readonly name: string | null;
}

export interface TraceReport {
  readonly file: string;
  readonly form: 'object' | 'array' | null;
  readonly gzip: boolean;
  readonly fileBytes: number;
  readonly eventCount: number;
  /** First and last moment of any event, in microseconds on the file's clock; null without a timed event. */
  readonly span: { readonly fromUs: number; readonly toUs: number } | null;
  readonly processes: readonly TraceProcess[];
  readonly damage: Damage | null;
  /** Every report in the file, by time; of a process that was killed also its last checkpoint, as one. */
  readonly reports: readonly HeapReport[];
  readonly history: { readonly lanes: readonly HistoryLane[] };
}

/**
 * Reads a trace for its heap reports and the history of its live bytes.
 *
 * @throws OtraceError OTRACE_INPUT when the file can't be read as a trace
 */
export async function readTraceReport(file: string): Promise<TraceReport> {
  const reports = new HeapReports();
  const history = new LiveHistory();
  const timeline = new Timeline();
  const checkpoints = new LastCheckpoints();
  const read = await readTrace(file, (event) => {
    timeline.add(event);
    reports.add(event);
    history.add(event);
    checkpoints.add(event);
  });
  for (const event of checkpoints.reports()) reports.add(event);
  return {
    file,
    form: read.form,
    gzip: read.gzip,
    fileBytes: read.fileBytes,
    eventCount: read.eventCount,
    span: timeline.span(),
    processes: timeline.processes(),
    damage: read.damage,
    reports: reports.reports(),
    history: { lanes: history.lanes() },
  };
}

/** The processes of a file and the time it covers. */
class Timeline {
  readonly #names = new Map<TraceId, string | null>();
  #fromUs = Number.POSITIVE_INFINITY;
  #toUs = Number.NEGATIVE_INFINITY;

  add(event: TraceEvent): void {
    const pid = processOf(event);
    if (!this.#names.has(pid)) this.#names.set(pid, null);
    if (phaseOf(event) === 'M') {
      const name = argumentsOf(event)['name'];
      if (nameOf(event) === 'process_name' && typeof name === 'string') this.#names.set(pid, name);
      return;
    }
    const timeUs = timeUsOf(event);
    if (timeUs === null) return;
    this.#fromUs = Math.min(this.#fromUs, timeUs);
    this.#toUs = Math.max(this.#toUs, timeUs + durationUsOf(event));
  }

  span(): TraceReport['span'] {
    return this.#fromUs <= this.#toUs ? { fromUs: this.#fromUs, toUs: this.#toUs } : null;
  }

  processes(): TraceProcess[] {
    return [...this.#names].map(([pid, name]) => ({ pid, name }));
  }
}
