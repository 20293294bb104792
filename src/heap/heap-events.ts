/** What the heap tracer needs of a recorder, made from one: rows and counters of category `heap`. */
import type { Recorder } from '../recorder/recorder.js';

/** The counter of what is live. */
export const LIVE_COUNTER = 'heap_live_bytes';

/** What the tracer needs of the recorder: events of category `heap` that only a filter on `heap` itself may drop. */
export interface HeapEvents {
  /** Whether they are being recorded at all. */
  readonly recording: boolean;
  nowUs(): number;
  /** Memory that the recorder holds, in bytes; where it is told, so is that of the tracer. */
  readonly selfBytes?: () => number;
  instant(name: string, args: Record<string, string>): void;
  counter(name: string, series: Record<string, number>): void;
  /** Data for tools, as a metadata event with these arguments. */
  annex(name: string, argsJson: string): void;
}

/** A filter must name it to drop what the tracer says (`recorder/filter.ts`). */
const CATEGORY = 'heap';

/** @param thread goes behind the names of counters: those of equal name are one track, whichever thread they are of */
export function heapEvents(trace: Recorder, thread?: string): HeapEvents {
  const suffix = thread === undefined ? '' : ` (${thread})`;
  const category = trace.category(CATEGORY);
  return {
    get recording() {
      return category.recording;
    },
    nowUs: () => trace.clock.nowUs(),
    selfBytes: () => trace.selfBytes,
    instant: (name, args) => category.instant(name, args),
    counter: (name, series) => category.counter(name + suffix, series),
    annex: (name, argsJson) => trace.annex(name, argsJson),
  };
}
