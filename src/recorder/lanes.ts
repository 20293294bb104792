/**
 * Lays complete events that overlap only in part on lanes of their own. Slices of one thread must nest; those of
 * concurrent async work do not, and a viewer would drop them to an overflow track with an error each. The first
 * lane is the thread itself; a slice goes to the first lane where it nests in what is open there.
 *
 * Cost: one pass in time order; nothing is allocated for a thread whose slices all nest.
 */
import type { EventBatch } from './batch.js';
import { EventKind } from './event-ring.js';

export interface Lanes {
  /** For each entry of the batch its lane; 0 is the thread itself. */
  readonly laneOf: Uint16Array;
  /** For each log of the batch how many lanes it has beside itself. */
  readonly extraLanes: readonly number[];
}

/** Times closer than this are the same instant: rounding must not make neighbours overlap. */
const TOLERANCE_US = 0.0005;

/** Highest number of lanes of a thread; what fits nowhere goes to the last. */
const MAX_LANES = 256;

export function assignLanes(batch: EventBatch): Lanes {
  const laneOf = new Uint16Array(batch.count);
  /** For each log, for each lane: the ends of the slices that are open, outermost first. */
  const openUs: number[][][] = batch.logs.map(() => [[]]);
  for (let i = 0; i < batch.count; i++) {
    const logIndex = batch.logIndexes[i]!;
    const { ring } = batch.logs[logIndex]!;
    const slot = batch.slots[i]!;
    if (ring.kind(slot) !== EventKind.complete) continue;
    const startUs = ring.startUs(slot);
    laneOf[i] = place(openUs[logIndex]!, startUs, startUs + ring.durationUs(slot));
  }
  return { laneOf, extraLanes: openUs.map((lanes) => lanes.length - 1) };
}

function place(lanes: number[][], startUs: number, endUs: number): number {
  for (let lane = 0; lane < lanes.length; lane++) {
    const open = lanes[lane]!;
    while (open.length > 0 && open[open.length - 1]! <= startUs + TOLERANCE_US) open.pop();
    if (open.length === 0 || endUs <= open[open.length - 1]! + TOLERANCE_US || lane === MAX_LANES - 1) {
      open.push(endUs);
      return lane;
    }
  }
  lanes.push([endUs]);
  return lanes.length - 1;
}
