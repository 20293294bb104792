/**
 * What the tracer asks of a source: the seam between "how allocations arrive" (`sources/`) and "what is made of
 * them" (`heap/`). A stream source keeps its counts in an `AllocationStream` as allocations pass; a snapshot
 * source (V8's sampler) is asked when somebody wants to know.
 */
import type { SourceName, SourceSnapshot } from './snapshot.js';

export interface HeapSource {
  readonly name: SourceName;

  /** True while a snapshot is right only after a garbage collection, which the tracer then forces before it asks. */
  readonly endsByCollection?: boolean;

  /** True while its snapshot forces a full collection itself, so that later sources need none of their own. */
  readonly snapshotCollects?: boolean;

  /** Start seeing allocations. Called again after `disarm()` it goes on from what was collected. */
  arm(): void;

  /** Stop seeing allocations, keeping what was collected. */
  disarm(): void;

  /** Forget everything collected; what is allocated from now on counts. */
  reset(): void;

  /** Bytes live now, for the counter lane. REQUIRES: cheap (no collection, no walk), callable at any time. */
  liveBytes(): number;

  /** Memory that the source itself holds, in bytes, about. REQUIRES: cheap. Left out where it is next to nothing. */
  selfBytes?(): number;

  /**
   * The whole picture. May be expensive (a garbage collection, a walk of the live table).
   *
   * @param final true when the process is about to end: work that only later reports need may be left out
   */
  snapshot(final: boolean): SourceSnapshot;
}

/** A source that samples at an interval of its own, which may be changed at any time. */
export interface SampledSource extends HeapSource {
  /** @throws OtraceError `OTRACE_BAD_OPTION` when not a number of 1 or more */
  setEveryBytes(everyBytes: number): void;
}
