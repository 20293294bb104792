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
import { createRequire } from 'node:module';
import type { MessagePort, Serializable } from 'node:worker_threads';
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

/** What a worker asks for: all of a file, or that what is new goes to a file that grows. */
interface Flush {
  readonly flush: true | 'new';
}

function workerThreads(): typeof import('node:worker_threads') {
  return createRequire(import.meta.url)('node:worker_threads') as typeof import('node:worker_threads');
}

/**
 * Whether this is the main thread, without loading `node:worker_threads`, which takes milliseconds: what a worker may
 * not do, Node has put a function in the place of that carries this mark.
 */
export const isMainThread = (process.chdir as { disabled?: boolean }).disabled !== true;

/** The thread id of this thread in a trace: that of the process for the main thread, as on Linux. */
export function threadTid(): number {
  return isMainThread ? process.pid : process.pid + workerThreads().threadId;
}

export function threadName(): string {
  return isMainThread ? 'main' : `worker ${workerThreads().threadId}`;
}

/** What the main thread left for this worker; `undefined` in the main thread, or when it never recorded. */
export function fromMain(): FromMain | undefined {
  if (isMainThread) return undefined;
  return workerThreads().getEnvironmentData(CHANNEL) as unknown as FromMain | undefined;
}

/** What to add to this thread's `performance.now()`, in microseconds, to be on the main thread's clock. */
export function clockOffsetUs(main: FromMain | undefined): number {
  return main === undefined ? 0 : Number(clockZeroNs() - main.zeroNs) / 1000;
}

/**
 * `process.hrtime`, which all threads share, at the zero of this thread's `performance.now()`. A thread may lose the
 * processor between two readings (2.7 ms were seen), so of several pairs the tightest counts.
 */
function clockZeroNs(): bigint {
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

/** The main thread's side. */
export class WorkerLogs {
  readonly #channel = new (workerThreads().BroadcastChannel)(CHANNEL);
  readonly #recording = new Int32Array(new SharedArrayBuffer(4));
  readonly #logs = new Map<number, WorkerLog>();
  readonly #ended: number[] = [];
  /** Events of ended workers whose logs were let go. */
  forgottenEvents = 0;

  /**
   * @param onFlush called when a worker asks for a flush
   * @param onPressure called when a worker's ring is half full of what is new to a durable file
   */
  constructor(onFlush: () => void, onPressure: () => void = () => {}) {
    const told: FromMain = { zeroNs: clockZeroNs(), recording: this.#recording };
    workerThreads().setEnvironmentData(CHANNEL, told as unknown as Serializable);
    this.#channel.onmessage = (event) => {
      const message = (event as { data: FromWorker | Flush }).data;
      this.#receive(message, 'flush' in message && message.flush === 'new' ? onPressure : onFlush);
    };
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
    const receive = workerThreads().receiveMessageOnPort;
    for (;;) {
      const pending = receive(this.#channel as unknown as MessagePort);
      if (pending === undefined) break;
      // A flush is under way already: requests for one are fulfilled by it.
      this.#receive(pending.message as FromWorker | Flush, () => {});
    }
    return [...this.#logs.values()].map((log) => log.freeze());
  }

  /** Memory of the logs, in bytes. */
  get selfBytes(): number {
    let bytes = 0;
    for (const log of this.#logs.values()) bytes += log.selfBytes;
    return bytes;
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

  get selfBytes(): number {
    const copy = this.ring === this.#shared ? 0 : this.ring.words.byteLength;
    return this.#shared.words.byteLength + copy + this.#strings.memory.byteLength;
  }

  freeze(): this {
    // A ring that is as it was is not copied again: what grows is read twice a second.
    if (this.ring !== this.#shared && this.ring.written === this.#shared.written) return this;
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
  const channel = new (workerThreads().BroadcastChannel)(CHANNEL);
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

/** Asks the main thread to write what is new, before this worker overwrites it. */
export function askForDrain(): void {
  ask('new');
}

function ask(flush: Flush['flush']): void {
  const channel = new (workerThreads().BroadcastChannel)(CHANNEL);
  const request: Flush = { flush };
  channel.postMessage(request);
  channel.close();
}

/** A worker's output: it has no file; its events are written by the main thread, which is asked to do so. */
export class MainThreadOutput implements TraceOutput {
  readonly incremental = false;

  setPath(): void {}

  setPattern(): void {}

  write(): FlushResult {
    ask(true);
    return { written: false, reason: 'the main thread writes the events of its workers; it was asked to' };
  }
}
