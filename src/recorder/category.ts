/**
 * The calls that record events, in one category. Every call starts with one branch on `#log`: it is `undefined`
 * while the recorder is off or the category is filtered out, so a call that records nothing costs that branch.
 */
import type { Arguments } from './arguments.js';
import { EventKind } from './event-ring.js';
import type { Filter } from './filter.js';
import { CLOSED_SCOPE, OpenScope, type Scope } from './scope.js';
import type { ThreadLog } from './thread-log.js';

/** Names a flow: equal ids are one flow. Strings and large integers are folded to 53 bits. */
export type FlowId = number | bigint | string;

/** The series of a counter: what viewers draw as neighbouring lanes. */
export type Series = Readonly<Record<string, number>>;

export class Category {
  readonly categoryName: string;
  readonly #filter: Filter;
  #log: ThreadLog | undefined;
  #id = 0;
  #picky = false;

  /** @internal Made by a recorder; programs call `trace.category(name)`. */
  constructor(name: string, filter: Filter) {
    this.categoryName = name;
    this.#filter = filter;
  }

  /** @internal Where to record, from the recorder, whenever that or a filter changes. */
  attach(log: ThreadLog | undefined): void {
    const admitted = log !== undefined && this.#filter.admitsCategory(this.categoryName);
    this.#picky = this.#filter.isPicky(this.categoryName);
    this.#id = admitted ? log.strings.id(this.categoryName) : 0;
    this.#log = admitted ? log : undefined;
  }

  /** Whether events of this category are being recorded; guards work that only prepares an event. */
  get recording(): boolean {
    return this.#log !== undefined;
  }

