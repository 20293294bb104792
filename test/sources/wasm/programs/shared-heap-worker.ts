/** A worker of shared-heap.test.ts and bench/wasm-threads.ts: traces, and does what it is told in a shared heap. */
import { parentPort, workerData } from 'node:worker_threads';
import { traced } from '../traced.js';

interface Given {
  readonly ledger: WebAssembly.Memory | undefined;
  readonly module: WebAssembly.Module;
  readonly memory: WebAssembly.Memory;
}

const { ledger, module, memory } = workerData as Given;
const shared = ledger === undefined ? {} : { shared: { memory: ledger, isReporter: false } };
const { source, warnings } = traced(shared);
source.install();
source.arm();
const { exports } = new WebAssembly.Instance(module, { env: { memory } });
const api = exports as Record<string, (...values: number[]) => number>;

parentPort!.on('message', ([name, ...values]: [string, ...number[]]) => {
  function inWorker(): number {
    return api[name]!(...values);
  }
  const start = process.hrtime.bigint();
  const result = inWorker();
  const ns = Number(process.hrtime.bigint() - start);
  const { liveBlocks, facts } = source.snapshot();
  parentPort!.postMessage({ result, ns, liveBlocks, unmatched: facts['unmatched_frees'], warnings });
});
