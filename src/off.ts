/**
 * `otrace/off`: the same API, doing nothing. Chosen by the export condition `otrace-off`, so that a production build
 * can carry the calls at no cost. Functions given to `scope` and `zone` still run, and what is tracked is returned.
 */
import type { ExactResult } from './heap/exact.js';
import type { HeapSnapshot } from './heap/snapshot.js';
import type { HeapTracer } from './heap/tracer.js';
import type { Category } from './recorder/category.js';
import type { Recorder } from './recorder/recorder.js';
import { CLOSED_SCOPE, type Scope } from './recorder/scope.js';
import type { FlushResult } from './recorder/trace-output.js';

export * from './api.js';

const REASON = 'this build has otrace switched off (the export condition otrace-off)';

/** The methods of a class, without what is private in it. */
type Public<T> = { readonly [K in keyof T]: T[K] };

function nothing(): void {}

function run<T>(_name: string, second?: unknown, third?: () => T): Scope | T {
  const work = typeof second === 'function' ? (second as () => T) : third;
  return work === undefined ? CLOSED_SCOPE : work();
}

function notWritten(): FlushResult {
  return { written: false, reason: REASON };
}

const category: Public<Category> = {
  categoryName: 'off',
  recording: false,
  attach: nothing,
  instant: nothing,
  instantPair: nothing,
  scope: run as Category['scope'],
  complete: nothing,
  instantAt: nothing,
  begin: nothing,
  end: nothing,
  counter: nothing,
  counterPair: nothing,
  flowBegin: nothing,
  flowStep: nothing,
  flowEnd: nothing,
};

const recorder: Public<Recorder> = {
  ...category,
  clock: { anchorUs: 0, nowUs: () => 0, fromPerformanceMs: () => 0 } as unknown as Recorder['clock'],
  enabled: false,
  hasUnwritten: false,
  selfBytes: 0,
  enable: nothing,
  disable: nothing,
  category: () => category as Category,
  zone: run as Recorder['zone'],
  frame: nothing,
  color: nothing,
  setProcessName: nothing,
  setThreadName: nothing,
  setThreadSortIndex: nothing,
  allow: nothing,
  deny: nothing,
  setFilter: nothing,
  setSampling: nothing,
  setCapacity: nothing,
  setSynthesis: nothing,
  setOutputPath: nothing,
  setOutputPattern: nothing,
  flush: notWritten,
  drain: nothing,
  contents: () => {
    throw new Error(REASON);
  },
  annex: nothing,
  onFlush: nothing,
  onToggle: nothing,
};

/** Does nothing. */
export const trace = recorder as Recorder;

/** The result of `heap.exact`: the function runs all the same. */
function unrecorded<T>(work: () => T | PromiseLike<T>): ExactResult<T> | Promise<ExactResult<T>> {
  const value = work();
  const result = (settled: T): ExactResult<T> => ({ value: settled, exact: false, reason: REASON });
  const isPromise = typeof (value as PromiseLike<T> | undefined)?.then === 'function';
  return isPromise ? Promise.resolve(value).then(result) : result(value as T);
}

const STILL: HeapSnapshot = { takenUs: 0, sources: [] };

const tracer: Public<HeapTracer> = {
  host: undefined as unknown as HeapTracer['host'],
  enabled: false,
  armedSources: [],
  attachedSources: [],
  sampling: 0,
  stackDepth: 0,
  attach: nothing,
  enable: nothing,
  disable: nothing,
  reset: nothing,
  setSampling: nothing,
  setJsSampling: nothing,
  setStackDepth: nothing,
  alloc: nothing,
  free: nothing,
  realloc: nothing,
  track: (object) => object,
  trackClass: (original) => original,
  withLabel: (_label, work) => work(),
  addPoint: nothing,
  snapshot: () => STILL,
  checkpoint: nothing,
  report: () => ({ written: false, reason: REASON }),
  attachTracking: nothing,
  tracking: () => {
    throw new Error(REASON);
  },
  exact: unrecorded as HeapTracer['exact'],
  mark: () => undefined,
  whyAlive: () => ({ known: false, reason: REASON }),
};

/** Does nothing. */
export const heap = tracer as HeapTracer;
