/** A heap tracer with a recorder in its place that keeps what it is told, and a clock that the test moves. */
import { HeapTracer, type HeapTracerOptions } from '../../src/heap/tracer.js';
import { ManualSource } from '../../src/sources/manual.js';

export interface RecordedEvent {
  readonly name: string;
  readonly values: Record<string, string | number>;
}

export interface RecordedAnnex {
  readonly name: string;
  readonly args: unknown;
}

export interface RecordedHeap {
  readonly heap: HeapTracer;
  readonly events: RecordedEvent[];
  /** Whole data, in the order written. */
  readonly annexes: RecordedAnnex[];
  readonly warnings: string[];
  readonly clock: { nowUs: number };
  /** The series of the newest `heap_live_bytes`. */
  point(): Record<string, string | number> | undefined;
}

export function recordedHeap(options: Partial<HeapTracerOptions> = {}): RecordedHeap {
  const events: RecordedEvent[] = [];
  const annexes: RecordedAnnex[] = [];
  const warnings: string[] = [];
  const clock = { nowUs: 0 };
  const heap = new HeapTracer(
    {
      recording: true,
      nowUs: () => clock.nowUs,
      instant: (name, values) => events.push({ name, values }),
      counter: (name, values) => events.push({ name, values }),
      annex: (name, argsJson) => annexes.push({ name, args: JSON.parse(argsJson) }),
    },
    { manual: (host) => new ManualSource(host), warn: (message) => warnings.push(message), ...options },
  );
  const point = (): Record<string, string | number> | undefined =>
    events.findLast((event) => event.name === 'heap_live_bytes')?.values;
  return { heap, events, annexes, warnings, clock, point };
}

/** The values of one row of a report that was written. */
export function reportRow(heap: HeapTracer, name: string): Readonly<Record<string, string>> {
  const report = heap.report();
  if (!report.written) throw new Error(report.reason);
  return report.rows.find((row) => row.name === name)!.values;
}
