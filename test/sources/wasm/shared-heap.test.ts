// A heap in a memory that threads share is counted once, whoever allocates and frees.
import assert from 'node:assert/strict';
import { once } from 'node:events';
import { after, describe, test } from 'node:test';
import { Worker } from 'node:worker_threads';
import { SHARED_ALLOCATOR } from './shared-allocator-wat.js';
import { WORKER_PROGRAM } from './shared-heap-worker-bundle.js';
import { growth, traced } from './traced.js';
import { assemble } from './wat.js';

const ledger = new WebAssembly.Memory({ initial: 1, maximum: 4096, shared: true });
const { source, warnings } = traced({ shared: { memory: ledger, isReporter: true } });
source.install();
source.arm();

type Api = Record<string, (...values: number[]) => number>;
const module = new WebAssembly.Module(assemble(`(module ${SHARED_ALLOCATOR})`));
const newMemory = (): WebAssembly.Memory =>
  new WebAssembly.Memory({ initial: 100, maximum: 1000, shared: true });

interface Answer {
  readonly result: number;
  readonly liveBlocks: number;
  readonly unmatched: string;
  readonly warnings: readonly string[];
}

const workers: Worker[] = [];
after(() => Promise.all(workers.map((worker) => worker.terminate())));

function start(memory: WebAssembly.Memory): (...order: (string | number)[]) => Promise<Answer> {
  const worker = new Worker(WORKER_PROGRAM, { workerData: { ledger, module, memory } });
  workers.push(worker);
  return async (...order) => {
    worker.postMessage(order);
    const [answer] = (await once(worker, 'message')) as [Answer];
    assert.deepEqual(answer.warnings, []);
    return answer;
  };
}

describe('a heap in shared memory', () => {
  const memory = newMemory();
  const api = new WebAssembly.Instance(module, { env: { memory } }).exports as Api;

  test('is seen by the thread that reports, whoever allocates', async () => {
    const inWorker = start(memory);
    const before = source.snapshot();
    const mine = api['malloc']!(100);
    const theirs = (await inWorker('malloc', 200)).result;
    assert.notEqual(mine, theirs);
    const { blocks, bytes, sites } = growth(before, source.snapshot());
    assert.deepEqual([blocks, bytes], [2, 300]);
    assert.match(sites[0]!.stack, /^inWorker \(/, 'the stack that the worker captured');
    api['free']!(theirs);
    const { liveBlocks, unmatched } = await inWorker('free', mine);
    assert.deepEqual([liveBlocks, unmatched], [0, '0'], 'the worker leaves it to the main thread');
    const after = source.snapshot();
    assert.deepEqual([growth(before, after).blocks, growth(before, after).bytes], [0, 0]);
    assert.equal(after.facts['unmatched_frees'], before.facts['unmatched_frees']);
  });

  test('balances exactly with four threads that free one another’s blocks', async () => {
    const before = source.snapshot();
    const threads = [1, 2, 3, 4].map(() => start(memory));
    await Promise.all(threads.map((inWorker, i) => inWorker('churn', 100_000, i + 1)));
    const during = source.snapshot();
    assert.ok(during.liveBlocks > 4000);
    const total = (snapshot: typeof before): number =>
      snapshot.sites.reduce((sum, site) => sum + site.totalBlocks, 0);
    assert.equal(total(during) - total(before), 400_000);
    await threads[0]!('drain');
    const after = source.snapshot();
    const { blocks, bytes, sites } = growth(before, after);
    assert.deepEqual([blocks, bytes, sites], [0, 0, []]);
    for (const fact of ['unmatched_frees', 'implied_frees'])
      assert.equal(after.facts[fact], before.facts[fact]);
  });

  test('is another one for another memory', async () => {
    const other = newMemory();
    const before = source.snapshot();
    const inWorker = start(other);
    const { result } = await inWorker('malloc', 64);
    const here = api['malloc']!(64);
    const again = start(other);
    await again('free', result);
    const { blocks, bytes } = growth(before, source.snapshot());
    assert.deepEqual([blocks, bytes], [1, 64]);
    api['free']!(here);
    assert.equal(source.snapshot().facts['implied_frees'], before.facts['implied_frees']);
  });

  test('keeps what a thread allocated that is gone', async () => {
    const before = source.snapshot();
    const inWorker = start(memory);
    const { result } = await inWorker('malloc', 500);
    await workers.at(-1)!.terminate();
    assert.equal(growth(before, source.snapshot()).bytes, 500);
    api['free']!(result);
    assert.equal(growth(before, source.snapshot()).bytes, 0);
  });
});

test('reset forgets the heaps of all threads', () => {
  source.reset();
  assert.equal(source.liveBytes(), 0);
  assert.deepEqual(source.snapshot().sites, []);
  assert.deepEqual(warnings, []);
});
