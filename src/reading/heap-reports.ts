/**
 * Events -> the heap reports in the file: rows that belong together are gathered, whoever wrote them. The heap
 * tracer writes one event with all keys of a table; the C++ header one event for each key. A report begins with
 * `heap_report_started`, or, where that is missing (a ring overwrote it), with a key that the report has already.
 *
 * Not here: reports made of checkpoints (`checkpoint-report.ts`), the text of a row (`heap-rows.ts`), the course of the counter (`live-history.ts`).
 */
import {
  type GrowthRow,
  type HeapRow,
  parseGrowthRow,
  parseHeapRow,
  parseRetainerRow,
  type RetainerRow,
} from './heap-rows.js';
import { LIVE_COUNTER, liveBytesOf } from './live-history.js';
import { rowSources } from './row-source.js';
import {
  argumentsOf,
  nameOf,
  phaseOf,
  processOf,
  type TraceEvent,
  type TraceId,
  threadOf,
  timeUsOf,
} from './trace-event.js';

export type { RetainerRow } from './heap-rows.js';

/** A row, and the heap it is about where that is certain: `js`, `wasm`, `buffers` or `manual`. */
export interface ReportRow extends HeapRow {
  readonly source: string | null;
}

/** A report as the file has it. */
export interface HeapReport {
  readonly pid: TraceId;
  readonly tid: TraceId;
  /** Time of its first event, in microseconds on the file's clock. */
  readonly timeUs: number;
  /** `checkpoint` when the program noted what was live and did not live to report it: only its largest sites. */
  readonly kind: 'report' | 'checkpoint';
  /** False when `heap_report_done` is missing: the report may lack rows. */
  readonly complete: boolean;
  /** The point of `heap_live_bytes` nearest in time, by series (`total`, `js` ...); empty when there is none. */
  readonly liveBytes: Readonly<Record<string, number>>;
  /** `heap_report_stats` as it stands, numbers as text: `live_alloc_count`, `site_count`, facts of the sources. */
  readonly stats: Readonly<Record<string, string>>;
  /** Largest live groups, by rank. */
  readonly leaks: readonly ReportRow[];
  /** `info` of `heap_leaks`, such as `no_live_allocations_detected`; null when there is none. */
  readonly leaksInfo: string | null;
  /** Sites that allocated most in the run, by rank. */
  readonly sites: readonly ReportRow[];
  /** `info` of `heap_sites`, such as `no_callsite_info_available`; null when there is none. */
  readonly sitesInfo: string | null;
  /** Groups that were live when their heap held most, by rank. */
  readonly peak: readonly ReportRow[];
  /** Sites that grow steadily, by rank; null when the report has no verdict on growth. */
  readonly growth: readonly GrowthRow[] | null;
  /** Heaps whose rows in `sites` are what is live, since their totals are not known. */
  readonly liveOnly: readonly string[];
  /** Why the leaks are alive, then what survived since a mark; by rank. Empty when nobody asked. */
  readonly retainers: readonly RetainerRow[];
}

/** One event of the counter `heap_live_bytes`. */
interface LivePoint {
  readonly timeUs: number;
  readonly liveBytes: Readonly<Record<string, number>>;
}

/** A report while its events arrive. */
interface OpenReport {
  readonly pid: TraceId;
  readonly tid: TraceId;
  readonly timeUs: number;
  kind: HeapReport['kind'];
  complete: boolean;
  livePoint: LivePoint | null;
  readonly stats: Map<string, string>;
  readonly leaks: Map<string, string>;
  readonly sites: Map<string, string>;
  readonly retainers: Map<string, string>;
  readonly peak: Map<string, string>;
  readonly growth: Map<string, string>;
}

const TABLES = {
  heap_report_stats: 'stats',
  heap_leaks: 'leaks',
  heap_sites: 'sites',
  heap_retainers: 'retainers',
  heap_peak: 'peak',
  heap_growth: 'growth',
} as const;

/** Status of `heap_report_started` in a report made of a checkpoint. */
export const CHECKPOINT_STATUS = 'checkpoint';

type Table = (typeof TABLES)[keyof typeof TABLES];

/** Gathers reports while a trace is read. Memory: the rows of all reports. */
export class HeapReports {
  /** The last report of each thread, the one that further rows belong to. */
  readonly #current = new Map<string, OpenReport>();
  readonly #all: OpenReport[] = [];
  /** The last report and the last point of each process. */
  readonly #lastReport = new Map<TraceId, OpenReport>();
  readonly #lastPoint = new Map<TraceId, LivePoint>();

  add(event: TraceEvent): void {
    const name = nameOf(event);
    if (!name.startsWith('heap_')) return;
    if (name === LIVE_COUNTER && phaseOf(event) === 'C') this.#addPoint(event);
    if (!['I', 'i', 'n', 'R'].includes(phaseOf(event))) return;
    if (name === 'heap_report_started') {
      this.#begin(event);
    } else if (name === 'heap_report_done') {
      const report = this.#current.get(threadKey(event));
      if (report !== undefined) report.complete = true;
      this.#current.delete(threadKey(event));
    } else if (Object.hasOwn(TABLES, name)) {
      this.#addRows(event, TABLES[name as keyof typeof TABLES]);
    }
  }

