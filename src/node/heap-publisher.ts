/**
 * The worker's side of one report for all threads: sends this thread's heaps to the main thread when they are asked
 * for, when the worker ends, and now and then between, so that of a worker that is killed little is missing.
 *
 * A snapshot of the `js` heap forces a collection: between two that nobody asked for lie a second and a hundred times
 * what the last one took, and none is made while nothing was allocated.
 *
 * Not here: what the main thread makes of it (`worker-heaps.ts`).
 */
import { createRequire } from 'node:module';
import { type HeapEvents, LIVE_COUNTER } from '../heap/heap-events.js';
import { SOURCE_NAMES } from '../heap/snapshot.js';
import { largestSites } from '../heap/thread-heaps.js';
import type { HeapTracer } from '../heap/tracer.js';
import { hearBlockedWaits } from './blocked-waits.js';
import type { ExitTasks } from './exit.js';
import { HeapLink } from './heap-link.js';
import { tellMain } from './thread-channel.js';
import { threadTid } from './threads.js';

const TICK_MS = 1000;
/** A snapshot may take this share of a worker's time. */
const SHARE = 1 / 100;
const MAX_SITES = 4096;
/** Snapshots that may wait for the main thread, which may be busy. */
const MAX_UNREAD = 2;
/** Growth of the JavaScript heap that makes a new snapshot worth its time. */
const LEAST_GROWTH = 1.05;
const LEAST_BYTES = 256 * 1024;

export class HeapPublisher {
  readonly #tid = threadTid();
  readonly #link = new HeapLink();
  readonly #thread: () => string;
  readonly #nowUs: () => number;
  readonly #v8 = createRequire(import.meta.url)('node:v8') as typeof import('node:v8');
  #heap: HeapTracer | undefined;
  #started = false;
  #publishing = false;
  #dueUs = 0;
  /** The throttle's countdown at the last snapshot: each allocation counts it down. */
  #left = Number.NaN;
  #usedBytes = 0;

  /** @param thread what this thread runs, as rows show it; not known before its first turn */
  constructor(thread: () => string, nowUs: () => number) {
    this.#thread = thread;
    this.#nowUs = nowUs;
  }

  /** Has the points of the counter seen on their way: they tell when the tracer is on, and what is live. */
  watch(events: HeapEvents): HeapEvents {
    return Object.assign(Object.create(events) as HeapEvents, {
      counter: (name: string, series: Record<string, number>) => {
        events.counter(name, series);
        if (name === LIVE_COUNTER) this.#pointAdded(series);
      },
    });
  }

  /** @param exit is given the last publication as a task */
  attach(heap: HeapTracer, exit: ExitTasks): void {
    this.#heap = heap;
    exit.before(() => {
      if (this.#started) this.#publish(true);
    });
  }

  #pointAdded(series: Readonly<Record<string, number>>): void {
    for (const name of SOURCE_NAMES) this.#link.setLiveBytes(name, series[name] ?? 0);
    if (this.#heap === undefined) return;
    if (!this.#started) this.#start();
    // A worker that never returns to its event loop has no other occasion.
    else if (this.#isDue()) this.#publish(false);
  }

  #start(): void {
    this.#started = true;
    this.#link.aliveUs = this.#nowUs();
    this.#dueUs = this.#link.aliveUs + TICK_MS * 1000;
    const heap = { tid: this.#tid, link: this.#link.memory };
    tellMain({ heap });
    process.nextTick(() => tellMain({ heap: { ...heap, thread: this.#thread() } }));
    this.#link.onAsked(() => this.#answer());
    setInterval(() => this.#tick(), TICK_MS).unref();
    hearBlockedWaits({
      tell: () => this.#tellWhileBlocked(),
      setIdle: (idle) => {
        this.#link.isIdle = idle;
      },
    });
  }

  #tick(): void {
    this.#link.aliveUs = this.#nowUs();
    if (!this.#hasNews()) return;
    if (this.#isDue()) this.#publish(false);
    else this.#heap!.addPoint();
  }

  /** @returns whether there was anything new */
  #tellWhileBlocked(): boolean {
    this.#link.aliveUs = this.#nowUs();
    if (this.#link.isAsked) this.#answer();
    else if (!this.#hasNews()) return false;
    else if (this.#isDue()) this.#publish(false);
    return true;
  }

  /** Whether anything was allocated since the last snapshot that is worth another. */
  #hasNews(): boolean {
    if (this.#publishing) return false;
    if (this.#heap!.host.throttle.left !== this.#left) return true;
    const usedBytes = this.#v8.getHeapStatistics().used_heap_size;
    return (
      usedBytes > this.#usedBytes * LEAST_GROWTH + LEAST_BYTES || usedBytes * LEAST_GROWTH < this.#usedBytes
    );
  }

  #isDue(): boolean {
    return !this.#publishing && this.#nowUs() >= this.#dueUs && this.#link.unread < MAX_UNREAD;
  }

  /** Fulfils all that was asked until now, by one snapshot. */
  #answer(): void {
    if (this.#publishing) return;
    const { number, wantsSnapshot } = this.#link.accept();
    this.#link.aliveUs = this.#nowUs();
    if (wantsSnapshot) this.#publish(false);
    else this.#heap!.addPoint();
    this.#link.answer(number);
  }

  #publish(final: boolean): void {
    this.#publishing = true;
    try {
      const startUs = this.#nowUs();
      const { takenUs, sources } = this.#heap!.snapshot({ final });
      const bounded = sources.map((source) => largestSites(source, MAX_SITES));
      tellMain({ snapshot: { tid: this.#tid, thread: this.#thread(), takenUs, final, sources: bounded } });
      this.#link.sent();
      this.#heap!.addPoint();
      const tookUs = this.#nowUs() - startUs;
      this.#link.snapshotMs = tookUs / 1000;
      this.#dueUs = this.#nowUs() + Math.max(TICK_MS * 1000, tookUs / SHARE);
      this.#usedBytes = this.#v8.getHeapStatistics().used_heap_size;
      this.#left = this.#heap!.host.throttle.left;
    } finally {
      this.#publishing = false;
    }
  }
}
