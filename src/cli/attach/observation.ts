/**
 * The time between attaching and detaching: samples, takes profiles at intervals, writes reports into a recorder of
 * our own, and ends when the time is over, when the user has had enough, or when the target goes away.
 *
 * A Node process that ends waits for its debuggers to leave, and says so: its last profile is taken then.
 */
import { setTimeout as sleep } from 'node:timers/promises';
import { OtraceError } from '../../errors.js';
import type { HeapTracer } from '../../heap/tracer.js';
import { checkpointPauseMs, FIRST_CHECKPOINT_MS } from '../../node/checkpoints.js';
import type { Recorder } from '../../recorder/recorder.js';
import type { RemoteV8Source } from '../../sources/v8/remote-source.js';
import type { AttachedThreads } from './attached-threads.js';
import type { Connection } from './connection.js';

export interface Observed {
  readonly connection: Connection;
  /** Watches that connection. */
  readonly ending: Ending;
  readonly source: RemoteV8Source;
  readonly threads: AttachedThreads;
  readonly trace: Recorder;
  /** Has the source attached. */
  readonly heap: HeapTracer;
}

export interface Pace {
  readonly forMs: number;
  /** Time between reports; 0 for one at the end, and checkpoints in between from which it tells what has grown. */
  readonly reportEveryMs: number;
  /** Groups in each report. */
  readonly top: number;
}

/** Why an observation ended: its time was over, a signal came, the target ended and let us look, or it is gone. */
export type End = 'over' | 'interrupted' | 'target-ended' | 'target-gone';

export interface Outcome {
  readonly end: End;
  /** Whether there is a report. */
  readonly reported: boolean;
}

const COUNTER_EVERY_MS = 1_000;
/**
 * Checkpoints may take one part in so many of the time. It is the time that the main thread stands still; with V8's
 * helper threads a full collection takes three or four times that of the processors, which is why they are no closer
 * than a verdict needs: `LOOKS` while the observation lasts, if that is not for long.
 */
const BUDGET = 50;
const LOOKS = 20;
const LEAST_PAUSE_MS = 1_000;
const MOST_PAUSE_MS = 3_000;
const SIGNALS = ['SIGINT', 'SIGTERM', 'SIGHUP'] as const;

/**
 * @param onBegun called when sampling has begun
 * @throws OtraceError `OTRACE_ATTACH` when it can't
 */
export async function observe(observed: Observed, pace: Pace, onBegun: () => void): Promise<Outcome> {
  const { connection, ending, source, threads, heap } = observed;
  try {
    await source.start();
  } catch (error) {
    if (connection.isClosing) return { end: 'target-gone', reported: false };
    throw new OtraceError('OTRACE_ATTACH', `sampling could not begin (${(error as Error).message})`);
  }
  heap.enable(['js']);
  onBegun();
  const counting = setInterval(() => void count(observed), COUNTER_EVERY_MS);
  const { reportEveryMs, forMs, top } = pace;
  const leastPauseMs = Math.min(MOST_PAUSE_MS, Math.max(LEAST_PAUSE_MS, forMs / LOOKS));
  const beganMs = performance.now();
  let profiled = false;
  try {
    let pauseMs = reportEveryMs || FIRST_CHECKPOINT_MS;
    for (;;) {
      const leftMs = forMs - (performance.now() - beganMs);
      const end = await ending.within(Math.min(pauseMs, leftMs));
      if (end === 'target-gone') break;
      const isOver = end !== undefined || pauseMs >= leftMs;
      const startMs = performance.now();
      const isReport = isOver || reportEveryMs > 0;
      await Promise.all([source.refresh(isReport), threads.refresh(isReport)]);
      profiled = true;
      if (isReport) heap.report({ top, final: isOver });
      else heap.checkpoint();
      if (isOver) return { end: end ?? 'over', reported: true };
      await Promise.all([source.widen(), threads.widen()]);
      const tookMs = Math.max(source.profileMs, threads.profileMs);
      pauseMs = reportEveryMs || checkpointPauseMs(startMs - beganMs, tookMs, BUDGET, leastPauseMs);
    }
  } catch (error) {
    if (!connection.isClosing) throw error;
  } finally {
    clearInterval(counting);
  }
  // Gone, and the last profile is all there is.
  if (profiled) heap.report({ top, final: true });
  return { end: 'target-gone', reported: profiled };
}

/** What the target's heap takes, garbage included. */
async function count({ connection, trace }: Observed): Promise<void> {
  try {
    const usage = (await connection.post('Runtime.getHeapUsage')) as { usedSize: number; totalSize: number };
    trace.category('heap').counter('js_heap_bytes', { used: usage.usedSize, committed: usage.totalSize });
  } catch {
    // The observation itself finds out that the target is gone.
  }
}

/**
 * What may end an observation before its time. Made first of all, so that a Ctrl-C at any moment leaves the target as
 * it should be left.
 */
export class Ending {
  #end: End | undefined;
  readonly #happened: Promise<void>;
  #resolve: () => void = () => {};
  readonly #interrupt = (): void => this.#endBy('interrupted');

  constructor() {
    this.#happened = new Promise((resolve) => {
      this.#resolve = resolve;
    });
    for (const signal of SIGNALS) process.once(signal, this.#interrupt);
  }

  /** Sees from now on that the target ends, and makes a Node process wait for us then. */
  watch(connection: Connection): void {
    connection.on('NodeRuntime.waitingForDisconnect', () => this.#endBy('target-ended'));
    void connection.closed.then(() => this.#endBy('target-gone'));
    // A page has no such command, and none is needed: it does not wait.
    connection.post('NodeRuntime.notifyWhenWaitingForDisconnect', { enabled: true }).catch(() => {});
  }

  /** Waits so long at most; undefined when nothing happened. */
  async within(ms: number): Promise<End | undefined> {
    const timer = new AbortController();
    await Promise.race([
      this.#happened,
      sleep(Math.max(0, ms), undefined, { signal: timer.signal }).catch(() => {}),
    ]);
    timer.abort();
    return this.#end;
  }

  /** Signals have their ordinary effect again. */
  forget(): void {
    for (const signal of SIGNALS) process.removeListener(signal, this.#interrupt);
  }

  #endBy(end: End): void {
    this.#end ??= end;
    this.#resolve();
  }
}
