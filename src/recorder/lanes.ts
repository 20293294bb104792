/**
 * Lays complete events that overlap only in part on lanes of their own. Slices of one thread must nest; those of
 * concurrent async work do not, and a viewer would drop them to an overflow track with an error each. The first
 * lane is the thread itself; a slice goes to the first lane where it nests in what is open there.
 *
 * Cost: one pass in time order; nothing is allocated for a thread whose slices all nest. A slice that overlaps
 * `n` others looks at `n` lanes.
 */
import type { EventBatch } from './batch.js';
import { EventKind } from './event-ring.js';

export interface Lanes {
  /** For each entry of the batch its lane; 0 is the thread itself. */
  readonly laneOf: Uint16Array;
  /** For each log of the batch how many lanes it has beside itself. */
  readonly extraLanes: readonly number[];
}

/** Highest number of lanes of a thread; what fits nowhere goes to the last. */
const MAX_LANES = 4096;

/** Lanes get thread ids far from those the system gives out. */
const LANE_TID_BASE = 1 << 30;

/** The thread id of a lane. REQUIRES: `lane > 0`; lane 0 is the thread itself. */
export function laneTid(logIndex: number, lane: number): number {
  return LANE_TID_BASE + logIndex * MAX_LANES + lane;
}

export function assignLanes(batch: EventBatch): Lanes {
  const { count, logIndexes, slots, startsNs, durationsNs } = batch;
  const laneOf = new Uint16Array(count);
  /** For each log, for each lane: the ends of the slices that are open, outermost first. */
  const openNs: number[][][] = batch.logs.map(() => [[]]);
  for (let i = 0; i < count; i++) {
    const logIndex = logIndexes[i]!;
    if (batch.logs[logIndex]!.ring.kind(slots[i]!) !== EventKind.complete) continue;
    laneOf[i] = place(openNs[logIndex]!, startsNs[i]!, startsNs[i]! + durationsNs[i]!);
  }
  return { laneOf, extraLanes: openNs.map((lanes) => lanes.length - 1) };
}

function place(lanes: number[][], startNs: number, endNs: number): number {
  for (let lane = 0; lane < lanes.length; lane++) {
    const open = lanes[lane]!;
    while (open.length > 0 && open[open.length - 1]! <= startNs) open.pop();
    if (open.length === 0 || endNs <= open[open.length - 1]! || lane === MAX_LANES - 1) {
      open.push(endNs);
      return lane;
    }
  }
  lanes.push([endNs]);
  return lanes.length - 1;
}
