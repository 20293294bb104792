/**
 * How one file comes to hold the events of all threads. A worker records into shared memory and announces that memory
 * once; the main thread reads it when it flushes, whether the worker is busy, idle or dead.
 */
import type { Clock } from '../recorder/clock.js';
import { EventRing } from '../recorder/event-ring.js';
import { StringTable } from '../recorder/string-table.js';
import { type ReadableLog, type ThreadIdentity, ThreadLog } from '../recorder/thread-log.js';
import type { FlushResult, TraceOutput } from '../recorder/trace-output.js';
import { SharedStrings } from './shared-strings.js';
import { type FromWorker, type ThreadChannel, tellMain } from './thread-channel.js';
import { clockZeroNs, leaveForWorkers, ownVariables, threadName, threadTid } from './threads.js';

/** Logs of ended workers that are kept; of the ones before only what they had lost is remembered. */
const MAX_ENDED = 64;

/** What workers may ask of the main thread. */
export interface WorkerRequests {
  /** Writes everything. */
  readonly flush: () => void;
  /** Writes what is new to a durable file: a worker's ring is half full of it. */
  readonly drain: () => void;
}

/** The main thread's side. */
export class WorkerLogs {
  readonly #channel: ThreadChannel;
  readonly #recording = new Int32Array(new SharedArrayBuffer(4));
  readonly #logs = new Map<number, WorkerLog>();
  readonly #ended: number[] = [];
  #reading = false;
  /** Events of ended workers whose logs were let go, and values that they had rejected. */
  forgottenEvents = 0;
  forgottenRejections = 0;

  constructor(channel: ThreadChannel, requests: WorkerRequests) {
    this.#channel = channel;
    leaveForWorkers({
      zeroNs: clockZeroNs(),
      recording: this.#recording,
      environment: ownVariables(),
    });
    channel.onMessage((message) => this.#receive(message, requests));
    channel.onEnd((tid) => this.#endedWorker(tid));
  }

  setRecording(on: boolean): void {
    Atomics.store(this.#recording, 0, on ? 1 : 0);
  }

  /** The logs of all workers, as they are now. */
  read(): readonly ReadableLog[] {
    this.#reading = true;
    this.#channel.drain();
    this.#reading = false;
    return [...this.#logs.values()].map((log) => log.freeze());
  }

  /** Memory of the logs, in bytes. */
  get selfBytes(): number {
    let bytes = 0;
    for (const log of this.#logs.values()) bytes += log.selfBytes;
    return bytes;
  }

  /**
   * All of a log that a file had room for is in a file that is only added to.
   *
   * @returns whether it is not kept any longer: its worker has ended, and nothing has come since
   */
  letGo(log: ReadableLog): boolean {
    const at = this.#ended.indexOf(log.identity.tid);
    if (at < 0 || !(log instanceof WorkerLog) || log.written !== log.ring.written) return false;
    this.#ended.splice(at, 1);
    return this.#logs.delete(log.identity.tid);
  }

  #receive({ log, flush }: FromWorker, requests: WorkerRequests): void {
    // While the logs are read a flush is under way, which fulfils the request.
    if (flush !== undefined && !this.#reading)
      setImmediate(flush === 'new' ? requests.drain : requests.flush);
    if (log === undefined) return;
    const known = this.#logs.get(log.identity.tid);
    if (known === undefined) this.#logs.set(log.identity.tid, new WorkerLog(log));
    else known.identity = log.identity;
  }

  #endedWorker(tid: number): void {
    if (!this.#logs.has(tid)) return;
    this.#ended.push(tid);
    if (this.#ended.length <= MAX_ENDED) return;
    const oldest = this.#ended.shift()!;
    this.forgottenEvents += this.#logs.get(oldest)?.written ?? 0;
    this.forgottenRejections += this.#logs.get(oldest)?.ring.rejectedValues ?? 0;
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

  constructor(message: NonNullable<FromWorker['log']>) {
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
  const ring = new SharedArrayBuffer(ringBytes);
  const strings = new SharedStrings();
  const announce = (identity: ThreadIdentity): void => {
    tellMain({ log: { identity: { ...identity }, ring, strings: strings.memory } });
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
    tellMain({ flush: 'all' });
    return { written: false, reason: 'the main thread writes the events of its workers; it was asked to' };
  }
}
