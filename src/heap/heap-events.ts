/** What the heap tracer needs of a recorder, made from one: rows and counters of category `heap`. */
import type { Recorder } from '../recorder/recorder.js';
import type { HeapEvents } from './tracer.js';

/** A filter must name it to drop what the tracer says (`recorder/filter.ts`). */
const CATEGORY = 'heap';

export function heapEvents(trace: Recorder): HeapEvents {
  const category = trace.category(CATEGORY);
  return {
    get recording() {
      return category.recording;
    },
    nowUs: () => trace.clock.nowUs(),
    instant: (name, args) => category.instant(name, args),
    counter: (name, series) => category.counter(name, series),
    annex: (name, argsJson) => trace.annex(name, argsJson),
  };
}
