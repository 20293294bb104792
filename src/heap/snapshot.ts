/**
 * What a heap looked like at one moment: plain, immutable data that every source produces and everything after
 * it (report rows, diffs, exports) reads. No behaviour lives here.
 *
 * Vocabulary: a *block* is one allocation; *live* is what is allocated and not freed; *total* is everything
 * allocated since the tracer was armed, freed or not.
 */
import type { Frame } from './frame.js';

/** The four heaps of a JavaScript process, in the order in which reports and counter lanes list them. */
export const SOURCE_NAMES = ['js', 'wasm', 'buffers', 'manual'] as const;

export type SourceName = (typeof SOURCE_NAMES)[number];

/** Into how many slices the time of births is divided: sites of several threads are added up slice by slice. */
export const BIRTH_SLICES = 24;

/** What one call site holds and has allocated. */
export interface SiteUsage {
  readonly source: SourceName;
  /** 16 hex digits, stable from run to run (see `hashStack`). */
  readonly hash: string;
  /** Innermost first; empty for the group of allocations whose stack was not captured. */
  readonly frames: readonly Frame[];
  readonly liveBytes: number;
  readonly liveBlocks: number;
  /** 0 when the source can't tell totals (see `SourceSnapshot.hasTotals`). */
  readonly totalBytes: number;
  readonly totalBlocks: number;
  /** What the site held when its source held most; left out where the source does not know. */
  readonly peakBytes?: number;
  readonly peakBlocks?: number;
  /** What the program was doing for whom (`heap.withLabel`); sites that differ in it alone are two. */
  readonly label?: string;
  /** The thread that allocated, where it is not the main thread. */
  readonly thread?: string;
  /** How many such threads the figures are of. */
  readonly threadCount?: number;
  /** The class of what was allocated, where the source knows it. */
  readonly className?: string;
  /** Why what is live is alive: the path from a root, where the source knows it (see `retainers.ts`). */
  readonly retainer?: string;
  /** True when the figures of this site are an estimate and others of its source are not. */
  readonly estimated?: boolean;
  /** Standard error of `liveBytes`, in bytes, where it is a sampling estimate. */
  readonly errorBytes?: number;
  /** `liveBytes` by time of birth, oldest first: equal slices of the time that `SourceSnapshot.births` covers. */
  readonly bornBytes?: readonly number[];
  /** How many samples of each slice these rest on: one of a large block weighs many bytes, and is one observation. */
  readonly bornSamples?: readonly number[];
}

/** One heap at one moment. */
export interface SourceSnapshot {
  readonly source: SourceName;
  /** True when the figures are a sampling estimate; they are then shown with `~`. */
  readonly estimated: boolean;
  /** False when the source knows only what is live (V8's sampler). */
  readonly hasTotals: boolean;
  readonly liveBytes: number;
  readonly liveBlocks: number;
  /** Most bytes that were live at once, and in how many blocks; left out where the source does not know. */
  readonly peakBytes?: number;
  readonly peakBlocks?: number;
  readonly sites: readonly SiteUsage[];
  /** What the slices of `SiteUsage.bornBytes` divide: time up to now, or where `timed` is false what was allocated in it. */
  readonly births?: {
    readonly spanUs: number;
    readonly timed: boolean;
    /** How much the program allocated in each slice of time, as a multiple of the average. */
    readonly activity?: readonly number[];
    /** False where V8 inlines no function: stacks are then what they seem. */
    readonly inlining?: boolean;
  };
  /** Further figures of the source for `heap_report_stats`: names in snake_case, values readable. */
  readonly facts: Readonly<Record<string, string>>;
}

/** Every armed heap at one moment. `sources` follows the order of `SOURCE_NAMES`. */
export interface HeapSnapshot {
  /** Microseconds on the recorder's clock. */
  readonly takenUs: number;
  /** Memory that otrace itself holds, in bytes, about; not in the figures of the sources. */
  readonly selfBytes?: number;
  readonly sources: readonly SourceSnapshot[];
  /** What was live in threads that have ended, at their ends; in none of the `sources`. */
  readonly ended?: readonly SiteUsage[];
  /** Further lines about the process for `heap_report_stats`. */
  readonly facts?: Readonly<Record<string, string>>;
}
