/**
 * The calls that record events, in one category. Every call starts with one branch on `#log`: it is `undefined`
 * while the recorder is off or the category is filtered out, so a call that records nothing costs that branch.
 */
import type { Arguments } from './arguments.js';
import * as EventKind from './event-kind.js';
import type { Filter } from './filter.js';
import { CLOSED_SCOPE, OpenScope, type Scope } from './scope.js';
import { nameText } from './string-table.js';
import type { ThreadLog } from './thread-log.js';

/** Names a flow: equal ids are one flow. A number and a bigint of the same value are the same id;
 * strings and integers past 53 bits are folded to 53 bits. */
export type FlowId = number | bigint | string;

/** The series of a counter: what viewers draw as neighbouring lanes. */
export type Series = Readonly<Record<string, number>>;

/** The latest time that a file can tell exactly to the microsecond: some 285 years. */
const LATEST_US = Number.MAX_SAFE_INTEGER;

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
    const log = this.#picky ? this.#logFor(name) : this.#log;
    if (log === undefined) return;
    if (args === undefined) log.recordNow(EventKind.instant, this.#id, name);
    else log.recordWith(EventKind.instant, this.#id, name, args);
  }

  /**
   * @internal What `instant(name, { [firstKey]: first, [secondKey]: second })` records, without making the object.
   * For the macros, which have keys and values in hand.
   */
  instantPair(name: string, firstKey: unknown, first: unknown, secondKey: unknown, second: unknown): void {
    const log = this.#picky ? this.#logFor(name) : this.#log;
    if (log === undefined) return;
    log.recordPair(EventKind.instant, this.#id, name, firstKey, first, secondKey, second);
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
    if (typeof second === 'function') return this.#run(name, undefined, second as () => T);
    if (third !== undefined) return this.#run(name, second, third);
    const log = this.#picky ? this.#logFor(name) : this.#log;
    if (log === undefined) return CLOSED_SCOPE;
    log.stamp();
    return new OpenScope(log, this.#id, name, second);
  }

  /**
   * Records a finished scope from times that the caller already has (microseconds on the recorder's clock). Times
   * that are negative or no finite numbers have no place on a time axis: the scope is left out and counted in the file.
   */
  complete(name: string, startUs: number, durationUs: number, args?: Arguments): void {
    const log = this.#picky ? this.#logFor(name) : this.#log;
    if (log === undefined) return;
    if (!isOnTimeAxis(startUs, durationUs)) {
      log.ring.rejectedValues++;
      return;
    }
    log.recordAt(EventKind.complete, this.#id, name, startUs, durationUs, args);
  }

  /** Records that something happened at a time that the caller has (microseconds on the recorder's clock). */
  instantAt(name: string, atUs: number, args?: Arguments): void {
    const log = this.#picky ? this.#logFor(name) : this.#log;
    if (log === undefined) return;
    if (isOnTimeAxis(atUs, 0)) log.recordAt(EventKind.instant, this.#id, name, atUs, 0, args);
    else log.ring.rejectedValues++;
  }

  /** Starts a slice that `end` with the same name closes. Where a block can be used, prefer `scope`. */
  begin(name: string, args?: Arguments): void {
    const log = this.#picky ? this.#logFor(name) : this.#log;
    if (log === undefined) return;
    if (args === undefined) log.recordNow(EventKind.begin, this.#id, name);
    else log.recordWith(EventKind.begin, this.#id, name, args);
  }

  /** Ends the slice that `begin` started. */
  end(name: string, args?: Arguments): void {
    const log = this.#picky ? this.#logFor(name) : this.#log;
    if (log === undefined) return;
    if (args === undefined) log.recordNow(EventKind.end, this.#id, name);
    else log.recordWith(EventKind.end, this.#id, name, args);
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
    const log = this.#picky ? this.#logFor(name) : this.#log;
    if (log === undefined) return;
    if (typeof value === 'number' && value - value === 0) {
      log.recordNumber(this.#id, name, value);
    } else if (typeof value === 'object' && value !== null) {
      log.recordWith(EventKind.counter, this.#id, name, value);
    } else {
      log.recordOther(this.#id, name, value);
    }
  }

  /** @internal The same as `instantPair`, of two series of a counter. */
  counterPair(name: string, firstKey: unknown, first: unknown, secondKey: unknown, second: unknown): void {
    const log = this.#picky ? this.#logFor(name) : this.#log;
    if (log === undefined) return;
    log.recordPair(EventKind.counter, this.#id, name, firstKey, first, secondKey, second);
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

  /** Where to record one event of a category whose events have to be asked for one by one. */
  #logFor(name: string): ThreadLog | undefined {
    return this.#log !== undefined && this.#filter.admits(name, this.categoryName) ? this.#log : undefined;
  }

  #run<T>(name: string, args: Arguments | undefined, run: () => T): T {
    const log = this.#picky ? this.#logFor(name) : this.#log;
    if (log === undefined) return run();
    log.stamp();
    return runIn(new OpenScope(log, this.#id, name, args), run);
  }

  #flow(kind: EventKind.Any, id: FlowId): void {
    const log = this.#picky ? this.#logFor('flow') : this.#log;
    if (log === undefined) return;
    const number = flowNumber(id);
    log.stamp();
    log.recordAt(kind, this.#id, 'flow', log.ring.nowUs, number, undefined);
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
  if (typeof value !== 'object' || value === null) return false;
  try {
    return 'then' in value && typeof value.then === 'function';
  } catch {
    return false; // a proxy or a getter that refuses; awaiting the value is the program's own affair
  }
}

/** Asks for numbers first: comparing or adding a bigint or an object could throw. */
function isOnTimeAxis(startUs: unknown, durationUs: unknown): boolean {
  if (typeof startUs !== 'number' || typeof durationUs !== 'number') return false;
  return startUs >= 0 && durationUs >= 0 && startUs + durationUs <= LATEST_US;
}

/** A flow id as a number that JSON can carry. */
function flowNumber(id: FlowId): number {
  const number = typeof id === 'bigint' ? Number(id) : id;
  if (typeof number === 'number' && Number.isSafeInteger(number) && number >= 0) return number;
  const text = nameText(id);
  let high = 0;
  let low = 0x811c9dc5;
  for (let i = 0; i < text.length; i++) {
    low = Math.imul(low ^ text.charCodeAt(i), 0x01000193);
    high = Math.imul(high ^ low, 0x85ebca6b);
  }
  return (high >>> 11) * 2 ** 32 + (low >>> 0);
}
