/**
 * The program's side of `otrace run`: arms everything before the program's first line, writes reports while it runs
 * when asked to, and at its end, whichever way it ends, leaves the trace with its report on disk.
 *
 * The program must not notice. A signal that it does not handle still ends it by that signal; one that it handles
 * is its own business, and the trace is written when it exits.
 */
import { writeFileSync } from 'node:fs';
import { basename } from 'node:path';
import { armHeap } from './arm-heap.js';
import { Checkpoints } from './checkpoints.js';
import type { Instances } from './default-instances.js';
import { MainScope } from './main-scope.js';
import { RUN_PID_VARIABLE, type RunOptions } from './run-options.js';
import { isMainThread } from './threads.js';
import { startTimeline } from './timeline/start.js';

const ENDING_SIGNALS = ['SIGINT', 'SIGTERM', 'SIGHUP'] as const;
const REPORT_SIGNAL = 'SIGUSR2';

export function startRun(instances: Instances, options: RunOptions): void {
  const { trace, exit } = instances;
  trace.enable();
  const timeline = startTimeline(trace, options.timeline);
  exit.before(() => timeline.drain());
  // A worker has a timeline of its own; the heap report is the main thread's.
  if (isMainThread) startReports(instances, options);
}

function startReports(instances: Instances, options: RunOptions): void {
  const { trace, heap, settings, exit } = instances;
  const mainScope = new MainScope();
  mainScope.keep();
  const forked = isFork();
  if (forked) trace.setOutputPath(forkPath(settings.output ?? 'trace.json'));
  trace.setProcessName(basename(process.argv[1] ?? 'node'));
  armHeap(instances, true);
  const report = (): void => {
    heap.report({ top: options.top });
  };
  exit.before(() => {
    heap.report({ top: options.top, final: true });
    mainScope.release();
  });
  exit.last(() => {
    const result = trace.flush();
    if (!forked) writeFileSync(options.resultFile, JSON.stringify(result));
  });
  if (options.reportEverySeconds > 0) setInterval(report, options.reportEverySeconds * 1000).unref();
  else if (options.checkpoints) new Checkpoints(() => heap.checkpoint()).start();
  if (process.platform !== 'win32') {
    process.on(REPORT_SIGNAL, () => {
      report();
      trace.flush();
    });
  }
  for (const signal of ENDING_SIGNALS) endBySignal(signal, () => exit.run());
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

/** A path of its own for a fork, so that its trace does not take the place of the program's. */
function forkPath(path: string): string {
  return path.replace(/(?:%\d*[du])?(\.json)?(\.gz)?$/, `-${process.pid}$1$2`);
}
