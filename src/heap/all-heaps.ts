/**
 * All heaps of the process seen together: those of the armed sources of this thread and, where it reports for them, those
 * of the others.
 *
 * Not here: when somebody looks, and what becomes of what is seen (`tracer.ts`). REQUIRES, for every call: the guard is held.
 */
import type { HeapEvents } from './heap-events.js';
import { type HeapSnapshot, SOURCE_NAMES, type SourceSnapshot } from './snapshot.js';
import type { HeapSource } from './source.js';
import type { SourceList } from './source-list.js';
import type { StreamHost } from './stream.js';
import { type ThreadHeaps, withThreads } from './thread-heaps.js';

export class AllHeaps {
  readonly #events: HeapEvents;
  readonly #host: StreamHost;
  readonly #sources: SourceList;
  readonly #threads: ThreadHeaps | undefined;

  constructor(events: HeapEvents, host: StreamHost, sources: SourceList, threads: ThreadHeaps | undefined) {
    this.#events = events;
    this.#host = host;
    this.#sources = sources;
    this.#threads = threads;
  }

  /**
   * Every armed heap as it is now, without what is garbage where a collection can be forced.
   *
   * @param waitForThreads left out, other threads are shown as they were last
   */
  snapshot(final: boolean, waitForThreads?: () => void): HeapSnapshot {
    const takenUs = this.#events.nowUs();
    const { armed } = this.#sources;
    // The source that collects is the first in the order of sources.
    if (armed.some((source) => source.endsByCollection) && armed[0]?.snapshotCollects !== true) {
      this.#collect();
    }
    const sources = this.#snapshotsOf(armed, final);
    const selfBytes = this.selfBytes()?.total;
    const own: HeapSnapshot = { takenUs, ...(selfBytes !== undefined && { selfBytes }), sources };
    waitForThreads?.();
    return this.#threads === undefined ? own : withThreads(own, this.#threads.heaps());
  }

  /** The heaps whose snapshot forces no collection, as they are. */
  uncollected(): HeapSnapshot {
    const takenUs = this.#events.nowUs();
    const armed = this.#sources.armed.filter((source) => source.snapshotCollects !== true);
    const own: HeapSnapshot = { takenUs, sources: this.#snapshotsOf(armed, false) };
    const all = this.#threads === undefined ? own : withThreads(own, this.#threads.heaps());
    return { ...all, sources: all.sources.filter(({ estimated }) => !estimated) };
  }

  /** Bytes live now: `total` first, then those of each armed source. */
  liveBytes(): Record<string, number> {
    const others = this.#threads?.liveBytes() ?? {};
    const series: Record<string, number> = { total: 0 };
    let total = 0;
    for (const name of SOURCE_NAMES) {
      const source = this.#sources.armed.find((armed) => armed.name === name);
      if (source === undefined && !others[name]) continue;
      const own = source && this.#sources.attempt(source, () => source.liveBytes());
      const bytes = (own ?? 0) + (others[name] ?? 0);
      series[name] = bytes;
      total += bytes;
    }
    series['total'] = total;
    return series;
  }

  /** Memory that otrace itself holds: all of it, and what is the recorder's and the tracer's. */
  selfBytes(): { total: number; events: number; heap: number } | undefined {
    const events = this.#events.selfBytes?.();
    if (events === undefined) return undefined;
    let heap = this.#host.stacks.selfBytes;
    for (const source of this.#sources.armed) {
      heap += this.#sources.attempt(source, () => source.selfBytes?.() ?? 0) ?? 0;
    }
    return { total: events + heap, events, heap };
  }

  #snapshotsOf(armed: readonly HeapSource[], final: boolean): SourceSnapshot[] {
    return armed
      .map((source) => this.#sources.attempt(source, () => source.snapshot(final)))
      .filter((taken) => taken !== undefined);
  }

  /** Without it, what is garbage is still counted. */
  #collect(): void {
    try {
      this.#host.collect?.();
    } catch (error) {
      this.#host.warn(
        `otrace: no garbage collection could be forced (${String(error)}); garbage is still counted`,
      );
    }
  }
}
