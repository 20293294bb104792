/**
 * Which file a durable output appends to, and what keeps it bounded in a run of days:
 *
 *     single     trace.json grows to half of its bytes, becomes trace-earlier.json (in the place of the one before it),
 *                and a new trace.json begins: the newest half is always there
 *     numbered   run-000.json grows to `maxBytes`, then run-001.json begins; the oldest files go (`rotation.ts`)
 *
 * Each file is a whole trace of its own. What went is counted in `lost_events`.
 */
import { renameSync } from 'node:fs';
import type { FlushResult, TraceContents } from '../recorder/trace-output.js';
import { GrowingTrace } from './growing-trace.js';
import { positive, type Rotation } from './rotation.js';

const DEFAULT_MAX_BYTES = 1024 * 1024 * 1024;

/** Names the next file and knows when it is full. */
interface Series {
  readonly fullBytes: number;
  /** Whether a flush ends the file. */
  readonly endsAtFlush: boolean;
  nextPath(): string;
  /** The file that `nextPath` named is there. */
  begun(): void;
  /** The file is full and closed. @returns events that are on disk no more */
  ended(trace: GrowingTrace): number;
}

export class DurableOutput {
  readonly #series: Series;
  #trace: GrowingTrace | undefined;
  /** Events of files that went. */
  #droppedEvents = 0;
  #isRewritable: boolean;

  private constructor(series: Series) {
    this.#series = series;
    this.#isRewritable = !series.endsAtFlush;
  }

  /** @throws OtraceError `OTRACE_BAD_OPTION` for a limit that is no positive number */
  static single(path: string, maxBytes = DEFAULT_MAX_BYTES): DurableOutput {
    let earlierEvents = 0;
    return new DurableOutput({
      fullBytes: positive(maxBytes, 'maxBytes') / 2,
      endsAtFlush: false,
      nextPath: () => path,
      begun: () => {},
      ended: ({ target, events }) => {
        try {
          renameSync(target, earlierPath(target));
        } catch {
          return events; // the next file takes its place
        }
        const dropped = earlierEvents;
        earlierEvents = events;
        return dropped;
      },
    });
  }

  static numbered(rotation: Rotation): DurableOutput {
    return new DurableOutput({
      fullBytes: rotation.maxBytes,
      endsAtFlush: true,
      nextPath: () => rotation.path(0),
      begun: () => rotation.advance(1),
      ended: () => 0,
    });
  }

  /** Whether the file has everything that was ever written, so that a flush may write it anew. */
  get isRewritable(): boolean {
    return this.#isRewritable;
  }

  /** Adds events. @throws OtraceError `OTRACE_OUTPUT` when they can't be written; the file then is as it was */
  append(contents: TraceContents, isFlush: boolean): FlushResult {
    if (isFlush && this.#series.endsAtFlush && this.#trace === undefined && contents.batch.count === 0) {
      return { written: false, reason: 'there is nothing new to write' };
    }
    if (this.#trace?.isGone === true) this.#leave();
    const { count } = contents.batch;
    let trace: GrowingTrace;
    let done = 0;
    let isFull: boolean;
    do {
      trace = this.#trace ?? new GrowingTrace(this.#series.nextPath(), contents, this.#droppedEvents);
      try {
        done = trace.add(contents, done, this.#series.fullBytes);
      } catch (error) {
        if (trace !== this.#trace) trace.close();
        throw error;
      }
      if (trace !== this.#trace) this.#series.begun();
      this.#trace = trace;
      isFull = done < count || trace.bytes >= this.#series.fullBytes;
      if (isFull) this.#end(trace, contents);
    } while (done < count);
    if (isFlush && !isFull) this.#finish(trace, contents);
    return { written: true, path: trace.path, events: trace.events, bytes: trace.bytes };
  }

  /**
   * Writes the file anew with everything held, in one order.
   *
   * @throws OtraceError `OTRACE_OUTPUT` when it can't be written; the file that was there stays as it was
   */
  rewrite(contents: TraceContents): FlushResult {
    const trace = new GrowingTrace(this.#series.nextPath(), contents, 0);
    try {
      trace.add(contents, 0, Number.POSITIVE_INFINITY);
      trace.finish(contents);
    } catch (error) {
      trace.close();
      throw error;
    }
    this.#leave();
    this.#trace = trace;
    return { written: true, path: trace.path, events: trace.events, bytes: trace.bytes };
  }

  /** Lets go of the file, which stays as it is. */
  close(): void {
    this.#leave();
  }

  #leave(): void {
    this.#trace?.close();
    this.#trace = undefined;
  }

  #finish(trace: GrowingTrace, contents: TraceContents): void {
    trace.finish(contents);
    if (this.#series.endsAtFlush) this.#leave();
  }

  /** The file is full. */
  #end(trace: GrowingTrace, contents: TraceContents): void {
    trace.finish(contents);
    this.#leave();
    this.#isRewritable = false;
    this.#droppedEvents += this.#series.ended(trace);
  }
}

/** `trace.json.gz` -> `trace-earlier.json.gz` */
export function earlierPath(path: string): string {
  return path.replace(/(\.json)?(\.gz)?$/, '-earlier$1$2');
}
