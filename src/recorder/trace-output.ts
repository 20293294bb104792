/**
 * Where a recorder's events go: what it asks of an output, what it gives it, and what a program may choose. The outputs
 * themselves are elsewhere (`output/`).
 */
import type { Annex } from './annexes.js';
import type { EventBatch } from './batch.js';

/** What became of a flush. */
export type FlushResult =
  | { readonly written: true; readonly path: string; readonly events: number; readonly bytes: number }
  | { readonly written: false; readonly reason: string };

/** How a single file is written. */
export interface OutputOptions {
  /**
   * Events reach the file as the run goes on, within a second, so that it is there whatever ends the process; and
   * what a ring overwrites is in the file before. Default false: they reach it when it is flushed.
   */
  readonly durable?: boolean;
  /**
   * Most bytes on disk of a durable output. A file that has half of them is set aside as `trace-earlier.json`, where it
   * takes the place of the one before it, and a new one is begun. Default 1 GiB.
   */
  readonly maxBytes?: number;
}

/** Limits of a rotating output. */
export interface RotationLimits {
  /** As for a single file. A flush then ends the file that is being written. */
  readonly durable?: boolean;
  /** A file is closed before it would grow past this many bytes on disk. Default 64 MiB. */
  readonly maxBytes?: number;
  /** Only this many of the newest files are kept. Default 8. */
  readonly maxFiles?: number;
}

/** Everything that goes into a file. */
export interface TraceContents {
  readonly pid: number;
  readonly processName: string;
  readonly batch: EventBatch;
  readonly annexes: readonly Annex[];
  /** Wall time of timestamp 0, in microseconds since the Unix epoch. */
  readonly anchorUs: number;
  readonly rejectedValues: number;
  /** Events of logs that are no longer kept. */
  readonly forgottenEvents: number;
}

/** Where a recorder's events go. */
export interface TraceOutput {
  setPath(path: string, options: OutputOptions): void;
  setPattern(pattern: string, limits: RotationLimits): void;
  /** Whether each flush writes only what is new (rotation) rather than everything held. */
  readonly incremental: boolean;
  /** Where what is new is appended as the run goes on; absent where it is written at flushes only. */
  readonly durable?: GrowingOutput | undefined;
  write(contents: TraceContents, path: string | undefined): FlushResult;
}

/** A file that grows as the run goes on. */
export interface GrowingOutput {
  /** Adds events. @param isFlush whether the file is to be left as one that is never added to again */
  append(contents: TraceContents, isFlush: boolean): FlushResult;
}
