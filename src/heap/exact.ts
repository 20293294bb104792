/**
 * Exact windows and marks, as the program calls them: `heap.exact(fn)` records every allocation of a call, and
 * `heap.whyAlive(mark)` says what has come since a mark and why it is still there. Both ask an `ObjectTracking` that is
 * made when it is first needed; where there is none (a browser), the function still runs and the result says why there
 * is nothing more.
 *
 * Whatever goes wrong here, the program's function runs once, and its value or error is passed on.
 */
import type { Guard } from './guard.js';
import type { HeapEvents } from './heap-events.js';
import { type ReportRow, reportRows } from './report.js';
import { retainerValues, type SurvivorGroup } from './retainers.js';
import type { HeapSnapshot, SourceSnapshot } from './snapshot.js';

/** What tells objects that come later from those of a moment. */
export interface ObjectMark {
  readonly lastId: number;
  /** An object of that moment, and its id: while it has it, ids mean what they meant. */
  readonly witness: object;
  readonly witnessId: number;
}

/** Records single objects of the JavaScript heap. What can't be done is answered with the reason, as text. */
export interface ObjectTracking {
  /**
   * Starts recording every allocation.
   *
   * @param onIdle called when the process has nothing left to wait for, which the recording would keep from ending:
   * end it, or it is cancelled
   */
  begin(onIdle: () => void): string | undefined;
  /** Ends the recording. @param top sites for which it is told why they are alive */
  end(top: number): SourceSnapshot | string;
  /** What is live now; the recording goes on. */
  peek(top: number): SourceSnapshot | string;
  /** Ends the recording and forgets it. */
  cancel(): void;
  /** Remembers what is alive now. */
  mark(): ObjectMark | string;
  /** What has come since and is still there, by holder; most bytes first. */
  survivors(mark: ObjectMark, top: number): readonly SurvivorGroup[] | string;
}

export interface ExactOptions {
  /** Most groups in each row, and sites for which it is told why they are alive; default 10. */
  readonly top?: number;
}

export type ExactResult<T> = { readonly value: T } & (
  | { readonly exact: true; readonly snapshot: HeapSnapshot; readonly rows: readonly ReportRow[] }
  | { readonly exact: false; readonly reason: string }
);

/** A moment of the heap, to be compared with a later one. */
export interface HeapMark {
  /** Microseconds on the recorder's clock. */
  readonly takenUs: number;
  readonly objects: ObjectMark;
}

export type WhyAliveResult =
  | { readonly known: true; readonly survivors: readonly SurvivorGroup[] }
  | { readonly known: false; readonly reason: string };

const DEFAULT_TOP = 10;
const NO_TRACKING = 'single objects can be followed in Node only';

export class ExactHeap {
  readonly #events: HeapEvents;
  readonly #guard: Guard;
  readonly #warn: (message: string) => void;
  #load: (() => ObjectTracking) | undefined;
  #tracking: ObjectTracking | undefined;
  #open = false;
  #mark: HeapMark | undefined;
  readonly #warned = new Set<string>();

  constructor(events: HeapEvents, guard: Guard, warn: (message: string) => void) {
    this.#events = events;
    this.#guard = guard;
    this.#warn = warn;
  }

  attach(load: () => ObjectTracking): void {
    this.#load ??= load;
  }

