/**
 * V8's garbage collections as slices of category `gc`, named by kind, with their real start and duration.
 *
 * Node hands an entry over in the turn of the event loop after the collection. The collections of a program's last
 * turn, and all those of a program that never returns to the event loop, are therefore not seen.
 */
import { observe, type PerfHooks, perfHooks } from './performance-entries.js';
import type { Timeline, TimelinePart } from './timeline.js';

/** V8 tells this kind apart since Node 22, without a name in `perf_hooks`. */
const MINOR_MARK_SWEEP = 2;

/** Garbage collections from now on. */
export function startCollections(timeline: Timeline): TimelinePart {
  const { constants } = perfHooks();
  const kinds = kindNames(constants);
  const flags = flagNames(constants);
  return observe(['gc'], ({ startTime, duration, detail }) => {
    const gc = detail as { kind: number; flags: number };
    const kind = kinds.get(gc.kind) ?? `kind ${gc.kind}`;
    const set = flags.filter(([flag]) => (gc.flags & flag) !== 0).map(([, name]) => name);
    timeline.complete('gc', kind, timeline.fromPerformanceMs(startTime), duration * 1000, {
      kind,
      ...(set.length > 0 && { flags: set.join(', ') }),
    });
  });
}

function kindNames(constants: PerfHooks['constants']): ReadonlyMap<number, string> {
  return new Map([
    [constants.NODE_PERFORMANCE_GC_MINOR, 'scavenge'],
    [MINOR_MARK_SWEEP, 'minor-mark-sweep'],
    [constants.NODE_PERFORMANCE_GC_MAJOR, 'mark-sweep-compact'],
    [constants.NODE_PERFORMANCE_GC_INCREMENTAL, 'incremental-marking'],
    [constants.NODE_PERFORMANCE_GC_WEAKCB, 'weak-callbacks'],
  ]);
}

function flagNames(constants: PerfHooks['constants']): readonly (readonly [flag: number, name: string])[] {
  return [
    [constants.NODE_PERFORMANCE_GC_FLAGS_FORCED, 'forced'],
    [constants.NODE_PERFORMANCE_GC_FLAGS_ALL_AVAILABLE_GARBAGE, 'all available garbage'],
    [constants.NODE_PERFORMANCE_GC_FLAGS_ALL_EXTERNAL_MEMORY, 'external memory'],
    [constants.NODE_PERFORMANCE_GC_FLAGS_SCHEDULE_IDLE, 'idle'],
  ];
}
