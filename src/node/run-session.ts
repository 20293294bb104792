/**
 * The program's side of `otrace run`: arms everything before the program's first line, writes reports while it runs
 * when asked to, and at its end, whichever way it ends, leaves the trace with its report on disk.
 *
 * The program must not notice. A signal that it does not handle still ends it by that signal; one that it handles
 * is its own business, and the trace is written when it exits.
 */
import { writeFileSync } from 'node:fs';
import { basename, dirname, join, resolve } from 'node:path';
import { fileURLToPath } from 'node:url';
import type { FlushResult } from '../recorder/trace-output.js';
import { armHeap } from './arm-heap.js';
import { Checkpoints } from './checkpoints.js';
import { type Instances, isPattern } from './default-instances.js';
import { leaveFatalReport } from './fatal-report.js';
import { HeapLimit } from './heap-limit.js';
import { MainScope } from './main-scope.js';
import { CHILD_RESULT, RUN_PID_VARIABLE, type RunOptions } from './run-options.js';
import { isMainThread } from './threads.js';
import { startTimeline } from './timeline/start.js';
import { preloadWorkers } from './worker-preload.js';

const ENDING_SIGNALS = ['SIGINT', 'SIGTERM', 'SIGHUP'] as const;
const REPORT_SIGNAL = 'SIGUSR2';
/** The bundle that this is part of when `otrace run` preloads the hooks, and what it preloads. */
const BUNDLE = 'attach.js';
const PRELOADED = 'hooks.js';

export function startRun(instances: Instances, options: RunOptions): void {
  const { trace, exit } = instances;
  if (isMainThread) setDurableOutput(instances, options);
  trace.enable();
  const bundle = fileURLToPath(import.meta.url);
  if (basename(bundle) === BUNDLE) preloadWorkers(join(dirname(bundle), PRELOADED));
  const timeline = startTimeline(trace, options);
  exit.before(() => timeline.drain());
  const mainScope = new MainScope();
  mainScope.keep();
  armHeap(instances, true);
  // A worker has a timeline of its own and sends its heaps to the main thread, which reports for all.
  if (isMainThread) startReports(instances, options);
  exit.before(() => {
    mainScope.release();
  });
}

function startReports(instances: Instances, options: RunOptions): void {
  const { trace, heap, exit } = instances;
  const forked = isFork();
  trace.setProcessName(basename(process.argv[1] ?? 'node'));
  if (options.retainers) heap.mark();
  const report = (): void => {
    heap.report({ top: options.top });
    trace.drain();
  };
  const checkpoint = (collect: boolean): void => {
    heap.checkpoint({ collect });
    if (collect) trace.drain();
  };
  if (!forked) leaveFatalReport(options.resultFile);
  const limit = new HeapLimit(report);
  exit.before(() => {
    limit.stop();
    heap.report({ top: options.top, final: true, retainers: options.retainers });
  });
  exit.last(() => {
    const result = trace.flush();
    leaveResult(forked ? childResultFile(options.resultFile) : options.resultFile, result);
  });
  if (options.reportEverySeconds > 0) setInterval(report, options.reportEverySeconds * 1000).unref();
  else if (options.checkpoints) new Checkpoints(checkpoint).start();
  if (process.platform !== 'win32') {
    process.on(REPORT_SIGNAL, () => {
      report();
      trace.flush();
    });
  }
  for (const signal of ENDING_SIGNALS) endBySignal(signal, () => exit.run());
}

/** What is recorded is on disk within a second, since nobody knows how the program will end. */
function setDurableOutput({ trace, settings }: Instances, options: RunOptions): void {
  const path = settings.output ?? 'trace.json';
  const maxBytes = options.maxFileBytes;
  if (isFork()) {
    const own = forkPath(path);
    trace.setOutputPath(own, { durable: true, maxBytes });
    // For one that is killed this stands.
    leaveResult(childResultFile(options.resultFile), { written: true, path: own, events: 0, bytes: 0 });
  } else if (isPattern(path)) trace.setOutputPattern(path, { durable: true });
  else trace.setOutputPath(path, { durable: true, maxBytes });
}

/** Runs `finish` before a signal ends the process, and lets it end the process where nobody else handles it. */
function endBySignal(signal: NodeJS.Signals, finish: () => void): void {
  const listener = (): void => {
    if (process.listenerCount(signal) > 1) return;
    finish();
    // Without a listener the signal has its default effect again.
    process.removeListener(signal, listener);
    process.kill(process.pid, signal);
  };
  process.on(signal, listener);
}

/** Whether this is a process that the program forked: it inherits the preload and the variables. */
function isFork(): boolean {
  const first = process.env[RUN_PID_VARIABLE];
  process.env[RUN_PID_VARIABLE] ??= String(process.pid);
  return first !== undefined && first !== String(process.pid);
}

function leaveResult(file: string, result: FlushResult): void {
  const found = result.written ? { ...result, path: resolve(result.path) } : result;
  try {
    writeFileSync(file, JSON.stringify(found));
  } catch {
    // Who waited for it is gone: a fork may live longer than the run.
  }
}

/** Where a fork leaves its result: beside that of the program. */
function childResultFile(resultFile: string): string {
  return join(dirname(resultFile), `${CHILD_RESULT}${process.pid}.json`);
}

/** A path of its own for a fork, so that its trace does not take the place of the program's. */
function forkPath(path: string): string {
  return path.replace(/(?:%\d*[du])?(\.json)?(\.gz)?$/, `-${process.pid}$1$2`);
}