  /** @throws Error when there is none */
  tracking(): ObjectTracking {
    if (this.#load === undefined) throw new Error(NO_TRACKING);
    this.#tracking ??= this.#load();
    return this.#tracking;
  }

  run<T>(work: () => T, options: ExactOptions): ExactResult<Awaited<T>> | Promise<ExactResult<Awaited<T>>> {
    const refusal = this.#begin();
    if (refusal !== undefined) {
      this.#warnOnce(`heap.exact: ${refusal}; the function runs unrecorded`);
      return settled(work(), (value) => ({ value, exact: false, reason: refusal }));
    }
    let result: T;
    try {
      result = work();
    } catch (error) {
      this.#cancel();
      throw error;
    }
    return settled(
      result,
      (value) => this.#end(value, options.top ?? DEFAULT_TOP),
      () => this.#cancel(),
    );
  }

  mark(): HeapMark | undefined {
    const objects = this.#attempt((tracking) => tracking.mark());
    if (typeof objects === 'string') {
      this.#warnOnce(`heap.mark: ${objects}`);
      return undefined;
    }
    this.#mark = { takenUs: this.#events.nowUs(), objects };
    return this.#mark;
  }

  /** @param emit whether the row is written to the trace here */
  whyAlive(mark: HeapMark | undefined, options: ExactOptions, emit = true): WhyAliveResult {
    const since = mark ?? this.#mark;
    if (since === undefined) return { known: false, reason: 'there is no mark; call heap.mark() first' };
    if (this.#open) return { known: false, reason: 'an exact window is open; ask when it has ended' };
    const survivors = this.#attempt((tracking) =>
      tracking.survivors(since.objects, options.top ?? DEFAULT_TOP),
    );
    if (typeof survivors === 'string') {
      this.#warnOnce(`heap.whyAlive: ${survivors}`);
      return { known: false, reason: survivors };
    }
    const values = retainerValues([], survivors);
    if (emit && this.#events.recording && values !== undefined)
      this.#events.instant('heap_retainers', { ...values });
    return { known: true, survivors };
  }

  #begin(): string | undefined {
    if (this.#open) return 'another exact window is open, and V8 records for one';
    const refusal = this.#attempt((tracking) => tracking.begin(() => {}));
    this.#open = refusal === undefined;
    return refusal;
  }

  #end<T>(value: T, top: number): ExactResult<T> {
    this.#open = false;
    const taken = this.#attempt((tracking) => tracking.end(top));
    if (typeof taken === 'string') {
      this.#warnOnce(`heap.exact: ${taken}`);
      return { value, exact: false, reason: taken };
    }
    const snapshot: HeapSnapshot = { takenUs: this.#events.nowUs(), sources: [taken] };
    const rows = reportRows(snapshot, top);
    if (this.#events.recording) {
      this.#guard.run(() => {
        this.#events.instant('heap_report_started', { status: 'begin', window: 'exact' });
        for (const row of rows) this.#events.instant(row.name, { ...row.values });
        this.#events.instant('heap_report_done', { status: 'end' });
      });
    }
    return { value, exact: true, snapshot, rows };
  }

  #cancel(): void {
    this.#open = false;
    this.#attempt((tracking) => {
      tracking.cancel();
      return undefined;
    });
  }

  /** Runs the work of the tracking under the guard; a failure becomes a reason. */
  #attempt<R>(work: (tracking: ObjectTracking) => R): R | string {
    if (this.#load === undefined) return NO_TRACKING;
    try {
      return this.#guard.run(() => work(this.tracking()));
    } catch (error) {
      return `it failed (${error instanceof Error ? error.message : String(error)}); please report this`;
    }
  }

  #warnOnce(message: string): void {
    if (this.#warned.has(message)) return;
    this.#warned.add(message);
    this.#warn(`otrace: ${message}`);
  }
}

/** Goes on with a result at once or when it has settled; `failed` sees a rejection, which is passed on. */
function settled<T, R>(
  result: T,
  done: (value: Awaited<T>) => R,
  failed: () => void = () => {},
): R | Promise<R> {
  if (!isPromiseLike(result)) return done(result as Awaited<T>);
  return Promise.resolve(result).then(
    (value) => done(value as Awaited<T>),
    (error: unknown) => {
      failed();
      throw error;
    },
  );
}

function isPromiseLike(value: unknown): value is PromiseLike<unknown> {
  return (
    (typeof value === 'object' || typeof value === 'function') &&
    value !== null &&
    'then' in value &&
    typeof value.then === 'function'
  );
}
