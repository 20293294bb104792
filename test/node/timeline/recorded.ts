/** A timeline that keeps what it is given, on the clock of `performance.now()`. */
import type { Timeline, TimelineArgs } from '../../../src/node/timeline/timeline.js';
import type { Scope } from '../../../src/recorder/scope.js';

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

  nowUs(): number {
    return this.fromPerformanceMs(performance.now());
  }

  fromPerformanceMs(ms: number): number {
    return ms * 1000 + OFFSET_US;
  }

  scopes(category: string): (name: string) => Scope {
    return (name) => {
      const startUs = this.nowUs();
      const end = (args?: TimelineArgs): void =>
        this.complete(category, name, startUs, this.nowUs() - startUs, args);
      return { end, [Symbol.dispose]: end };
    };
  }

  complete(category: string, name: string, startUs: number, durationUs: number, args?: TimelineArgs): void {
    this.slices.push({ category, name, startUs, durationUs, args });
  }

  instant(category: string, name: string, atUs = this.nowUs(), args?: TimelineArgs): void {
    this.slices.push({ category, name, startUs: atUs, durationUs: -1, args });
  }
}

/** Blocks the event loop. */
export function block(ms: number): void {
  const until = performance.now() + ms;
  while (performance.now() < until);
}
