/** A timeline that keeps what it is given, on the clock of `performance.now()`. */
import type { Timeline, TimelineArgs } from '../../../src/node/timeline/timeline.js';

export interface Slice {
  readonly category: string;
  readonly name: string;
  readonly startUs: number;
  /** -1 for an instant. */
  readonly durationUs: number;
  readonly args: TimelineArgs | undefined;
}

/** Far from 0, so that a part that mixes up the clocks is seen. */
const OFFSET_US = 7e9;

export class RecordedTimeline implements Timeline {
  readonly slices: Slice[] = [];
  /** What each counter had last. */
  readonly counters = new Map<string, Readonly<Record<string, number>>>();

  nowUs(): number {
    return this.fromPerformanceMs(performance.now());
  }

  fromPerformanceMs(ms: number): number {
    return ms * 1000 + OFFSET_US;
  }

  complete(category: string, name: string, startUs: number, durationUs: number, args?: TimelineArgs): void {
    this.slices.push({ category, name, startUs, durationUs, args });
  }

  instant(category: string, name: string, atUs = this.nowUs(), args?: TimelineArgs): void {
    this.slices.push({ category, name, startUs: atUs, durationUs: -1, args });
  }

  counter(_category: string, name: string, series: Readonly<Record<string, number>>): void {
    this.counters.set(name, series);
  }
}

/** Blocks the event loop. */
export function block(ms: number): void {
  const until = performance.now() + ms;
  while (performance.now() < until);
}
