/**
 * The program's own `performance.mark()` (instants) and `performance.measure()` (slices), category `user_timing`.
 * Their `detail`, if any, is an argument of that name.
 */
import { observe } from './performance-entries.js';
import type { Timeline, TimelinePart } from './timeline.js';

/** Marks and measures from now on. */
export function startUserTiming(timeline: Timeline): TimelinePart {
  return observe(['mark', 'measure'], (entry) => {
    const startUs = timeline.fromPerformanceMs(entry.startTime);
    const args = entry.detail == null ? undefined : { detail: entry.detail };
    if (entry.entryType === 'mark') timeline.instant('user_timing', entry.name, startUs, args);
    else timeline.complete('user_timing', entry.name, startUs, entry.duration * 1000, args);
  });
}
