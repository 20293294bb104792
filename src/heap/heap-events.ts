/** What the heap tracer needs of a recorder, made from one: rows and counters of category `heap`. */
import type { Recorder } from '../recorder/recorder.js';
import type { HeapEvents } from './tracer.js';

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
