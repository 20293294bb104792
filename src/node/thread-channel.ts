/**
 * What workers tell the main thread, and how it learns that they have ended.
 *
 *     main thread                                       worker
 *     environment data: clock zero, recording? ... ->   starts recording too
 *     channel  <- { thread }, { log }, { heap } ...      (broadcast, the sender's end is closed at once)
 *
 * The environment data reaches workers of workers as well, and a broadcast reaches the main thread from any of them.
 * Nothing of the program's own (`workerData`, `postMessage`, `parentPort`) is touched. A worker's end of the channel is
 * open only while it sends: messages of others would pile up in it.
 *
 * The end of a worker is known to the thread that started it; with it end those that it had started.
 */
import type { MessagePort, Worker } from 'node:worker_threads';
import type { SourceSnapshot } from '../heap/snapshot.js';
import type { ThreadIdentity } from '../recorder/thread-log.js';
import { CHANNEL, fromParent, threadTid, workerThreads } from './threads.js';

/** A message to the main thread: one of these. */
export interface FromWorker {
  /** A worker is there. */
  readonly thread?: { readonly tid: number; readonly parentTid: number };
  /** Its events: once, and when the name changes. */
  readonly log?: {
    readonly identity: ThreadIdentity;
    readonly ring: SharedArrayBuffer;
    readonly strings: SharedArrayBuffer;
  };
  /** Its heap tracer is on; what it runs is told as soon as it is known. */
  readonly heap?: { readonly tid: number; readonly link: SharedArrayBuffer; readonly thread?: string };
  /** Its heaps. */
  readonly snapshot?: {
    readonly tid: number;
    readonly thread: string;
    readonly takenUs: number;
    /** Whether the worker ends. */
    readonly final: boolean;
    readonly sources: readonly SourceSnapshot[];
  };
  /** A worker that the sender had started has ended. */
  readonly ended?: number;
  /** A flush is wanted; or that what is new goes to a file that grows. */
  readonly flush?: 'all' | 'new';
}

/** Sends a message from a worker. */
export function tellMain(message: FromWorker): void {
  const channel = new (workerThreads().BroadcastChannel)(CHANNEL);
  channel.postMessage(message);
  channel.close();
}

/** Announces this worker, and tells of the ends of the workers that it starts. */
export function joinThreads(): void {
  const parentTid = fromParent()?.parentTid;
  if (parentTid === undefined) return;
  tellMain({ thread: { tid: threadTid(), parentTid } });
  onWorkers((worker, tid) => worker.once('exit', () => tellMain({ ended: tid })));
}

/** Calls back for each worker that this thread starts. */
function onWorkers(started: (worker: Worker, tid: number) => void): void {
  process.on('worker', (worker) => started(worker, process.pid + worker.threadId));
}

/** The main thread's end. */
export class ThreadChannel {
  readonly #channel = new (workerThreads().BroadcastChannel)(CHANNEL);
  readonly #parents = new Map<number, number>();
  readonly #receivers: ((message: FromWorker) => void)[] = [];
  readonly #endListeners: ((tid: number) => void)[] = [];
  readonly #startListeners: ((worker: Worker, tid: number) => void)[] = [];

  constructor() {
    this.#channel.onmessage = (event) => this.#receive((event as { data: FromWorker }).data);
    this.#channel.unref();
    onWorkers((worker, tid) => {
      for (const listener of this.#startListeners) listener(worker, tid);
      worker.once('exit', () => {
        this.drain(); // its last words
        this.#ended(tid);
      });
    });
  }

  onMessage(receiver: (message: FromWorker) => void): void {
    this.#receivers.push(receiver);
  }

  /** Calls back for each worker that the main thread itself starts. */
  onStart(listener: (worker: Worker, tid: number) => void): void {
    this.#startListeners.push(listener);
  }

  /** Calls back once for each worker that has ended, whoever started it. */
  onEnd(listener: (tid: number) => void): void {
    this.#endListeners.push(listener);
  }

  /** A worker and all that would end with it. */
  withDescendants(tid: number): number[] {
    const children = [...this.#parents].filter(([, parent]) => parent === tid);
    return [tid, ...children.flatMap(([child]) => this.withDescendants(child))];
  }

  /** Takes all that was sent until now, without a turn of the event loop. */
  drain(): void {
    const receive = workerThreads().receiveMessageOnPort;
    for (;;) {
      const pending = receive(this.#channel as unknown as MessagePort);
      if (pending === undefined) return;
      this.#receive(pending.message as FromWorker);
    }
  }

  #receive(message: FromWorker): void {
    if (message.thread !== undefined) this.#parents.set(message.thread.tid, message.thread.parentTid);
    if (message.ended !== undefined) this.#ended(message.ended);
    for (const receiver of this.#receivers) receiver(message);
  }

  #ended(tid: number): void {
    this.#parents.delete(tid);
    for (const listener of this.#endListeners) listener(tid);
    for (const [child, parent] of [...this.#parents]) if (parent === tid) this.#ended(child);
  }
}
