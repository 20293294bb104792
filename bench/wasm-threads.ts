/**
 * What a pair of allocation and free costs in a heap that threads share, with 1, 2 and 4 of them at it at once: untouched,
 * and traced with contexts, the blocks of all threads in one ledger.
 *
 *     node --import tsx bench/wasm-threads.ts
 *
 * The allocator is a small one in WebAssembly text with a spin lock, as a program's own would have. Threads need a
 * processor each; the best of some rounds counts, as the time that the slowest thread took for its pairs.
 */
import { once } from 'node:events';
import { availableParallelism } from 'node:os';
import { Worker } from 'node:worker_threads';
import { SHARED_ALLOCATOR } from '../test/sources/wasm/shared-allocator-wat.js';
import { WORKER_PROGRAM } from '../test/sources/wasm/shared-heap-worker-bundle.js';
import { traced } from '../test/sources/wasm/traced.js';
import { assemble } from '../test/sources/wasm/wat.js';

const ROUNDS = 30;
const PAIRS = 200_000;

const ledger = new WebAssembly.Memory({ initial: 1, maximum: 4096, shared: true });
const bytes = assemble(`(module ${SHARED_ALLOCATOR})`);
const untouched = new WebAssembly.Module(bytes);
const { source } = traced({ shared: { memory: ledger, isReporter: true } }, 0);
source.install();
source.arm();
const hooked = new WebAssembly.Module(bytes);

async function measure(module: WebAssembly.Module, threads: number): Promise<number> {
  const memory = new WebAssembly.Memory({ initial: 100, maximum: 1000, shared: true });
  const workers = Array.from(
    { length: threads },
    () => new Worker(WORKER_PROGRAM, { workerData: { ledger, module, memory } }),
  );
  let best = Number.POSITIVE_INFINITY;
  for (let round = 0; round < ROUNDS; round++) {
    const answers = workers.map(async (worker) => {
      worker.postMessage(['pairs', PAIRS]);
      const [{ ns }] = (await once(worker, 'message')) as [{ ns: number }];
      return ns / PAIRS;
    });
    best = Math.min(best, Math.max(...(await Promise.all(answers))));
  }
  await Promise.all(workers.map((worker) => worker.terminate()));
  return best;
}

console.log(`${availableParallelism()} processors`);
for (const threads of [1, 2, 4]) {
  const base = await measure(untouched, threads);
  const traced = await measure(hooked, threads);
  const added = (traced - base).toFixed(1);
  console.log(`${threads} threads: untouched ${base.toFixed(1)} ns a pair, traced +${added} ns`);
}
const { liveBlocks, facts } = source.snapshot();
console.log(`live at the end: ${liveBlocks} blocks, unmatched frees ${facts['unmatched_frees']}`);
