/**
 * How much the heaps of workers hold that say nothing themselves, because they compute and never come back to their
 * event loop: V8 answers for them (`worker.getHeapStatistics`, from Node 22.16 and 24 on), one figure and no stacks.
 *
 * The answer comes in a later turn of this thread, so what is told is from the time before.
 */
import type { Worker } from 'node:worker_threads';

/** What newer Nodes have; `@types/node` does not know of it. */
interface Sized {
  getHeapStatistics?(): Promise<{ readonly used_heap_size: number }>;
}

export class WorkerSizes {
  readonly #workers = new Map<number, Worker & Sized>();
  readonly #bytes = new Map<number, number>();

  started(worker: Worker, tid: number): void {
    this.#workers.set(tid, worker);
  }

  ended(tid: number): void {
    this.#workers.delete(tid);
    this.#bytes.delete(tid);
  }

  /** Has V8 asked about some of them. Never throws. */
  ask(isWanted: (tid: number) => boolean): void {
    for (const [tid, worker] of this.#workers) {
      if (!isWanted(tid)) continue;
      worker.getHeapStatistics?.().then(
        ({ used_heap_size: bytes }) => {
          if (this.#workers.has(tid)) this.#bytes.set(tid, bytes);
        },
        () => {}, // it has not begun, or has ended meanwhile
      );
    }
  }

  /** As it was when V8 last answered; undefined where it did not. */
  bytesOf(tid: number): number | undefined {
    return this.#bytes.get(tid);
  }
}
