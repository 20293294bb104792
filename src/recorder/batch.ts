/**
 * What a file is written from: the events that some logs hold, in one deterministic order, without copying them.
 * An entry of a batch is a log and a slot in its ring.
 *
 * Order: by timestamp, then thread, then the thread's own sequence. Logs are nearly sorted already (only a scope,
 * recorded when it ends, carries an earlier time), so a natural merge sort needs few passes.
 */
import type { EventRing } from './event-ring.js';
import type { ReadableLog } from './thread-log.js';

/** One log and which of its events are meant. */
export interface LogRange {
  readonly log: ReadableLog;
  /** Number of the first event wanted; older ones are left out. */
  readonly fromSequence: number;
}

export interface EventBatch {
  readonly logs: readonly ReadableLog[];
  readonly count: number;
  /** For each entry, in order: which of `logs`, and the slot in its ring. */
  readonly logIndexes: Uint16Array;
  readonly slots: Uint32Array;
  /** Wanted events that were overwritten before they were read, for each of `logs`. */
  readonly lostEvents: readonly number[];
}

/** Gathers and orders the events of several logs. */
export function gather(ranges: readonly LogRange[]): EventBatch {
  const logs = ranges.map((range) => range.log).sort((a, b) => a.identity.tid - b.identity.tid);
  const wanted = new Map(ranges.map((range) => [range.log, range.fromSequence]));
  const room = logs.reduce((sum, log) => sum + Math.min(log.ring.written, log.ring.capacity), 0);
  const timesUs = new Float64Array(room);
  const logIndexes = new Uint16Array(room);
  const slots = new Uint32Array(room);
  const lostEvents: number[] = [];
  let count = 0;
  logs.forEach((log, index) => {
    const { ring } = log;
    const from = wanted.get(log)!;
    const { written } = ring;
    const before = count;
    for (let sequence = Math.max(from, ring.oldest); sequence < written; sequence++) {
      const slot = ring.slot(sequence);
      if (hasLostPayload(ring, slot)) continue;
      timesUs[count] = ring.startUs(slot);
      logIndexes[count] = index;
      slots[count] = slot;
      count++;
    }
    lostEvents.push(Math.max(0, written - from - (count - before)));
  });
  const order = sortedOrder(timesUs.subarray(0, count));
  return {
    logs,
    count,
    logIndexes: logIndexes.subarray(0, count).map((_, i) => logIndexes[order[i]!]!),
    slots: slots.subarray(0, count).map((_, i) => slots[order[i]!]!),
    lostEvents,
  };
}

function hasLostPayload(ring: EventRing, slot: number): boolean {
  const hasPayload = ring.shape(slot) !== 0 || ring.nameId(slot) === 0;
  return hasPayload && ring.payloadStart(slot) < 0;
}

/** The stable order of `keys`, ascending, by natural merge sort: runs that are in order already are kept. */
export function sortedOrder(keys: Float64Array): Uint32Array {
  const count = keys.length;
  let from = new Uint32Array(count);
  for (let i = 0; i < count; i++) from[i] = i;
  let runs: number[] = [0];
  for (let i = 1; i < count; i++) if (keys[i]! < keys[i - 1]!) runs.push(i);
  let to = new Uint32Array(runs.length > 1 ? count : 0);
  while (runs.length > 1) {
    const merged: number[] = [];
    for (let r = 0; r < runs.length; r += 2) {
      const start = runs[r]!;
      const middle = runs[r + 1] ?? count;
      const end = runs[r + 2] ?? count;
      mergeRuns(keys, from, to, start, middle, end);
      merged.push(start);
    }
    runs = merged;
    [from, to] = [to, from];
  }
  return from;
}

function mergeRuns(
  keys: Float64Array,
  from: Uint32Array,
  to: Uint32Array,
  start: number,
  middle: number,
  end: number,
): void {
  let left = start;
  let right = middle;
  for (let at = start; at < end; at++) {
    const takeLeft = left < middle && (right >= end || keys[from[left]!]! <= keys[from[right]!]!);
    to[at] = takeLeft ? from[left++]! : from[right++]!;
  }
}
