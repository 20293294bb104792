/**
 * Lays complete events that overlap only in part on lanes of their own. Slices of one thread must nest; those of
 * concurrent async work do not, and a viewer would drop them to an overflow track with an error each. The first
 * lane is the thread itself; a slice goes to the first lane where it nests in what is open there.
 *
 * Where a file grows batch by batch, a slice that has just ended may reach back among those of earlier batches.
 * `LaneMemory` keeps what they cover: a slice stays off a lane when it begins or ends within that.
 *
 * Cost: one pass in time order; nothing is allocated for a thread whose slices all nest. A slice that overlaps
 * `n` others looks at `n` lanes. A memory keeps 16 bytes for each outermost slice, at most `MOST_SPANS` a lane; beyond
 * that the oldest of a lane count as one, which costs their gaps to slices that began minutes ago.
 */
import { type EventBatch, NO_SLICE } from './batch.js';
import type { ReadableLog } from './thread-log.js';

export interface Lanes {
  /** For each entry of the batch its lane; 0 is the thread itself. */
  readonly laneOf: Uint16Array;
  /** For each log of the batch how many lanes it has beside itself. */
  readonly extraLanes: readonly number[];
  /** For each log of the batch the number that its lanes' thread ids are made from. */
  readonly numbers: readonly number[];
}

/** Highest number of lanes of a thread; what fits nowhere goes to the last. */
const MAX_LANES = 4096;

/** Lanes get thread ids far from those the system gives out. */
const LANE_TID_BASE = 1 << 30;

const MOST_SPANS = 4096;

/** The thread id of a lane. REQUIRES: `lane > 0`; lane 0 is the thread itself. */
export function laneTid(logNumber: number, lane: number): number {
  return LANE_TID_BASE + logNumber * MAX_LANES + lane;
}

/** @param memory of the file that the batch is added to; left out, the batch is the whole file */
export function assignLanes(batch: EventBatch, memory?: LaneMemory): Lanes {
  const { count, logIndexes, startsNs, durationsNs } = batch;
  const laneOf = new Uint16Array(count);
  const known = memory ?? new LaneMemory();
  const threads = batch.logs.map((log) => known.threadOf(log));
  for (let i = 0; i < count; i++) {
    const durationNs = durationsNs[i]!;
    if (durationNs === NO_SLICE) continue;
    const { lanes } = threads[logIndexes[i]!]!;
    laneOf[i] = place(lanes, startsNs[i]!, startsNs[i]! + durationNs);
  }
  if (memory !== undefined) for (const { lanes } of threads) for (const lane of lanes) lane.endBatch();
  return {
    laneOf,
    extraLanes: threads.map(({ lanes }) => lanes.length - 1),
    numbers: threads.map(({ number }) => number),
  };
}

interface LaneThread {
  readonly number: number;
  readonly lanes: Lane[];
}

/** What the lanes of a growing file's threads hold. */
export class LaneMemory {
  readonly #threads = new WeakMap<ReadableLog, LaneThread>();
  #count = 0;

  threadOf(log: ReadableLog): LaneThread {
    let thread = this.#threads.get(log);
    if (thread === undefined) {
      thread = { number: this.#count++, lanes: [new Lane()] };
      this.#threads.set(log, thread);
    }
    return thread;
  }
}

function place(lanes: Lane[], startNs: number, endNs: number): number {
  for (let lane = 0; lane < lanes.length; lane++) {
    if (lanes[lane]!.take(startNs, endNs, lane === MAX_LANES - 1)) return lane;
  }
  const added = new Lane();
  lanes.push(added);
  added.take(startNs, endNs, true);
  return lanes.length - 1;
}

/** Slices that nest. Spans are disjoint and in order: what the outermost slices of earlier batches cover. */
class Lane {
  /** The ends of the slices that are open, outermost first. */
  readonly #openNs: number[] = [];
  /** Start and end of each outermost slice of this batch, in order. */
  #addedNs: number[] = [];
  #startsNs: number[] = [];
  #endsNs: number[] = [];

  /** @param always whether it is taken even where it does not nest. @returns whether it was */
  take(startNs: number, endNs: number, always: boolean): boolean {
    const open = this.#openNs;
    while (open.length > 0 && open[open.length - 1]! <= startNs) open.pop();
    const isOutermost = open.length === 0;
    const nests = isOutermost || endNs <= open[open.length - 1]!;
    if (!always && (!nests || this.#isOpenAt(startNs) || this.#isCutAt(endNs))) return false;
    open.push(endNs);
    if (isOutermost) this.#addedNs.push(startNs, endNs);
    return true;
  }

  /** Makes spans of the batch's slices; those that an added slice encloses become one with it. */
  endBatch(): void {
    const added = this.#addedNs;
    this.#addedNs = [];
    this.#openNs.length = 0;
    const startsNs = this.#startsNs;
    const endsNs = this.#endsNs;
    const firstNs = added[0] ?? Number.POSITIVE_INFINITY;
    // Slices that ended in this batch began, most of them, after all that was there before.
    let kept = startsNs.length;
    while (kept > 0 && endsNs[kept - 1]! > firstNs) kept--;
    const spans = startsNs.slice(kept).map((startNs, i): Span => [startNs, endsNs[kept + i]!]);
    for (let i = 0; i < added.length; i += 2) spans.push([added[i]!, added[i + 1]!]);
    if (kept < startsNs.length) spans.sort(([a], [b]) => a - b);
    startsNs.length = kept;
    endsNs.length = kept;
    for (const [startNs, endNs] of spans) {
      const last = endsNs.length - 1;
      if (last >= kept && startNs < endsNs[last]!) {
        endsNs[last] = Math.max(endsNs[last]!, endNs);
      } else {
        startsNs.push(startNs);
        endsNs.push(endNs);
      }
    }
    if (startsNs.length > MOST_SPANS) this.#joinOldest(startsNs.length - MOST_SPANS / 2);
  }

  /** Counts the oldest spans as one, with the gaps between them. */
  #joinOldest(count: number): void {
    this.#startsNs = [this.#startsNs[0]!, ...this.#startsNs.slice(count)];
    this.#endsNs = [this.#endsNs[count - 1]!, ...this.#endsNs.slice(count)];
  }

  /** @returns whether a slice of an earlier batch was open, or began, as this one starts */
  #isOpenAt(startNs: number): boolean {
    const i = firstFrom(this.#startsNs, startNs);
    return this.#startsNs[i] === startNs || (i > 0 && startNs < this.#endsNs[i - 1]!);
  }

  /** @returns whether a slice of an earlier batch is open as this one ends */
  #isCutAt(endNs: number): boolean {
    const i = firstFrom(this.#startsNs, endNs);
    return i > 0 && endNs < this.#endsNs[i - 1]!;
  }
}

type Span = readonly [startNs: number, endNs: number];

/** Index of the first number that is not below `wanted`. */
function firstFrom(sorted: readonly number[], wanted: number): number {
  let low = 0;
  let high = sorted.length;
  while (low < high) {
    const middle = (low + high) >>> 1;
    if (sorted[middle]! < wanted) low = middle + 1;
    else high = middle;
  }
  return low;
}