  /** Records that something happened now. @example trace.instant('cache_miss', { key, size }); */
  instant(name: string, args?: Arguments): void {
    const log = this.#log;
    if (log === undefined || (this.#picky && !this.#filter.admits(name, this.categoryName))) return;
    log.append(EventKind.instant, this.#id, name, log.stampUs(), 0, args);
  }

  /**
   * Records how long something takes: until the returned scope ends, or for the run of a function, which may be
   * async. The function's result (or error) is passed on.
   *
   * @example
   * using scope = trace.scope('parse', { file });
   * const rows = await trace.scope('query', () => db.all(sql));
   */
  scope(name: string, args?: Arguments): Scope;
  scope<T>(name: string, run: () => T): T;
  scope<T>(name: string, args: Arguments | undefined, run: () => T): T;
  scope<T>(name: string, second?: Arguments | (() => T), third?: () => T): Scope | T {
    const run = typeof second === 'function' ? (second as () => T) : third;
    const args = typeof second === 'function' ? undefined : (second as Arguments | undefined);
    const log = this.#log;
    const off = log === undefined || (this.#picky && !this.#filter.admits(name, this.categoryName));
    if (run === undefined) return off ? CLOSED_SCOPE : new OpenScope(log, this.#id, name, args);
    return off ? run() : runIn(new OpenScope(log, this.#id, name, args), run);
  }

  /** Records a finished scope from times that the caller already has (microseconds on the recorder's clock). */
  complete(name: string, startUs: number, durationUs: number, args?: Arguments): void {
    const log = this.#log;
    if (log === undefined || (this.#picky && !this.#filter.admits(name, this.categoryName))) return;
    if (!(startUs >= 0 && durationUs >= 0)) return;
    log.append(EventKind.complete, this.#id, name, startUs, durationUs, args);
  }

  /** Starts a slice that `end` with the same name closes. Where a block can be used, prefer `scope`. */
  begin(name: string, args?: Arguments): void {
    const log = this.#log;
    if (log === undefined || (this.#picky && !this.#filter.admits(name, this.categoryName))) return;
    log.append(EventKind.begin, this.#id, name, log.stampUs(), 0, args);
  }

  /** Ends the slice that `begin` started. */
  end(name: string, args?: Arguments): void {
    const log = this.#log;
    if (log === undefined || (this.#picky && !this.#filter.admits(name, this.categoryName))) return;
    log.append(EventKind.end, this.#id, name, log.stampUs(), 0, args);
  }

  /**
   * Records a value that changes over time. A value that is no finite number has no place on a graph: it is left
   * out and counted in the file.
   *
   * @example
   * trace.counter('queue_length', queue.length);
   * trace.counter('memory_kb', { rss, cache });
   */
  counter(name: string, value: number | Series): void {
    const log = this.#log;
    if (log === undefined || (this.#picky && !this.#filter.admits(name, this.categoryName))) return;
    if (typeof value === 'number' && value - value === 0) {
      log.appendNumber(this.#id, name, log.stampUs(), value);
      return;
    }
    const series = finiteSeries(name, value, log);
    if (series !== undefined) log.append(EventKind.counter, this.#id, name, log.stampUs(), 0, series);
  }

  /** Starts a flow: an arrow from the slice that is open now to those of `flowStep` and `flowEnd`. */
  flowBegin(id: FlowId): void {
    this.#flow(EventKind.flowStart, id);
  }

  flowStep(id: FlowId): void {
    this.#flow(EventKind.flowStep, id);
  }

  flowEnd(id: FlowId): void {
    this.#flow(EventKind.flowEnd, id);
  }

  #flow(kind: EventKind, id: FlowId): void {
    const log = this.#log;
    if (log === undefined || (this.#picky && !this.#filter.admits('flow', this.categoryName))) return;
    log.append(kind, this.#id, 'flow', log.stampUs(), flowNumber(id), undefined);
  }
}

function runIn<T>(scope: Scope, run: () => T): T {
  let result: T;
  try {
    result = run();
  } catch (error) {
    scope.end();
    throw error;
  }
  if (!isThenable(result)) {
    scope.end();
    return result;
  }
  // The derived promise is what the caller gets: listening beside the original would mark it as handled and
  // hide an unhandled rejection, and calling `then` twice would run a lazy thenable (a query builder) twice.
  const promise = result instanceof Promise ? result : Promise.resolve(result);
  return promise.then(
    (value) => {
      scope.end();
      return value;
    },
    (error) => {
      scope.end();
      throw error;
    },
  ) as T;
}

function isThenable(value: unknown): value is PromiseLike<unknown> {
  return typeof value === 'object' && value !== null && 'then' in value && typeof value.then === 'function';
}

/** The series that a graph can show: the object itself where all can, `undefined` where none can. */
function finiteSeries(name: string, value: unknown, log: ThreadLog): Series | undefined {
  try {
    if (isSeries(value)) return value;
    const given: readonly [string, unknown][] =
      typeof value === 'object' && value !== null ? Object.entries(value) : [[name, value]];
    const kept: [string, number][] = [];
    for (const [key, entry] of given) {
      const number = typeof entry === 'bigint' || typeof entry === 'boolean' ? Number(entry) : entry;
      if (typeof number === 'number' && Number.isFinite(number)) kept.push([key, number]);
      else log.rejectedValues++;
    }
    return kept.length === 0 ? undefined : Object.fromEntries(kept);
  } catch {
    log.rejectedValues++; // a getter threw
    return undefined;
  }
}

function isSeries(value: unknown): value is Series {
  if (typeof value !== 'object' || value === null) return false;
  let count = 0;
  for (const key in value) {
    const entry = (value as Record<string, unknown>)[key];
    if (typeof entry !== 'number' || entry - entry !== 0) return false;
    count++;
  }
  return count !== 0;
}

/** A flow id as a number that JSON can carry. */
function flowNumber(id: FlowId): number {
  if (typeof id === 'number' && Number.isSafeInteger(id) && id >= 0) return id;
  const text = String(id);
  let high = 0;
  let low = 0x811c9dc5;
  for (let i = 0; i < text.length; i++) {
    low = Math.imul(low ^ text.charCodeAt(i), 0x01000193);
    high = Math.imul(high ^ low, 0x85ebca6b);
  }
  return (high >>> 11) * 2 ** 32 + (low >>> 0);
}
