/** A heap tracer over a recorder: the one seam between the two, for a process' own instances and for browsers. */
import type { HeapTracerOptions } from './heap/tracer.js';
import { HeapTracer } from './heap/tracer.js';
import type { Recorder } from './recorder/recorder.js';
import { ManualSource } from './sources/manual.js';

/** Category of all rows and counters of the heap; a filter must name it to drop them (`recorder/filter.ts`). */
const CATEGORY = 'heap';

export function createHeap(trace: Recorder, options: Omit<HeapTracerOptions, 'manual'>): HeapTracer {
  const category = trace.category(CATEGORY);
  const heap = new HeapTracer(
    {
      get recording() {
        return category.recording;
      },
      nowUs: () => trace.clock.nowUs(),
      instant: (name, args) => category.instant(name, args),
      counter: (name, series) => category.counter(name, series),
    },
    { ...options, manual: (host) => new ManualSource(host) },
  );
  trace.onFlush(() => heap.addPoint());
  return heap;
}
