/**
 * The history of `heap_live_bytes`: one lane for each series (`total`, `js`, `wasm` ...) of each process. A lane
 * keeps a bounded number of buckets however long the file is, and in each bucket the least and the greatest value,
 * so that no peak is lost.
 *
 *     points   . . : . ' : . .    each bucket covers 2^k points in a row
 *     buckets  [min max][min max] full: neighbours are joined, k grows by one
 *
 * Cost: amortised O(1) a point; at most `BUCKETS` buckets a lane.
 */
import {
  argumentsOf,
  finiteNumber,
  nameOf,
  phaseOf,
  processOf,
  type TraceEvent,
  type TraceId,
  timeUsOf,
} from './trace-event.js';

/** What a lane was between two moments, both included. */
export interface HistoryBucket {
  readonly fromUs: number;
  readonly toUs: number;
  readonly min: number;
  readonly max: number;
  /** The value at `toUs`. */
  readonly last: number;
}

export interface HistoryPoint {
  readonly timeUs: number;
  readonly bytes: number;
}

/** One series of the counter in one process. */
export interface HistoryLane {
  readonly pid: TraceId;
  /** `total` or the name of a source. */
  readonly series: string;
  readonly pointCount: number;
  readonly first: HistoryPoint;
  readonly last: HistoryPoint;
  /** The first moment of the greatest value. */
  readonly peak: HistoryPoint;
  /** In the order of time. */
  readonly buckets: readonly HistoryBucket[];
}

const BUCKETS = 1024;
/** The counter of live bytes, one series for each armed source besides `total`. */
export const LIVE_COUNTER = 'heap_live_bytes';

/** Gathers the history while a trace is read. */
export class LiveHistory {
  readonly #lanes = new Map<string, LaneBuilder>();

  add(event: TraceEvent): void {
    if (phaseOf(event) !== 'C' || nameOf(event) !== LIVE_COUNTER) return;
    const timeUs = timeUsOf(event);
    if (timeUs === null) return;
    const pid = processOf(event);
    for (const [series, bytes] of Object.entries(liveBytesOf(event))) {
      const point = { timeUs, bytes };
      const lane = this.#lanes.get(`${pid}\n${series}`) ?? this.#addLane(pid, series, point);
      lane.add(point);
    }
  }

  /** The lanes by process, `total` before the sources, these in the order of the file. */
  lanes(): HistoryLane[] {
    const lanes = [...this.#lanes.values()].map((lane) => lane.finish());
    const pids = [...new Set(lanes.map((lane) => lane.pid))];
    return pids.flatMap((pid) => {
      const own = lanes.filter((lane) => lane.pid === pid);
      return [
        ...own.filter((lane) => lane.series === 'total'),
        ...own.filter((lane) => lane.series !== 'total'),
      ];
    });
  }

  #addLane(pid: TraceId, series: string, first: HistoryPoint): LaneBuilder {
    const lane = new LaneBuilder(pid, series, first);
    this.#lanes.set(`${pid}\n${series}`, lane);
    return lane;
  }
}

/** The series of one point of the counter. The C++ header names its only series as the counter: `total` here. */
export function liveBytesOf(event: TraceEvent): Record<string, number> {
  const live: Record<string, number> = {};
  for (const [key, value] of Object.entries(argumentsOf(event))) {
    const bytes = finiteNumber(value);
    if (bytes !== null) live[key === LIVE_COUNTER || key === 'value' ? 'total' : key] = bytes;
  }
  return live;
}

class LaneBuilder {
  readonly #pid: TraceId;
  readonly #series: string;
  #first: HistoryPoint;
  #last: HistoryPoint;
  #peak: HistoryPoint;
  #pointCount = 0;
  #buckets: HistoryBucket[] = [];
  /** Points that a full bucket covers. */
  #bucketPoints = 1;
  /** Points in the last bucket. */
  #filled = 0;

  constructor(pid: TraceId, series: string, first: HistoryPoint) {
    this.#pid = pid;
    this.#series = series;
    this.#first = this.#last = this.#peak = first;
  }

  add(point: HistoryPoint): void {
    this.#pointCount++;
    if (point.timeUs < this.#first.timeUs) this.#first = point;
    if (point.timeUs >= this.#last.timeUs) this.#last = point;
    const { bytes, timeUs } = point;
    if (bytes > this.#peak.bytes || (bytes === this.#peak.bytes && timeUs < this.#peak.timeUs))
      this.#peak = point;
    const bucket: HistoryBucket = { fromUs: timeUs, toUs: timeUs, min: bytes, max: bytes, last: bytes };
    if (this.#filled > 0 && this.#filled < this.#bucketPoints) {
      this.#buckets.push(join(this.#buckets.pop()!, bucket));
      this.#filled++;
      return;
    }
    if (this.#buckets.length === BUCKETS) this.#halve();
    this.#buckets.push(bucket);
    this.#filled = 1;
  }

  finish(): HistoryLane {
    return {
      pid: this.#pid,
      series: this.#series,
      pointCount: this.#pointCount,
      first: this.#first,
      last: this.#last,
      peak: this.#peak,
      buckets: [...this.#buckets].sort((a, b) => a.fromUs - b.fromUs),
    };
  }

  /** Joins neighbours in time: files that are not sorted make no bucket span the whole run. */
  #halve(): void {
    const sorted = this.#buckets.sort((a, b) => a.fromUs - b.fromUs);
    this.#buckets = [];
    for (let i = 0; i < sorted.length; i += 2) this.#buckets.push(join(sorted[i]!, sorted[i + 1]!));
    this.#bucketPoints *= 2;
  }
}

function join(a: HistoryBucket, b: HistoryBucket): HistoryBucket {
  return {
    fromUs: Math.min(a.fromUs, b.fromUs),
    toUs: Math.max(a.toUs, b.toUs),
    min: Math.min(a.min, b.min),
    max: Math.max(a.max, b.max),
    last: b.toUs >= a.toUs ? b.last : a.last,
  };
}
