/** Performance entries of some types, as a part of the timeline: what `collections.ts` and `user-timing.ts` share. */
import { createRequire } from 'node:module';
import type { EntryType } from 'node:perf_hooks';
import type { TimelinePart } from './timeline.js';

/** A performance entry; Node's typings leave `detail` to some of its kinds, which they do not tell apart. */
export interface Entry {
  readonly name: string;
  readonly entryType: string;
  readonly startTime: number;
  readonly duration: number;
  readonly detail?: unknown;
}

export type PerfHooks = typeof import('node:perf_hooks');

/** `node:perf_hooks`, loaded by the first part that is turned on. */
export function perfHooks(): PerfHooks {
  return createRequire(import.meta.url)('node:perf_hooks') as PerfHooks;
}

/** @param record called for every entry of the types from now on, in a later turn of the event loop or at `drain()` */
export function observe(types: EntryType[], record: (entry: Entry) => void): TimelinePart {
  const { PerformanceObserver } = perfHooks();
  const observer = new PerformanceObserver((list) => {
    for (const entry of list.getEntries()) record(entry);
  });
  observer.observe({ entryTypes: types });
  const drain = (): void => {
    for (const entry of observer.takeRecords() as Entry[]) record(entry);
  };
  return {
    drain,
    stop() {
      drain();
      observer.disconnect();
    },
  };
}
