/**
 * How one file comes to hold all threads. A worker records into shared memory and announces that memory once, on a
 * broadcast channel; the main thread reads it when it flushes, whether the worker is busy, idle or dead.
 *
 *     main thread                                   worker
 *     environment data: clock zero, recording? ->   starts recording too
 *     channel  <- { ring memory, string memory, name }   (once, and when the name changes)
 *
 * The environment data reaches workers of workers as well. Nothing of the program's own (`workerData`, `postMessage`,
 * `parentPort`) is touched.
 */
import * as workers from 'node:worker_threads';
import type { Clock } from '../recorder/clock.js';
import { EventRing } from '../recorder/event-ring.js';
import type { FlushResult, TraceOutput } from '../recorder/recorder.js';
import { StringTable } from '../recorder/string-table.js';
import { type ReadableLog, type ThreadIdentity, ThreadLog } from '../recorder/thread-log.js';
import { SharedStrings } from './shared-strings.js';

const CHANNEL = 'otrace/1';
/** Logs of ended workers that are kept; of the ones before only the number of events is remembered. */
const MAX_ENDED = 64;

/** What the main thread tells the workers that start after it began to record. */
interface FromMain {
  /** `process.hrtime` at the zero of the process' clock, in nanoseconds. */
  readonly zeroNs: bigint;
  /** [0]: 1 while the main thread records. */
  readonly recording: Int32Array;
}

/** What a worker announces. */
interface FromWorker {
  readonly identity: ThreadIdentity;
  readonly ring: SharedArrayBuffer;
  readonly strings: SharedArrayBuffer;
}

interface Flush {
  readonly flush: true;
}

export const isMainThread = workers.isMainThread;

/** The thread id of this thread in a trace: that of the process for the main thread, as on Linux. */
export function threadTid(): number {
  return process.pid + workers.threadId;
}

export function threadName(): string {
  return workers.isMainThread ? 'main' : `worker ${workers.threadId}`;
}

/** What the main thread left for this worker; `undefined` in the main thread, or when it never recorded. */
export function fromMain(): FromMain | undefined {
  if (workers.isMainThread) return undefined;
  return workers.getEnvironmentData(CHANNEL) as unknown as FromMain | undefined;
}

/** What to add to this thread's `performance.now()`, in microseconds, to be on the main thread's clock. */
export function clockOffsetUs(main: FromMain | undefined): number {
  if (main === undefined) return 0;
  return Number(process.hrtime.bigint() - main.zeroNs) / 1000 - performance.now() * 1000;
}

/** The main thread's side. */
export class WorkerLogs {
  readonly #channel = new workers.BroadcastChannel(CHANNEL);
  readonly #recording = new Int32Array(new SharedArrayBuffer(4));
  readonly #logs = new Map<number, WorkerLog>();
  readonly #ended: number[] = [];
  /** Events of ended workers whose logs were let go. */
  forgottenEvents = 0;

  /** @param onFlush called when a worker asks for a flush */
  constructor(onFlush: () => void) {
    const zeroNs = process.hrtime.bigint() - BigInt(Math.round(performance.now() * 1e6));
    const told: FromMain = { zeroNs, recording: this.#recording };
    workers.setEnvironmentData(CHANNEL, told as unknown as workers.Serializable);
    this.#channel.onmessage = (event) => this.#receive((event as { data: FromWorker | Flush }).data, onFlush);
    this.#channel.unref();
    process.on('worker', (worker) => {
      const tid = process.pid + worker.threadId;
      worker.once('exit', () => this.#endedWorker(tid));
    });
  }

  setRecording(on: boolean): void {
    Atomics.store(this.#recording, 0, on ? 1 : 0);
  }

  /** The logs of all workers, as they are now. */
  read(): readonly ReadableLog[] {
    for (;;) {
      const pending = workers.receiveMessageOnPort(this.#channel as unknown as workers.MessagePort);
      if (pending === undefined) break;
      // A flush is under way already: requests for one are fulfilled by it.
      this.#receive(pending.message as FromWorker | Flush, () => {});
    }
    return [...this.#logs.values()].map((log) => log.freeze());
  }

  #receive(message: FromWorker | Flush, onFlush: () => void): void {
    if ('flush' in message) {
      onFlush();
      return;
    }
    const known = this.#logs.get(message.identity.tid);
    if (known === undefined) this.#logs.set(message.identity.tid, new WorkerLog(message));
    else known.identity = message.identity;
  }

  #endedWorker(tid: number): void {
    this.#ended.push(tid);
    if (this.#ended.length <= MAX_ENDED) return;
    const oldest = this.#ended.shift()!;
    this.forgottenEvents += this.#logs.get(oldest)?.written ?? 0;
    this.#logs.delete(oldest);
  }
}

/** A worker's memory, and a copy of it to read from that the worker can't overwrite meanwhile. */
class WorkerLog implements ReadableLog {
  identity: ThreadIdentity;
  ring: EventRing;
  readonly #shared: EventRing;
  readonly #strings: SharedStrings;
  #texts: readonly string[] = [];

  constructor(message: FromWorker) {
    this.identity = message.identity;
    this.#shared = new EventRing(message.ring);
    this.ring = this.#shared;
    this.#strings = new SharedStrings(message.strings);
  }

  get written(): number {
    return this.#shared.written;
  }

  freeze(): this {
    this.ring = this.#shared.copy();
    this.#texts = this.#strings.read();
    return this;
  }

  text(id: number): string {
    return this.#texts[id] ?? '';
  }

  spill(): undefined {
    return undefined;
  }
}

/** The worker's side: a log in shared memory, announced to the main thread. */
export function openSharedLog(clock: Clock, ringBytes: number): ThreadLog {
  const channel = new workers.BroadcastChannel(CHANNEL);
  channel.unref();
  const ring = new SharedArrayBuffer(ringBytes);
  const strings = new SharedStrings();
  const announce = (identity: ThreadIdentity): void => {
    const message: FromWorker = { identity: { ...identity }, ring, strings: strings.memory };
    channel.postMessage(message);
  };
  const identity = announced({ tid: threadTid(), name: threadName(), sortIndex: 0 }, announce);
  announce(identity);
  return new ThreadLog(identity, clock, ring, new StringTable((text) => strings.add(text)), false);
}

/** An identity whose changes are announced. */
function announced(identity: ThreadIdentity, announce: (identity: ThreadIdentity) => void): ThreadIdentity {
  return new Proxy(identity, {
    set(target, key, value): boolean {
      const done = Reflect.set(target, key, value);
      announce(target);
      return done;
    },
  });
}

/** A worker's output: it has no file; its events are written by the main thread, which is asked to do so. */
export class MainThreadOutput implements TraceOutput {
  readonly incremental = false;

  setPath(): void {}

  setPattern(): void {}

  write(): FlushResult {
    const channel = new workers.BroadcastChannel(CHANNEL);
    const request: Flush = { flush: true };
    channel.postMessage(request);
    channel.close();
    return { written: false, reason: 'the main thread writes the events of its workers; it was asked to' };
  }
}