  /** The reports by time, those of equal time in the order of the file. */
  reports(): HeapReport[] {
    return this.#all.map(finish).sort((a, b) => a.timeUs - b.timeUs);
  }

  #addPoint(event: TraceEvent): void {
    const timeUs = timeUsOf(event);
    if (timeUs === null) return;
    const pid = processOf(event);
    const point = { timeUs, liveBytes: liveBytesOf(event) };
    this.#lastPoint.set(pid, point);
    const report = this.#lastReport.get(pid);
    if (report === undefined) return;
    const isNearer =
      report.livePoint === null ||
      Math.abs(timeUs - report.timeUs) < Math.abs(report.livePoint.timeUs - report.timeUs);
    if (isNearer) report.livePoint = point;
  }

  #begin(event: TraceEvent): OpenReport {
    const pid = processOf(event);
    const report: OpenReport = {
      pid,
      tid: threadOf(event),
      timeUs: timeUsOf(event) ?? 0,
      kind: argumentsOf(event)['status'] === CHECKPOINT_STATUS ? 'checkpoint' : 'report',
      complete: false,
      livePoint: this.#lastPoint.get(pid) ?? null,
      stats: new Map(),
      leaks: new Map(),
      sites: new Map(),
      retainers: new Map(),
      peak: new Map(),
      growth: new Map(),
    };
    this.#current.set(threadKey(event), report);
    this.#lastReport.set(pid, report);
    this.#all.push(report);
    return report;
  }

  #addRows(event: TraceEvent, table: Table): void {
    const rows = Object.entries(argumentsOf(event));
    let report = this.#current.get(threadKey(event));
    if (table === 'retainers' && report === undefined) {
      // `heap.whyAlive` writes its row alone: it adds to what the last report says.
      const last = this.#lastReport.get(processOf(event));
      if (last !== undefined) {
        report = last;
        for (const key of last.retainers.keys()) if (key.startsWith('class_')) last.retainers.delete(key);
      }
    }
    if (report === undefined || rows.some(([key]) => report?.[table].has(key))) report = this.#begin(event);
    for (const [key, value] of rows)
      report[table].set(key, typeof value === 'string' ? value : String(value));
  }
}

function finish(open: OpenReport): HeapReport {
  const liveBytes = open.livePoint?.liveBytes ?? {};
  return {
    pid: open.pid,
    tid: open.tid,
    timeUs: open.timeUs,
    kind: open.kind,
    complete: open.complete,
    liveBytes,
    stats: Object.fromEntries(open.stats),
    leaks: withSources(rankedRows(open.leaks, 'leak_', parseHeapRow), liveBytes, true),
    leaksInfo: open.leaks.get('info') ?? null,
    sites: withSources(rankedRows(open.sites, 'site_', parseHeapRow), liveBytes, false),
    sitesInfo: open.sites.get('info') ?? null,
    retainers: [...retainers(open, 'leak'), ...retainers(open, 'class')],
    peak: withSources(rankedRows(open.peak, 'peak_', parseHeapRow), liveBytes, false),
    growth: open.growth.size === 0 ? null : rankedRows(open.growth, 'growth_', parseGrowthRow),
    liveOnly: [...open.sites].filter(([, value]) => value === 'live only').map(([source]) => source),
  };
}

function withSources(
  rows: HeapRow[],
  liveBytes: Readonly<Record<string, number>>,
  areLive: boolean,
): ReportRow[] {
  const sources = rowSources(rows, liveBytes, areLive);
  return rows.map((row, i) => ({ ...row, source: sources[i] ?? null }));
}

function retainers(open: OpenReport, group: 'leak' | 'class'): RetainerRow[] {
  const prefix = `${group}_`;
  return [...open.retainers]
    .filter(([key]) => key.startsWith(prefix) && /^\d+$/.test(key.slice(prefix.length)))
    .map(([key, text]) => parseRetainerRow(group, Number(key.slice(prefix.length)), text))
    .sort((a, b) => a.rank - b.rank);
}

/** Rows in numeric order of their keys, which need not be their order in the file. */
function rankedRows<Row extends { readonly rank: number }>(
  rows: ReadonlyMap<string, string>,
  prefix: string,
  parse: (rank: number, text: string) => Row,
): Row[] {
  return [...rows]
    .filter(([key]) => key.startsWith(prefix) && /^\d+$/.test(key.slice(prefix.length)))
    .map(([key, text]) => parse(Number(key.slice(prefix.length)), text))
    .sort((a, b) => a.rank - b.rank);
}

function threadKey(event: TraceEvent): string {
  return `${processOf(event)}\n${threadOf(event)}`;
}
