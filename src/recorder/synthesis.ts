/**
 * Tracks made at flush from what was recorded: `fps` from frame marks, `rate(<counter>)` from counters and
 * `latency(<scope>)` percentiles from scopes. They are in category `synth` on thread 0 of the process. Recording
 * pays nothing for them.
 */
import { OtraceError } from '../errors.js';
import type { EventBatch } from './batch.js';
import { Clock } from './clock.js';
import * as EventKind from './event-kind.js';
import { EventRing } from './event-ring.js';
import { PayloadReader } from './payload.js';
import { ThreadLog } from './thread-log.js';

/** How synthetic tracks are computed. */
export interface SynthesisOptions {
  /** Length of the sliding window of `fps`, in microseconds. Default 500,000. */
  readonly windowUs?: number;
  /** Percentiles of `latency(...)`, from 0 to 100. Default 50, 95, 99. */
  readonly percentiles?: readonly number[];
}

/** @throws OtraceError `OTRACE_BAD_OPTION` for a value out of range */
export function checkedSynthesis(options: SynthesisOptions): SynthesisOptions {
  const { windowUs = 1, percentiles = [] } = options;
  if (!(windowUs > 0 && Number.isFinite(windowUs))) {
    throw new OtraceError('OTRACE_BAD_OPTION', `windowUs takes microseconds above 0, not ${windowUs}`);
  }
  for (const percentile of percentiles) {
    if (!(percentile >= 0 && percentile <= 100)) {
      throw new OtraceError('OTRACE_BAD_OPTION', `a percentile is a number from 0 to 100, not ${percentile}`);
    }
  }
  return options;
}

interface Derived {
  readonly kind: typeof EventKind.counter | typeof EventKind.instant;
  readonly name: string;
  readonly atUs: number;
  readonly args: Readonly<Record<string, number>>;
}

/** The synthetic tracks of a batch as a log of their own; `undefined` when there is nothing to derive from. */
export function synthesize(batch: EventBatch, options: SynthesisOptions): ThreadLog | undefined {
  const found = scan(batch);
  const percentiles = options.percentiles ?? [50, 95, 99];
  const derived = [
    ...framesPerSecond(found.framesUs, options.windowUs ?? 500_000),
    ...rates(found.counters),
    ...latencies(found.durationsUs, found.lastUs, percentiles),
  ];
  if (derived.length === 0) return undefined;
  // A ring has room for eight values an event, and a single event may take a quarter as many as it holds events.
  const needed = Math.max(derived.length * Math.ceil(percentiles.length / 8), percentiles.length * 4);
  let capacity = 64;
  while (capacity < Math.max(derived.length, needed)) capacity *= 2;
  const clock = new Clock({ now: () => 0, timeOrigin: 0 });
  const identity = { tid: 0, name: '', sortIndex: 0 };
  const log = new ThreadLog(identity, clock, new ArrayBuffer(EventRing.bytes(capacity)));
  const category = log.strings.id('synth');
  for (const { kind, name, atUs, args } of derived) log.recordAt(kind, category, name, atUs, 0, args);
  return log;
}

interface Findings {
  framesUs: number[];
  /** First series of each counter: time and value, in order. */
  counters: Map<string, [atUs: number, value: number][]>;
  durationsUs: Map<string, number[]>;
  lastUs: number;
}

function scan(batch: EventBatch): Findings {
  const found: Findings = { framesUs: [], counters: new Map(), durationsUs: new Map(), lastUs: 0 };
  const readers = batch.logs.map((log) => new PayloadReader(log.ring));
  for (let i = 0; i < batch.count; i++) {
    const logIndex = batch.logIndexes[i]!;
    const log = batch.logs[logIndex]!;
    const { ring } = log;
    const slot = batch.slots[i]!;
    const startUs = ring.startUs(slot);
    const name = log.text(ring.nameId(slot));
    const kind = ring.kind(slot);
    found.lastUs = Math.max(found.lastUs, startUs);
    if (name === '') continue;
    if (kind === EventKind.complete) {
      add(found.durationsUs, name, ring.durationUs(slot));
    } else if (kind === EventKind.counter) {
      const reader = readers[logIndex]!;
      reader.seek(ring.payloadHalf(slot));
      const word = reader.number();
      if (word >= 0) add(found.counters, name, [startUs, ring.words[word]!]);
    } else if (
      kind === EventKind.instant &&
      name === 'frame' &&
      log.text(ring.categoryId(slot)) === 'frame'
    ) {
      found.framesUs.push(startUs);
    }
  }
  return found;
}

function add<T>(lists: Map<string, T[]>, name: string, item: T): void {
  const list = lists.get(name);
  if (list === undefined) lists.set(name, [item]);
  else list.push(item);
}

function* framesPerSecond(framesUs: readonly number[], windowUs: number): Generator<Derived> {
  let first = 0;
  for (const [i, atUs] of framesUs.entries()) {
    while (framesUs[first]! + windowUs < atUs) first++;
    const fps = ((i - first + 1) * 1_000_000) / windowUs;
    yield { kind: EventKind.counter, name: 'fps', atUs, args: { fps } };
  }
}

function* rates(counters: Findings['counters']): Generator<Derived> {
  for (const [name, points] of counters) {
    for (let i = 1; i < points.length; i++) {
      const [beforeUs, before] = points[i - 1]!;
      const [atUs, value] = points[i]!;
      const perSecond = ((value - before) * 1_000_000) / (atUs - beforeUs);
      if (!Number.isFinite(perSecond)) continue; // two points at one time, or a difference past all numbers
      yield { kind: EventKind.counter, name: `rate(${name})`, atUs, args: { value: perSecond } };
    }
  }
}

/** Percentiles in milliseconds, by rank floor(q * (n - 1)): no interpolation, so equal input gives equal output. */
function* latencies(
  durationsUs: Findings['durationsUs'],
  lastUs: number,
  percentiles: readonly number[],
): Generator<Derived> {
  let order = 0;
  for (const [name, list] of durationsUs) {
    const sorted = Float64Array.from(list).sort();
    const args: Record<string, number> = {};
    for (const percentile of percentiles) {
      args[`p${percentile}`] = sorted[Math.floor((percentile * (sorted.length - 1)) / 100)]! / 1000;
    }
    // Instants of one thread at one time would nest: each comes a nanosecond after the one before.
    order++;
    yield { kind: EventKind.instant, name: `latency(${name})`, atUs: lastUs + order * 0.001, args };
  }
}
