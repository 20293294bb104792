/**
 * The process' own recorder and heap tracer, one of each however many copies of the package are loaded (ESM and
 * CommonJS, a global and a local install): the first copy makes them and the others find them by a global symbol.
 */
import { heapEvents } from '../heap/heap-events.js';
import { HeapTracer } from '../heap/tracer.js';
import { FileOutput } from '../output/file-output.js';
import { Clock } from '../recorder/clock.js';
import { Recorder, type RecorderParts } from '../recorder/recorder.js';
import { ManualSource } from '../sources/manual.js';
import { armHeap } from './arm-heap.js';
import { displayPath } from './display-path.js';
import { readSettings, type Settings } from './environment.js';
import { ExitTasks } from './exit.js';
import { attachTracking } from './object-tracking.js';
import { ownFrames } from './own-frames.js';
import { SourceMaps } from './source-maps.js';
import {
  clockOffsetUs,
  fromMain,
  isMainThread,
  MainThreadOutput,
  openSharedLog,
  threadName,
  threadTid,
  WorkerLogs,
} from './threads.js';
import { say, warn } from './warn.js';

export interface Instances {
  readonly trace: Recorder;
  readonly heap: HeapTracer;
  readonly settings: Settings;
  readonly exit: ExitTasks;
  readonly frames: FramePresentation;
  /** True once a copy of `otrace/hooks` has attached the sources. */
  hooked: boolean;
}

/** How frames are made readable, for captured stacks and V8's profiles alike. */
export interface FramePresentation {
  readonly mapFrame: SourceMaps['mapFrame'];
  readonly displayPath: (script: string) => string;
  readonly isOwnFrame: (script: string) => boolean;
}

/** The number is that of the shape of `Instances`: copies that differ in it do not share. */
const KEY = Symbol.for('otrace.instances/1');

export function defaultInstances(): Instances {
  const shared = globalThis as { [KEY]?: Instances };
  shared[KEY] ??= create();
  return shared[KEY];
}

function create(): Instances {
  const settings = readSettings(process.env, warn);
  const exit = new ExitTasks();
  const trace = isMainThread ? mainRecorder(settings, exit) : workerRecorder(settings);
  if (settings.sampling !== undefined) trace.setSampling(settings.sampling);
  const frames = framePresentation(settings);
  const heap = new HeapTracer(heapEvents(trace), {
    manual: (host) => new ManualSource(host),
    warn: (line) => say(`${line}\n`),
    mapFrame: frames.mapFrame,
    shortenPath: frames.displayPath,
    ...(settings.heapShards !== undefined && { shards: settings.heapShards }),
  });
  trace.onFlush(() => heap.addPoint());
  if (settings.heapSampling !== undefined) heap.setSampling(settings.heapSampling);
  if (settings.heapStackDepth !== undefined) heap.setStackDepth(settings.heapStackDepth);
  if (settings.enabled === true || fromMain()?.recording[0] === 1) trace.enable();
  const instances: Instances = { trace, heap, settings, exit, frames, hooked: false };
  attachTracking(instances);
  armHeap(instances, false);
  return instances;
}

function mainRecorder(settings: Settings, exit: ExitTasks): Recorder {
  let workers: WorkerLogs | undefined;
  const trace = new Recorder({
    ...partsOf(settings),
    clock: new Clock(performance),
    output: new FileOutput(warn),
    otherLogs: () => workers?.read() ?? [],
    forgottenEvents: () => workers?.forgottenEvents ?? 0,
  });
  if (settings.output !== undefined) setOutput(trace, settings.output);
  trace.onToggle((on) => {
    if (workers === undefined) {
      workers = new WorkerLogs(() => trace.flush());
      exit.last(() => {
        if (trace.hasUnwritten) trace.flush();
      });
    }
    workers.setRecording(on);
  });
  return trace;
}

function workerRecorder(settings: Settings): Recorder {
  const clock = new Clock(performance, clockOffsetUs(fromMain()));
  return new Recorder({
    ...partsOf(settings),
    clock,
    output: new MainThreadOutput(),
    openLog: (bytes) => openSharedLog(clock, bytes),
  });
}

function partsOf(
  settings: Settings,
): Pick<RecorderParts, 'pid' | 'tid' | 'threadName' | 'warn' | 'forbidden'> {
  return {
    pid: process.pid,
    tid: threadTid(),
    threadName: threadName(),
    warn,
    forbidden: settings.enabled === false,
  };
}

/** A path with an index is a pattern of numbered files. */
function setOutput(trace: Recorder, output: string): void {
  if (/%0?\d*[du]/.test(output)) trace.setOutputPattern(output);
  else trace.setOutputPath(output);
}

function framePresentation(settings: Settings): FramePresentation {
  const maps = new SourceMaps();
  return {
    mapFrame: settings.demangle ? (frame) => maps.mapFrame(frame) : (frame) => frame,
    displayPath: displayPath(process.cwd()),
    isOwnFrame: ownFrames(import.meta.url),
  };
}
