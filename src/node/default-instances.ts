/**
 * The process' own recorder and heap tracer, one of each however many copies of the package are loaded (ESM and
 * CommonJS, a global and a local install): the first copy makes them and the others find them by a global symbol.
 */
import { createRequire } from 'node:module';
import { type HeapEvents, heapEvents } from '../heap/heap-events.js';
import type { LabelStorage } from '../heap/labels.js';
import { ReplayEngine } from '../heap/replay-memory.js';
import type { ThreadHeaps } from '../heap/thread-heaps.js';
import { HeapTracer } from '../heap/tracer.js';
import { FileOutput } from '../output/file-output.js';
import { Clock } from '../recorder/clock.js';
import { Recorder, type RecorderParts } from '../recorder/recorder.js';
import { ManualSource } from '../sources/manual.js';
import { armHeap } from './arm-heap.js';
import { GarbageCollection } from './collect-garbage.js';
import { displayPath } from './display-path.js';
import { readSettings, type Settings } from './environment.js';
import { ExitTasks } from './exit.js';
import { HeapPublisher } from './heap-publisher.js';
import { INSTANCES } from './instances-key.js';
import { attachTracking } from './object-tracking.js';
import { ownFrames } from './own-frames.js';
import { SourceMaps } from './source-maps.js';
import { joinThreads, ThreadChannel, tellMain } from './thread-channel.js';
import {
  clockOffsetUs,
  fromParent,
  isMainThread,
  leaveForWorkers,
  threadEnvironment,
  threadName,
  threadTid,
} from './threads.js';
import { say, warn } from './warn.js';
import { WorkerHeaps } from './worker-heaps.js';
import { MainThreadOutput, openSharedLog, WorkerLogs } from './worker-logs.js';

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

/** Characters; the script of a worker may be a `data:` URL. */
const LONGEST_SCRIPT = 200;

export function defaultInstances(): Instances {
  const shared = globalThis as { [INSTANCES]?: Instances };
  shared[INSTANCES] ??= create();
  return shared[INSTANCES];
}

function create(): Instances {
  const settings = readSettings(threadEnvironment(), warn);
  const exit = new ExitTasks();
  let tracer: HeapTracer | undefined;
  const aside: Aside = (work) => (tracer === undefined ? work() : tracer.host.guard.run(work));
  const { trace, heapParts, attached } = isMainThread
    ? mainThread(settings, exit, aside)
    : workerThread(settings, exit);
  if (settings.sampling !== undefined) trace.setSampling(settings.sampling);
  const frames = framePresentation(settings);
  const garbage = new GarbageCollection();
  const heap = new HeapTracer(heapParts.events, {
    collect: () => garbage.run(),
    labels: asyncLabels,
    manual: (host) => new ManualSource(host),
    warn: (line) => say(`${line}\n`),
    mapFrame: frames.mapFrame,
    shortenPath: frames.displayPath,
    ...(heapParts.threads !== undefined && { threads: heapParts.threads }),
    isOwnFrame: frames.isOwnFrame,
    replay: replayEngine(),
    ...(settings.heapShards !== undefined && { shards: settings.heapShards }),
  });
  tracer = heap;
  attached(heap);
  trace.onFlush(() => heap.addPoint());
  if (settings.heapSampling !== undefined) heap.setSampling(settings.heapSampling);
  if (settings.heapStackDepth !== undefined) heap.setStackDepth(settings.heapStackDepth);
  if (settings.enabled === true || fromParent()?.recording[0] === 1) trace.enable();
  const instances: Instances = { trace, heap, settings, exit, frames, hooked: false };
  attachTracking(instances);
  armHeap(instances, false);
  return instances;
}

/** Made before anything hooks `WebAssembly`. Its program is in a bundle of its own, which is parsed when there is much to count. */
function replayEngine(): ReplayEngine | undefined {
  if (typeof WebAssembly !== 'object') return undefined;
  return new ReplayEngine(WebAssembly, (shared) => {
    const load = createRequire(import.meta.url);
    const { replayProgram } = load('../cjs/replay-program.js') as typeof import('../heap/replay-program.js');
    return replayProgram(shared);
  });
}

/** What differs between the main thread and a worker. */
interface ThreadParts {
  readonly trace: Recorder;
  readonly heapParts: { readonly events: HeapEvents; readonly threads?: ThreadHeaps };
  readonly attached: (heap: HeapTracer) => void;
}

type Aside = NonNullable<RecorderParts['aside']>;

/** Loaded with the first label. */
function asyncLabels(): LabelStorage {
  const hooks = createRequire(import.meta.url)('node:async_hooks') as typeof import('node:async_hooks');
  return new hooks.AsyncLocalStorage<string>();
}

/** How often what is new goes to a durable file, in milliseconds: twice in the second that may be lost. */
const DRAIN_EVERY_MS = 500;

function mainThread(settings: Settings, exit: ExitTasks, aside: Aside): ThreadParts {
  let logs: WorkerLogs | undefined;
  const clock = new Clock(performance);
  const heaps = new WorkerHeaps(() => clock.nowUs());
  const trace = new Recorder({
    ...partsOf(settings),
    clock,
    output: new FileOutput(warn),
    otherLogs: () => logs?.read() ?? [],
    forgottenEvents: () => logs?.forgottenEvents ?? 0,
    forgottenRejections: () => logs?.forgottenRejections ?? 0,
    otherBytes: () => logs?.selfBytes ?? 0,
    letGo: (log) => logs?.letGo(log) ?? false,
    repeat: (task) => {
      const timer = setInterval(task, DRAIN_EVERY_MS).unref();
      return () => clearInterval(timer);
    },
    aside,
  });
  if (settings.output !== undefined) setOutput(trace, settings.output);
  trace.onToggle((on) => {
    if (logs === undefined) {
      const channel = new ThreadChannel();
      logs = new WorkerLogs(channel, {
        flush: () => trace.flush(),
        drain: () => trace.drain(),
      });
      heaps.connect(channel);
      exit.last(() => {
        if (trace.hasUnwritten) trace.flush();
      });
    }
    logs.setRecording(on);
  });
  return { trace, heapParts: { events: heapEvents(trace), threads: heaps }, attached: () => {} };
}

function workerThread(settings: Settings, exit: ExitTasks): ThreadParts {
  const left = fromParent();
  const clock = new Clock(performance, clockOffsetUs(left));
  const trace = new Recorder({
    ...partsOf(settings),
    clock,
    output: new MainThreadOutput(),
    openLog: (bytes) => openSharedLog(clock, bytes),
    onPressure: () => tellMain({ flush: 'new' }),
  });
  const events = heapEvents(trace, threadName());
  if (left === undefined) return { trace, heapParts: { events }, attached: () => {} };
  joinThreads();
  leaveForWorkers(left);
  const publisher = new HeapPublisher(scriptText, () => clock.nowUs());
  return {
    trace,
    heapParts: { events: publisher.watch(events) },
    attached: (heap) => publisher.attach(heap, exit),
  };
}

/** What this thread runs. */
function scriptText(): string {
  const script = displayPath(process.cwd())(process.argv[1] ?? '') || '(no script)';
  return script.length > LONGEST_SCRIPT ? `${script.slice(0, LONGEST_SCRIPT)}...` : script;
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
export function isPattern(output: string): boolean {
  return /%0?\d*[du]/.test(output);
}

function setOutput(trace: Recorder, output: string): void {
  if (isPattern(output)) trace.setOutputPattern(output);
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
