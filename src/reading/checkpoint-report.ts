/**
 * The last checkpoint of a process that was killed, as the report that it had no time to write. A program under
 * `otrace run` notes what is live now and then, as data without rows; one that ends in peace writes a report later than
 * all of that, and its checkpoints are then nobody's last word.
 */

import { reportRows } from '../heap/report.js';
import { REPORT_DATA_EVENT } from '../heap/report-data.js';
import { CHECKPOINT_STATUS } from './heap-reports.js';
import { recordedSnapshot } from './report-data.js';
import {
  argumentsOf,
  nameOf,
  phaseOf,
  processOf,
  type TraceEvent,
  type TraceId,
  timeUsOf,
} from './trace-event.js';

/** Rows of each table; a checkpoint has the largest sites only. */
const MOST_ROWS = 10_000;

/** Looks for it while a trace is read. Memory: one such event for each process. */
export class LastCheckpoints {
  /** Undefined after a report. */
  readonly #last = new Map<TraceId, TraceEvent | undefined>();
  readonly #times = new Map<TraceId, number>();

  add(event: TraceEvent): void {
    const name = nameOf(event);
    if (name === 'heap_report_started') this.#keep(event, undefined);
    else if (
      name === REPORT_DATA_EVENT &&
      phaseOf(event) === 'M' &&
      argumentsOf(event)['kind'] === 'checkpoint'
    ) {
      this.#keep(event, event);
    }
  }

  /** The events of the reports that are missing. */
  *reports(): Generator<TraceEvent> {
    for (const [pid, event] of this.#last) {
      const recorded = event === undefined ? undefined : recordedSnapshot(event);
      if (event === undefined || recorded === undefined) continue;
      const at = { ph: 'I', pid, tid: event['tid'], ts: timeUsOf(event) ?? 0 };
      const { snapshot, growing } = recorded;
      yield { ...at, name: 'heap_report_started', args: { status: CHECKPOINT_STATUS } };
      const rows = reportRows(snapshot, MOST_ROWS, growing === undefined ? {} : { growing });
      for (const { name, values } of rows) yield { ...at, name, args: values };
      yield { ...at, name: 'heap_report_done', args: { status: 'end' } };
    }
  }

  /** Files need not be in order: the latest counts. */
  #keep(event: TraceEvent, checkpoint: TraceEvent | undefined): void {
    const pid = processOf(event);
    const known = this.#times.get(pid) ?? Number.NEGATIVE_INFINITY;
    const timeUs = timeUsOf(event) ?? 0;
    if (timeUs < known) return;
    this.#times.set(pid, timeUs);
    this.#last.set(pid, checkpoint);
  }
}
