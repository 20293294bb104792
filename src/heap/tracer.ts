/**
 * The heap tracer, `heap` in the program's hands: turns sources on and off, asks them for the picture, and writes
 * the live-bytes counter and the leak report into the trace.
 *
 *     source (attached) -> armed while the tracer is enabled -> snapshot (`all-heaps.ts`) -> report rows -> trace
 *
 * Not here: the calls by which a program describes blocks (`program-blocks.ts`), how a source sees allocations (`sources/`), what the rows say (`report.ts`).
 */
import { OtraceError } from '../errors.js';
import { AllHeaps } from './all-heaps.js';
import {
  ExactHeap,
  type ExactOptions,
  type ExactResult,
  type HeapMark,
  type ObjectTracking,
  type WhyAliveResult,
} from './exact.js';
import { growthOf } from './growth.js';
import { Guard } from './guard.js';
import { type HeapEvents, LIVE_COUNTER } from './heap-events.js';
import { HeapHistory } from './history.js';
import { type LabelStorage, Labels, SyncLabels } from './labels.js';
import { type ManualHeap, ProgramBlocks } from './program-blocks.js';
import type { ReplayEngine } from './replay-memory.js';
import { type ReportRow, reportRows, withSurvivors } from './report.js';
import { REPORT_DATA_EVENT, reportDataJson } from './report-data.js';
import { Sampler } from './sampler.js';
import type { HeapSnapshot, SourceName } from './snapshot.js';
import type { HeapSource, SampledSource } from './source.js';
import { SourceList } from './source-list.js';
import { StackCapture, type StackOptions } from './stack.js';
import type { StreamHost } from './stream.js';
import type { ThreadHeaps } from './thread-heaps.js';
import { Throttle } from './throttle.js';

export interface HeapTracerOptions extends StackOptions {
  /** Makes the source for `heap.alloc` and its like. */
  readonly manual: (host: StreamHost) => ManualHeap;
  /** Shards of each live table: 1 .. 1024, rounded up to a power of two; default 16. */
  readonly shards?: number;
  /** WebAssembly for journals of `heap.alloc` and `heap.free`; left out where there is none. */
  readonly replay?: ReplayEngine | undefined;
  /** Makes sampling repeatable. */
  readonly seed?: number;
  /** Forces a garbage collection (see `StreamHost.collect`); left out where there is no way to. */
  readonly collect?: () => void;
  /** Makes what carries labels through async code; left out, a label ends when its function returns. */
  readonly labels?: () => LabelStorage;
  /** Where a warning goes, as one complete line; default `console.error`. */
  readonly warn?: (message: string) => void;
  /** The heaps of the process' other threads, where this one reports for all of them. */
  readonly threads?: ThreadHeaps;
}

export interface CheckpointOptions {
  /** Whether a garbage collection may be forced, without which V8's heap can't be seen; default true. */
  readonly collect?: boolean;
}

export interface ReportOptions {
  /** Most groups in `heap_leaks` and in `heap_sites`; default 10. */
  readonly top?: number;
  /** Also says what has come since the last `heap.mark()` and why it is still there: a pause of seconds. */
  readonly retainers?: boolean;
  /** The process is about to end: sources may leave out what only later reports need. */
  readonly final?: boolean;
}

export type ReportResult =
  | { readonly written: true; readonly snapshot: HeapSnapshot; readonly rows: readonly ReportRow[] }
  | { readonly written: false; readonly reason: string };

const MAX_STACK_DEPTH = 10_000;
const MAX_SHARDS = 1024;

export class HeapTracer extends ProgramBlocks {
  /** What a stream source is made with. */
  readonly host: StreamHost;

  readonly #events: HeapEvents;
  readonly #manual: ManualHeap;
  readonly #sources: SourceList;
  readonly #threads: ThreadHeaps | undefined;
  readonly #heaps: AllHeaps;
  readonly #exact: ExactHeap;
  #enabled = false;
  /** The list given to `enable`; undefined for all that are attached. */
  #wanted: readonly SourceName[] | undefined;
  /** Of the snapshots that reports and checkpoints took. */
  #history = new HeapHistory();

