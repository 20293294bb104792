/**
 * The recorder: turns calls into events in memory and hands them to an output when asked. It is its own default
 * category, so `trace.instant(...)` and `trace.category('io').instant(...)` are the same calls.
 *
 * Not here: what a file looks like and where it goes (`output/`), the environment and the end of the process
 * (`node/`), the heap (`heap/`).
 */
import { OtraceError } from '../errors.js';
import type { Arguments } from './arguments.js';
import { Category } from './category.js';
import type { Clock } from './clock.js';
import { DrainPace } from './drain-pace.js';
import { DEFAULT_CAPACITY, EventRing, MAX_CAPACITY } from './event-ring.js';
import { type CategoryList, type EventFilter, Filter } from './filter.js';
import { HeldEvents } from './held-events.js';
import { reasonOf } from './safe-json.js';
import type { Scope } from './scope.js';
import { nameText } from './string-table.js';
import { checkedSynthesis, type SynthesisOptions } from './synthesis.js';
import { type ReadableLog, ThreadLog } from './thread-log.js';
import type {
  FlushResult,
  OutputOptions,
  RotationLimits,
  TraceContents,
  TraceOutput,
} from './trace-output.js';

/** Category of events recorded on the recorder itself. */
const DEFAULT_CATEGORY = 'app';

/** What a recorder is made from: the platform's part. */
export interface RecorderParts {
  readonly clock: Clock;
  readonly output: TraceOutput;
  readonly pid: number;
  readonly tid: number;
  readonly threadName: string;
  readonly warn: (message: string) => void;
  /** True when `enable()` is to do nothing: the user of the program has switched tracing off from outside. */
  readonly forbidden?: boolean;
  /** Makes this thread's log of so many bytes when recording first starts; a worker shares its memory here. */
  readonly openLog?: (bytes: number) => ThreadLog;
  /** Logs of other threads, to be written together with this one's. */
  readonly otherLogs?: () => readonly ReadableLog[];
  /** Told that all of a log is in a file that is only added to; answers whether it is not kept any longer. */
  readonly letGo?: (log: ReadableLog) => boolean;
  /** Memory of other threads' logs, in bytes. */
  readonly otherBytes?: () => number;
  /** Number of events in other threads' logs that are no longer kept. */
  readonly forgottenEvents?: () => number;
  /** Values that threads had rejected whose logs are no longer kept. */
  readonly forgottenRejections?: () => number;
  /** Calls a task twice a second, without keeping the process alive, until the returned function is called. */
  readonly repeat?: (task: () => void) => () => void;
  /** Runs work of the recorder itself, whose allocations are not the program's. */
  readonly aside?: <T>(work: () => T) => T;
  /** What to do when half of this thread's ring is new, where that is not to drain it. */
  readonly onPressure?: () => void;
}

export class Recorder extends Category {
  readonly clock: Clock;
  readonly #parts: RecorderParts;
  readonly #filter: Filter;
  readonly #categories = new Map<string, Category>();
  readonly #flushListeners: (() => void)[] = [];
  readonly #toggleListeners: ((on: boolean) => void)[] = [];
  readonly #held: HeldEvents;
  readonly #pace: DrainPace;
  #stopDrains: (() => void) | undefined;
  #isDraining = false;
  readonly #zones: Category;
  readonly #frames: Category;
  #capacity = DEFAULT_CAPACITY;
  #log: ThreadLog | undefined;
  #enabled = false;
  #warnedOfAllowed = false;
  #threadName: string | undefined;
  #sortIndex = 0;

  constructor(parts: RecorderParts) {
    const filter = new Filter(parts.pid * 31 + parts.tid, parts.warn);
    super(DEFAULT_CATEGORY, filter);
    this.clock = parts.clock;
    this.#parts = parts;
    this.#filter = filter;
    this.#held = new HeldEvents(parts, () => this.#logs());
    this.#categories.set(DEFAULT_CATEGORY, this);
    this.#zones = this.category('zone');
    this.#frames = this.category('frame');
    const { onPressure } = parts;
    const nowUs = (): number => parts.clock.nowUs();
    this.#pace =
      onPressure === undefined
        ? new DrainPace(nowUs, () => this.drain())
        : new DrainPace(nowUs, onPressure, Number.POSITIVE_INFINITY);
  }

  /** Whether events are recorded. */
  get enabled(): boolean {
    return this.#enabled;
  }

  /** Starts (or resumes) recording. Memory for the events is taken here, the first time. */
  enable(): void {
    if (this.#enabled || this.#parts.forbidden === true) return;
    try {
      if (this.#log === undefined) {
        this.#log = this.#openLog();
        this.#watchLog();
      }
    } catch (error) {
      const reason = reasonOf(error);
      this.#parts.warn(
        `nothing is recorded: ${reason}; choose fewer than ${this.#capacity} events with setCapacity`,
      );
      return;
    }
    this.#toggle(true);
  }

