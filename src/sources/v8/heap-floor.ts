/**
 * The floor of the JavaScript heap: what is still there after a collection. This is the `js` lane, without the
 * sawtooth of garbage.
 *
 *     floor     = bytes in use outside the new space, read right after the last full collection
 *     liveBytes = floor - base
 *     base      = bytes in use when armed, or the lowest floor since, whichever is less
 *
 * The base comes down with the floor because what was in use when armed holds garbage too: without that, a server
 * traced from its second day on would show nothing until its leak had outgrown the garbage of that moment.
 *
 * Full collections are learnt from Node's `gc` performance entries, delivered in a later turn of the event loop. By
 * then the program has allocated again, but into the new space, which a full collection leaves empty; read without
 * it, the figure is within 0.1 % of the exact one (`v8.GCProfiler`, which costs 3 KB of memory for each
 * collection and so needs somebody to empty it). Neither shows in the run time of an allocation-bound server.
 *
 * Not seen: anything between two full collections; a program that never returns to the event loop shows a flat lane
 * until `refresh()`. Nothing is forced here.
 */
import { createRequire } from 'node:module';
import type { PerformanceEntry, PerformanceObserver } from 'node:perf_hooks';

type PerfHooks = typeof import('node:perf_hooks');
type V8 = typeof import('node:v8');

export class HeapFloor {
  #v8: V8 | undefined;
  #perfHooks: PerfHooks | undefined;
  #observer: PerformanceObserver | undefined;
  #base = 0;
  #floor = 0;
  /** Collections that began before this are older than `#floor`; in `performance.now()` milliseconds. */
  #freshSinceMs = 0;
  #isMarking = false;

  /** Bytes that survived the last full collection beyond the base; 0 before the first one. */
  get liveBytes(): number {
    return this.#floor - this.#base;
  }

  /** Bytes in use after the last full collection, whoever allocated them; before the first one, when armed. */
  get usedBytes(): number {
    return this.#floor;
  }

  /**
   * Whether V8 has begun to mark for a full collection, as of this turn of the event loop. What has died since it began survives
   * that collection, also when it is forced to end now.
   */
  get isMarking(): boolean {
    return this.#isMarking;
  }

  /** Goes on from the base of the last time; `reset()` takes a new one. */
  start(): void {
    if (this.#observer !== undefined) return;
    const require = createRequire(import.meta.url);
    const perfHooks = require('node:perf_hooks') as PerfHooks;
    this.#perfHooks = perfHooks;
    if (this.#v8 === undefined) {
      this.#v8 = require('node:v8') as V8;
      this.reset();
    }
    const { NODE_PERFORMANCE_GC_MAJOR: full, NODE_PERFORMANCE_GC_INCREMENTAL: begun } = perfHooks.constants;
    this.#observer = new perfHooks.PerformanceObserver((list) => {
      let isRead = false;
      for (const entry of list.getEntries()) {
        if (entry.startTime < this.#freshSinceMs) continue;
        const { kind } = (entry as PerformanceEntry & { detail: { kind: number } }).detail;
        if (kind === begun) this.#isMarking = true;
        if (kind !== full) continue;
        this.#isMarking = false;
        if (!isRead) this.#read();
        isRead = true;
      }
    });
    this.#observer.observe({ entryTypes: ['gc'] });
  }

  stop(): void {
    this.#observer?.disconnect();
    this.#observer = undefined;
    this.#isMarking = false;
  }

  /** What is in use now becomes the base. */
  reset(): void {
    if (this.#v8 === undefined) return;
    this.#base = this.#v8.getHeapStatistics().used_heap_size;
    this.#floor = this.#base;
  }

  /**
   * Takes the exact floor of the full collection that `collect` is known to force.
   *
   * @returns what `collect` returns
   */
  refresh<T>(collect: () => T): T {
    if (this.#v8 === undefined || this.#perfHooks === undefined) return collect();
    const profiler = new this.#v8.GCProfiler();
    profiler.start();
    const result = collect();
    this.#isMarking = false;
    const last = profiler.stop().statistics.findLast(({ gcType }) => gcType === 'MarkSweepCompact');
    if (last === undefined) {
      this.#read(); // seen now and then on Node 20: the collection ran, the profiler has no entry of it
    } else {
      const spaces = last.afterGC.heapSpaceStatistics;
      this.#set(sumOld(spaces.map((space) => [space.spaceName, space.spaceUsedSize])));
    }
    // The entry of this collection is still to come, when what `collect` made is in the heap too.
    this.#freshSinceMs = this.#perfHooks.performance.now();
    return result;
  }

  #read(): void {
    const spaces = this.#v8!.getHeapSpaceStatistics();
    this.#set(sumOld(spaces.map((space) => [space.space_name, space.space_used_size])));
  }

  #set(floor: number): void {
    this.#floor = floor;
    this.#base = Math.min(this.#base, floor);
  }
}

function sumOld(spaces: readonly (readonly [name: string, usedBytes: number])[]): number {
  let bytes = 0;
  for (const [name, usedBytes] of spaces) if (!name.startsWith('new_')) bytes += usedBytes;
  return bytes;
}