  constructor(events: HeapEvents, options: HeapTracerOptions) {
    super();
    const shards = wholeNumber('heap shards', options.shards ?? 16, MAX_SHARDS);
    const sampler = options.seed === undefined ? new Sampler() : new Sampler(0, options.seed);
    this.#events = events;
    this.#threads = options.threads;
    this.host = {
      guard: new Guard(),
      sampler,
      stacks: new StackCapture(options),
      throttle: new Throttle(
        () => events.nowUs(),
        () => this.#addPoint(),
      ),
      labels: new Labels(options.labels ?? (() => new SyncLabels())),
      shards: 2 ** Math.ceil(Math.log2(Math.min(shards, MAX_SHARDS))),
      replay: options.replay,
      collect: options.collect,
      warn: options.warn ?? ((message) => console.error(message)),
    };
    this.#sources = new SourceList(this.host.guard, this.host.warn);
    this.#heaps = new AllHeaps(events, this.host, this.#sources, options.threads);
    this.#exact = new ExactHeap(events, this.host.guard, this.host.warn);
    this.#manual = options.manual(this.host);
    this.attach(this.#manual);
  }

  get enabled(): boolean {
    return this.#enabled;
  }

  /** The sources that are recording now. */
  get armedSources(): readonly SourceName[] {
    return this.#enabled ? this.#sources.armed.map((source) => source.name) : [];
  }

  /** The sources that can be enabled. */
  get attachedSources(): readonly SourceName[] {
    return this.#sources.attached;
  }

  /** The probability that an allocation's stack is captured. */
  get sampling(): number {
    return this.host.sampler.probability;
  }

  /** Most frames of a captured stack. */
  get stackDepth(): number {
    return this.host.stacks.depth;
  }

  /**
   * Makes a source available; when the tracer is on and was not given a list of others, the source is armed at
   * once. A second source of the same name is ignored, so hooks may be loaded twice.
   */
  attach(source: HeapSource): void {
    this.#sources.attach(source);
    if (this.#enabled) this.#arm(this.#sources.armed);
  }

  /**
   * Starts recording, or goes on after `disable()` from what was collected.
   *
   * @param sources exactly these are armed; left out, all that are attached (`manual`, and with `otrace/hooks` the rest)
   * @throws OtraceError `OTRACE_BAD_OPTION` for a name that is none of the four, or a source that is not attached
   *
   * @example
   * import 'otrace/hooks';
   * heap.enable();                   // all four heaps
   * heap.enable(['wasm', 'manual']); // these two
   */
  enable(sources?: readonly SourceName[]): void {
    for (const name of sources ?? []) this.#sources.requireAttached(name);
    this.#wanted = sources === undefined ? undefined : [...sources];
    const recording = this.#enabled ? this.#sources.armed : [];
    this.#enabled = true;
    this.#arm(recording);
    this.#addPoint();
  }

  /** Stops recording allocations and frees; what was collected stays. Adds a last counter point. */
  disable(): void {
    if (!this.#enabled) return;
    this.addPoint();
    this.#enabled = false;
    ProgramBlocks.countWith(this, undefined);
    this.#sources.disarm();
  }

  /** Forgets everything collected. What is live now and freed later counts as unmatched. */
  reset(): void {
    this.#sources.reset();
    this.#threads?.reset();
    this.#history = new HeapHistory();
    if (!this.#enabled) this.#sources.armed = [];
    this.#addPoint();
  }

  /**
   * Sets the probability with which an allocation's stack is captured; every allocation is counted whatever it is.
   *
   * @param probability clamped to 0 .. 1
   * @throws OtraceError `OTRACE_BAD_OPTION` when it is not a number
   */
  setSampling(probability: number): void {
    this.host.sampler.setProbability(probability);
  }

  /**
   * Samples the JavaScript heap at another interval from now on: closer to see small sites, wider to cost less. What is
   * live then is kept but no longer watched, so what dies of it later still counts; while armed it costs a garbage
   * collection. The probability of `setSampling` is that of the other heaps.
   *
   * @param options `everyBytes`: mean number of bytes between two samples
   * @throws OtraceError `OTRACE_BAD_OPTION` when it is not a number of 1 or more, or source `js` is not attached
   *
   * @example
   * heap.setJsSampling({ everyBytes: 4096 });
   */
  setJsSampling(options: { readonly everyBytes: number }): void {
    this.#sources.requireAttached('js');
    const source = this.#sources.get('js') as SampledSource;
    this.host.guard.run(() => source.setEveryBytes(options.everyBytes));
  }

  /**
   * Sets how many frames of a stack are kept, from now on.
   *
   * @param depth 1 or more; above 10,000, which no stack of a default V8 reaches, it is 10,000
   * @throws OtraceError `OTRACE_BAD_OPTION` when it is not a whole number of 1 or more
   */
  setStackDepth(depth: number): void {
    this.host.stacks.depth = Math.min(
      wholeNumber('heap stack depth', depth, MAX_STACK_DEPTH),
      MAX_STACK_DEPTH,
    );
  }

  /**
   * Runs `work` under a label, such as the route or the tenant that it serves: what it allocates, and what its
   * continuations allocate, is reported apart from what the same code allocates under another label. `js` has none.
   *
   * @returns what `work` returns
   *
   * @example
   * app.use((request, response, next) => heap.withLabel(request.path, next));
   */
  withLabel<T>(label: string, work: () => T): T {
    return this.#enabled ? this.host.labels.run(String(label), work) : work();
  }

  /** Adds a point of `heap_live_bytes` with the truth of this moment; nothing while the tracer is off. */
  addPoint(): void {
    if (!this.#enabled) return;
    this.#threads?.ask('figures');
    this.#threads?.wait();
    this.#addPoint();
  }

  /**
   * Every armed heap as it is now, on the main thread those of the workers too; while the tracer is off, what was
   * collected until then.
   */
  snapshot(options: { final?: boolean } = {}): HeapSnapshot {
    this.#threads?.ask('snapshots');
    return this.host.guard.run(() =>
      this.#heaps.snapshot(options.final ?? false, () => this.#threads?.wait()),
    );
  }

  /**
   * Writes the leak report into the trace: `heap_report_stats`, `heap_leaks`, `heap_sites` and `heap_peak`, and once
   * there is something to compare with `heap_growth`, between `heap_report_started` and `heap_report_done`; a point of
   * `heap_live_bytes`; and the whole snapshot as data for tools.
   *
   * @returns the rows and the snapshot they were made from, or why there are none
   *
   * @example
   * const result = heap.report({ top: 20 });
   * if (!result.written) console.error(result.reason);
   */
  report(options: ReportOptions = {}): ReportResult {
    const reason = this.#unready();
    if (reason !== undefined) return { written: false, reason };
    const top = wholeNumber('heap report top', options.top ?? 10, Number.MAX_SAFE_INTEGER);
    return this.host.guard.run(() => {
      this.#events.instant('heap_report_started', { status: 'begin' });
      const snapshot = this.snapshot({ final: options.final ?? false });
      this.#history.add(snapshot);
      const growing = growthOf(snapshot, this.#history);
      const since = options.retainers ? this.#exact.whyAlive(undefined, { top }, false) : undefined;
      const rows = withSurvivors(
        reportRows(snapshot, top, { history: this.#history, growing }),
        since?.known ? since.survivors : [],
      );
      for (const row of rows) this.#events.instant(row.name, { ...row.values });
      this.#addPoint();
      this.#events.annex(REPORT_DATA_EVENT, reportDataJson(snapshot, 'report', growing));
      this.#events.instant('heap_report_done', { status: 'end' });
      return { written: true, snapshot, rows };
    });
  }

  /** Makes `exact`, `mark` and `whyAlive` work; `load` is called when one of them is first used. */
  attachTracking(load: () => ObjectTracking): void {
    this.#exact.attach(load);
  }

  /** What follows single objects, for the sources. @throws Error when there is none */
  tracking(): ObjectTracking {
    return this.#exact.tracking();
  }

  /**
   * Records every allocation of a call, exactly: for each site the blocks and bytes allocated and those still live, of
   * which class they are, and for the largest why they are alive. The rows go to the trace, whether the tracer is on or
   * not, as a report of their own. Allocation-bound code runs some 50 times slower: for short windows.
   *
   * @param work sync or async; its error or rejection is passed on, and nothing is reported
   * @returns the function's value with the snapshot (source `js`, exact), or with the reason why there is none: no
   * inspector, another window is open, another tool has ended the recording
   *
   * @example
   * const { value, ...window } = await heap.exact(() => handle(request));
   * if (window.exact) console.log(window.snapshot.sources[0].sites);
   */
  exact<T>(work: () => PromiseLike<T>, options?: ExactOptions): Promise<ExactResult<T>>;
  exact<T>(work: () => T, options?: ExactOptions): ExactResult<T>;
  exact<T>(
    work: () => T,
    options: ExactOptions = {},
  ): ExactResult<Awaited<T>> | Promise<ExactResult<Awaited<T>>> {
    return this.#exact.run(work, options);
  }

  /**
   * Remembers which objects of the JavaScript heap are there now, for `whyAlive`. Costs a pause (a second for each
   * 8 MB or so of heap), and nothing from then on.
   *
   * @returns undefined, after a warning, when it can't be done
   */
  mark(): HeapMark | undefined {
    return this.#exact.mark();
  }

  /**
   * What has come since a mark and is still there: by who holds it, with the path from a root. Needs neither stacks
   * nor `exact`, and costs a pause as `mark` does. The row `heap_retainers` goes to the trace.
   *
   * @param mark the last one taken, when left out
   *
   * @example
   * const mark = heap.mark();
   * await serveRequests(1000);
   * const since = heap.whyAlive(mark);
   * if (since.known) for (const { path, bytes, objects } of since.survivors) console.log(path, bytes, objects);
   */
  whyAlive(mark?: HeapMark, options: ExactOptions = {}): WhyAliveResult {
    return this.#exact.whyAlive(mark, options);
  }

  /**
   * Notes what is live now, so that a later report can say what has grown since: a report without rows. Costs what a
   * snapshot costs, which for the `js` source is a full garbage collection.
   *
   * @param options `collect: false` notes the exact heaps alone and forces no collection: what is garbage then counts
   * until a later moment shows it gone
   *
   * @example
   * setInterval(() => heap.checkpoint(), 60_000).unref();
   */
  checkpoint({ collect = true }: CheckpointOptions = {}): void {
    if (this.#unready() !== undefined) return;
    this.host.guard.run(() => {
      const snapshot = collect ? this.#heaps.snapshot(false) : this.#heaps.uncollected();
      this.#history.add(snapshot, 'checkpoint');
      if (!collect) return;
      this.#addPoint();
      const growing = growthOf(snapshot, this.#history);
      this.#events.annex(REPORT_DATA_EVENT, reportDataJson(snapshot, 'checkpoint', growing));
    });
  }

  /** Why there can be no report now. */
  #unready(): string | undefined {
    if (!this.#enabled) return 'heap tracer is not enabled; call heap.enable() first';
    if (!this.#events.recording)
      return 'the trace recorder drops heap events; call trace.enable(), and do not deny category heap';
    return this.host.guard.busy ? 'heap.report() was called from within otrace itself' : undefined;
  }

  #addPoint(): void {
    if (!this.#enabled) return;
    this.host.guard.run(() => {
      this.#events.counter(LIVE_COUNTER, this.#heaps.liveBytes());
      const selfBytes = this.#heaps.selfBytes();
      if (selfBytes !== undefined) this.#events.counter('otrace_self_bytes', selfBytes);
      this.host.throttle.pointAdded();
    });
  }

  #arm(recording: readonly HeapSource[]): void {
    this.#sources.arm(this.#wanted, recording);
    ProgramBlocks.countWith(this, this.#sources.armed.includes(this.#manual) ? this.#manual : undefined);
  }
}

function wholeNumber(what: string, value: number, most: number): number {
  if (
    typeof value === 'number' &&
    value >= 1 &&
    (Number.isInteger(value) || value === Number.POSITIVE_INFINITY)
  ) {
    return value;
  }
  const range = most === Number.MAX_SAFE_INTEGER ? '1 or more' : `from 1 to ${most.toLocaleString('en')}`;
  throw new OtraceError('OTRACE_BAD_OPTION', `${what} is ${String(value)}; give a whole number ${range}`);
}