  /** Stops recording; what was recorded is kept. */
  disable(): void {
    if (this.#enabled) this.#toggle(false);
  }

  /** The same calls in another category; the object can be kept. @example const io = trace.category('io'); */
  category(name: string): Category {
    let category = this.#categories.get(name);
    if (category === undefined) {
      category = new Category(nameText(name), this.#filter);
      category.attach(this.#enabled ? this.#log : undefined);
      this.#categories.set(name, category);
    }
    return category;
  }

  /** A scope in category `zone`. */
  zone(name: string, args?: Arguments): Scope;
  zone<T>(name: string, run: () => T): T;
  zone<T>(name: string, second?: Arguments | (() => T)): Scope | T {
    return typeof second === 'function'
      ? this.#zones.scope(name, second as () => T)
      : this.#zones.scope(name, second);
  }

  /** Marks a frame by its number or a label; viewers find them as instants `frame`, and `fps` is made of them. */
  frame(mark: number | string): void {
    this.#frames.instant('frame', typeof mark === 'number' ? { frame: mark } : { label: mark });
  }

  /** Gives the next event one of the colours that viewers know, such as `good`, `bad`, `terrible`. */
  color(name: string): void {
    if (this.#enabled) this.#log?.colourNext(name);
  }

  /** Names the process in the viewer. */
  setProcessName(name: string): void {
    this.#held.processName = nameText(name);
  }

  /** Names this thread in the viewer. */
  setThreadName(name: string): void {
    this.#threadName = nameText(name);
    if (this.#log !== undefined) this.#log.identity.name = this.#threadName;
  }

  /** Where the viewer draws this thread: larger numbers are lower. */
  setThreadSortIndex(index: number): void {
    this.#sortIndex = Number.isSafeInteger(index) ? index : 0;
    if (this.#log !== undefined) this.#log.identity.sortIndex = this.#sortIndex;
  }

  /** Records only these categories (`'io,net'` or a list); an empty list records all again. */
  allow(categories: CategoryList): void {
    this.#filter.allow(categories);
    this.#attachAll();
  }

  /** Drops these categories; an empty list drops none. */
  deny(categories: CategoryList): void {
    this.#filter.deny(categories);
    this.#attachAll();
  }

  /** Asks a function for each event; `undefined` removes it. */
  setFilter(filter: EventFilter | undefined): void {
    this.#filter.setFunction(filter);
    this.#attachAll();
  }

  /**
   * Records each event with this probability, clamped to [0, 1].
   *
   * @throws OtraceError `OTRACE_BAD_OPTION` for NaN
   */
  setSampling(probability: number): void {
    this.#filter.setSampling(probability);
    this.#attachAll();
  }

  /**
   * Events that this thread holds before it overwrites the oldest; rounded up to a power of two.
   *
   * @throws OtraceError `OTRACE_BAD_OPTION` for a number out of range, or when recording has already started
   */
  setCapacity(events: number): void {
    if (!(events >= 64 && events <= MAX_CAPACITY)) {
      throw new OtraceError(
        'OTRACE_BAD_OPTION',
        `setCapacity takes 64 to ${MAX_CAPACITY} events, not ${events}`,
      );
    }
    if (this.#log !== undefined) {
      throw new OtraceError(
        'OTRACE_BAD_OPTION',
        'setCapacity must come before the first enable(): the ring exists',
      );
    }
    this.#capacity = 2 ** Math.ceil(Math.log2(events));
  }

  /**
   * Adds `fps`, `rate(<counter>)` and `latency(<scope>)` tracks at flush, in category `synth`.
   *
   * @throws OtraceError `OTRACE_BAD_OPTION` for a window or percentiles out of range
   */
  setSynthesis(on: boolean | SynthesisOptions): void {
    this.#held.synthesis = on === true ? {} : on === false ? undefined : checkedSynthesis(on);
  }

  /**
   * The file that `flush` writes; `.gz` compresses it. Default `trace.json`.
   *
   * @throws OtraceError `OTRACE_BAD_OPTION` for a `maxBytes` that is no positive number
   *
   * @example
   * trace.setOutputPath('trace.json', { durable: true }); // on disk within a second, also after SIGKILL
   */
  setOutputPath(path: string, options: OutputOptions = {}): void {
    this.#parts.output.setPath(path, options);
    this.#outputChanged();
  }

  /**
   * Numbered files instead of one: each flush writes what is new.
   *
   * @param pattern a path with an index, as `traces/run-%03u.json.gz`
   * @throws OtraceError `OTRACE_BAD_OPTION` for a pattern without an index
   */
  setOutputPattern(pattern: string, limits: RotationLimits = {}): void {
    this.#parts.output.setPattern(pattern, limits);
    this.#outputChanged();
  }

  /**
   * Writes what is held to the file. Never throws: a file that can't be written is told in the result and once on
   * stderr, and a file that was there before stays as it was.
   *
   * @param path another file for this flush only
   */
  flush(path?: string): FlushResult {
    for (const listener of this.#flushListeners) {
      try {
        listener();
      } catch (error) {
        this.#parts.warn(`a flush goes on without what a listener had to add: ${reasonOf(error)}`);
      }
    }
    this.#checkAllowed();
    const { incremental, durable } = this.#parts.output;
    if (durable !== undefined && path === undefined && (incremental || !this.#held.isWhole)) {
      return this.#held.append(durable, true);
    }
    const contents = this.contents(path === undefined && incremental);
    const result = this.#parts.output.write(contents, path);
    // A copy to another path does not take events away from the numbered files, or from one that grows.
    if (result.written && (path === undefined || (!incremental && durable === undefined))) {
      this.#held.written(contents);
    }
    return result;
  }

  /**
   * Adds what is new to the file of a durable output, as happens twice a second by itself; nothing for others. Unlike
   * `flush` it costs what is new only, asks no listeners, and leaves a file that has half of the run in it.
   *
   * @example
   * trace.instant('about to call the native part');
   * trace.drain(); // whatever it does to the process
   */
  drain(): void {
    const { durable } = this.#parts.output;
    if (durable === undefined || this.#isDraining) return;
    this.#isDraining = true;
    try {
      const startUs = this.clock.nowUs();
      this.#aside(() => {
        if (this.hasUnwritten || this.#held.annexes.list(true).length > 0) this.#held.append(durable, false);
      });
      if (this.#log !== undefined) this.#pace.drained(this.#log.ring, startUs);
    } finally {
      this.#isDraining = false;
    }
  }

  /** Whether there are events that no flush has written. */
  get hasUnwritten(): boolean {
    return this.#held.hasUnwritten;
  }

  /** Memory that the recorder holds, in bytes, about: rings, names, data beside the events, of all threads. */
  get selfBytes(): number {
    const log = this.#log;
    const own = log === undefined ? 0 : log.ring.words.byteLength + log.strings.selfBytes;
    return own + this.#held.annexes.selfBytes + (this.#parts.otherBytes?.() ?? 0);
  }

  /** What a flush would write. @param onlyNew leaves out what earlier flushes wrote */
  contents(onlyNew = false): TraceContents {
    return this.#held.contents(onlyNew);
  }

  /**
   * @internal Adds a whole piece of data to the file, as a metadata event that viewers ignore.
   *
   * @param argsJson JSON text of an object that holds nothing of what a file must not (see `safe-json.ts`)
   */
  annex(name: string, argsJson: string): void {
    if (this.#enabled) this.#held.annexes.add({ name, timeUs: this.clock.nowUs(), argsJson });
  }

  /** Calls back before each flush, so that others can add their last word. */
  onFlush(listener: () => void): void {
    this.#flushListeners.push(listener);
  }

  /** Calls back each time recording starts (`true`) or stops. */
  onToggle(listener: (on: boolean) => void): void {
    this.#toggleListeners.push(listener);
  }

  #aside<T>(work: () => T): T {
    return this.#parts.aside === undefined ? work() : this.#parts.aside(work);
  }

  #outputChanged(): void {
    const { durable } = this.#parts.output;
    // A durable file is a new one, with everything held.
    if (durable !== undefined) this.#held.forgetWritten();
    this.#stopDrains?.();
    this.#stopDrains = durable === undefined ? undefined : this.#parts.repeat?.(() => this.drain());
    this.#watchLog();
  }

  /** Has this thread's log ask for drains, where there is something to ask. */
  #watchLog(): void {
    const isWatched = this.#parts.output.durable !== undefined || this.#parts.onPressure !== undefined;
    this.#log?.drainAt(isWatched ? this.#pace : undefined);
  }

  /** An allow list of which the program uses no category is most likely misspelt. */
  #checkAllowed(): void {
    const allowed = [...(this.#filter.allowed ?? [])];
    if (this.#warnedOfAllowed || allowed.length === 0 || allowed.some((name) => this.#categories.has(name)))
      return;
    this.#warnedOfAllowed = true;
    const used = [...this.#categories.keys()].join(', ');
    this.#parts.warn(
      `trace.allow('${allowed.join(',')}') names no category that the program uses; it uses ${used}`,
    );
  }

  #toggle(on: boolean): void {
    this.#enabled = on;
    if (this.#log !== undefined) this.#log.recording = on;
    this.#attachAll();
    for (const listener of this.#toggleListeners) listener(on);
  }

  #openLog(): ThreadLog {
    const bytes = EventRing.bytes(this.#capacity);
    const { openLog, tid, threadName } = this.#parts;
    const log =
      openLog === undefined
        ? new ThreadLog({ tid, name: threadName, sortIndex: 0 }, this.clock, new ArrayBuffer(bytes))
        : openLog(bytes);
    if (this.#threadName !== undefined) log.identity.name = this.#threadName;
    if (this.#sortIndex !== 0) log.identity.sortIndex = this.#sortIndex;
    return log;
  }

  #logs(): readonly ReadableLog[] {
    const own = this.#log === undefined ? [] : [this.#log];
    return [...own, ...(this.#parts.otherLogs?.() ?? [])];
  }

  #attachAll(): void {
    const log = this.#enabled ? this.#log : undefined;
    for (const category of this.#categories.values()) category.attach(log);
  }
}
