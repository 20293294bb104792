/**
 * Which thread this is, what the main thread left for it, and the clock that all threads share.
 *
 * Not here: what threads send to each other (`thread-channel.ts`).
 */
import { createRequire } from 'node:module';
import type { Serializable } from 'node:worker_threads';
import { CHANNEL, isMainThread } from './main-thread.js';

export { CHANNEL, isMainThread };

/** What a thread that records leaves for the workers that it starts. */
export interface FromParent {
  /** `process.hrtime` at the zero of the process' clock, in nanoseconds. */
  readonly zeroNs: bigint;
  /** [0]: 1 while the main thread records. */
  readonly recording: Int32Array;
  /** The main thread's `OTRACE_*` variables: a worker may have been given an environment of its own. */
  readonly environment: Readonly<Record<string, string>>;
  readonly parentTid: number;
}

export function workerThreads(): typeof import('node:worker_threads') {
  return createRequire(import.meta.url)('node:worker_threads') as typeof import('node:worker_threads');
}

/** The thread id of this thread in a trace: that of the process for the main thread, as on Linux. */
export function threadTid(): number {
  return isMainThread ? process.pid : process.pid + workerThreads().threadId;
}

export function threadName(): string {
  return isMainThread ? 'main' : `worker ${workerThreads().threadId}`;
}

/** What was left for this worker; `undefined` in the main thread, or when that never recorded. */
export function fromParent(): FromParent | undefined {
  if (isMainThread) return undefined;
  return workerThreads().getEnvironmentData(CHANNEL) as unknown as FromParent | undefined;
}

/** Leaves what the main thread said for the workers that this thread starts. */
export function leaveForWorkers(told: Omit<FromParent, 'parentTid'>): void {
  const left: FromParent = { ...told, parentTid: threadTid() };
  workerThreads().setEnvironmentData(CHANNEL, left as unknown as Serializable);
}

/** The environment with the main thread's `OTRACE_*` variables where this thread has none. */
export function threadEnvironment(): Readonly<Record<string, string | undefined>> {
  return isMainThread ? process.env : { ...fromParent()?.environment, ...process.env };
}

/** The variables that are handed on to workers. */
export function ownVariables(): Readonly<Record<string, string>> {
  const own = Object.entries(process.env).filter(([name]) => name.startsWith('OTRACE_'));
  return Object.fromEntries(own) as Record<string, string>;
}

/** What to add to this thread's `performance.now()`, in microseconds, to be on the main thread's clock. */
export function clockOffsetUs(left: FromParent | undefined): number {
  return left === undefined ? 0 : Number(clockZeroNs() - left.zeroNs) / 1000;
}

/**
 * `process.hrtime`, which all threads share, at the zero of this thread's `performance.now()`. A thread may lose the
 * processor between two readings (2.7 ms were seen), so of several pairs the tightest counts.
 */
export function clockZeroNs(): bigint {
  let zeroNs = 0n;
  let tightestMs = Number.POSITIVE_INFINITY;
  for (let i = 0; i < 8; i++) {
    const before = performance.now();
    const nowNs = process.hrtime.bigint();
    const after = performance.now();
    if (after - before >= tightestMs) continue;
    tightestMs = after - before;
    zeroNs = nowNs - BigInt(Math.round(((before + after) / 2) * 1e6));
  }
  return zeroNs;
}
