/**
 * A program under load for as long as one likes, and what otrace takes meanwhile: its memory, its files, and how far
 * the live bytes it tells are off the truth. The load is hard on what has to stay bounded: names and keys that are
 * made up, functions made at run time, texts of all lengths, workers that come and go.
 */
import { readdirSync, statSync } from 'node:fs';
import { join } from 'node:path';
import { Worker } from 'node:worker_threads';
import type { HeapTracer } from '../../src/heap/tracer.js';
import type { Recorder } from '../../src/recorder/recorder.js';
import { seeded } from '../recorder/rig.js';

export const SOAK_LIMITS = { durable: true, maxBytes: 1024 * 1024, maxFiles: 4 } as const;

export interface SoakSample {
  readonly second: number;
  /** What otrace says it holds. */
  readonly selfBytes: number;
  readonly diskBytes: number;
  /** What the tracer says is live in heap `manual`, less what is. */
  readonly driftBytes: number;
  readonly heapUsedBytes: number;
  readonly rssBytes: number;
  readonly operations: number;
}

export interface SoakOptions {
  readonly trace: Recorder;
  readonly heap: HeapTracer;
  /** Where the files go; empty. */
  readonly folder: string;
  readonly seconds: number;
  /** Module that a worker runs: it records and ends. */
  readonly workerProgram?: string;
  readonly onSample?: (sample: SoakSample) => void;
}

const MOST_LIVE = 20_000;

export async function soak(options: SoakOptions): Promise<readonly SoakSample[]> {
  const { trace, heap, folder, seconds } = options;
  trace.setOutputPattern(join(folder, 'soak-%d.json'), SOAK_LIMITS);
  trace.enable();
  heap.enable(['manual']);
  heap.setSampling(0.05);
  const load = new Load(trace, heap);
  const samples: SoakSample[] = [];
  const start = performance.now();
  for (let second = 1; second <= seconds; second++) {
    while (performance.now() - start < second * 1000) {
      load.step();
      await new Promise((resolve) => setTimeout(resolve, 2));
    }
    if (options.workerProgram !== undefined && second % 5 === 1) runWorker(options.workerProgram);
    if (second % 10 === 0) heap.report();
    const sample = sampleOf(second, heap, folder, load);
    samples.push(sample);
    options.onSample?.(sample);
  }
  heap.disable();
  trace.disable();
  trace.flush();
  return samples;
}

class Load {
  liveBytes = 0;
  operations = 0;
  readonly #trace: Recorder;
  readonly #heap: HeapTracer;
  readonly #random = seeded(7);
  readonly #sizes = new Map<number, number>();
  #key = 0;

  constructor(trace: Recorder, heap: HeapTracer) {
    this.#trace = trace;
    this.#heap = heap;
  }

  /** A few hundred operations, in one turn of the event loop. */
  step(): void {
    for (let i = 0; i < 200; i++) this.#operation();
    for (let i = 0; i < 20; i++) {
      this.#trace.instant(`request ${this.operations}, ${i}`, { [`key ${(this.operations + i) % 5000}`]: 1 });
    }
    if (this.operations % 2000 !== 0) return;
    // A function of its own each time: a call site of its own.
    const alloc = new Function('heap', 'key', `heap.alloc(key, 64); return ${this.operations};`);
    alloc(this.#heap, ++this.#key);
    this.#note(this.#key, 64);
  }

  #operation(): void {
    this.operations++;
    const choice = this.#random();
    if (choice < 0.3) {
      const bytes = Math.floor(this.#random() * 10_000);
      this.#heap.alloc(++this.#key, bytes);
      this.#note(this.#key, bytes);
    } else if (choice < 0.6) {
      this.#freeOldest();
    } else if (choice < 0.8) {
      this.#trace.instant('event', { n: this.operations, text: 'x'.repeat(this.#random() * 200) });
    } else if (choice < 0.95) {
      const scope = this.#trace.scope('work');
      this.#trace.counter('queue', this.#sizes.size);
      scope.end();
    } else {
      this.#trace.scope('async work', () => new Promise<void>((resolve) => setTimeout(resolve, 20)));
    }
    if (this.#sizes.size > MOST_LIVE) this.#freeOldest();
  }

  #note(key: number, bytes: number): void {
    this.liveBytes += bytes - (this.#sizes.get(key) ?? 0);
    this.#sizes.set(key, bytes);
  }

  #freeOldest(): void {
    for (const [key, bytes] of this.#sizes) {
      this.#heap.free(key);
      this.#sizes.delete(key);
      this.liveBytes -= bytes;
      return;
    }
  }
}

function runWorker(program: string): void {
  const worker = new Worker(program);
  setTimeout(() => worker.terminate(), 500);
}

function sampleOf(second: number, heap: HeapTracer, folder: string, load: Load): SoakSample {
  const snapshot = heap.snapshot();
  const told = snapshot.sources.find(({ source }) => source === 'manual')!.liveBytes;
  const diskBytes = readdirSync(folder).reduce((sum, name) => sum + statSync(join(folder, name)).size, 0);
  const { heapUsed, rss } = process.memoryUsage();
  return {
    second,
    selfBytes: snapshot.selfBytes ?? 0,
    diskBytes,
    driftBytes: told - load.liveBytes,
    heapUsedBytes: heapUsed,
    rssBytes: rss,
    operations: load.operations,
  };
}
