import assert from 'node:assert/strict';
import { once } from 'node:events';
import { describe, it } from 'node:test';
import { setImmediate as nextTurn } from 'node:timers/promises';
import { Worker } from 'node:worker_threads';
import { WorkerSizes } from '../../src/node/worker-sizes.js';

const fake = (getHeapStatistics?: () => Promise<unknown>): Worker =>
  ({ getHeapStatistics }) as unknown as Worker;

describe('the heaps of workers that say nothing', () => {
  it('are as large as V8 says', async () => {
    const sizes = new WorkerSizes();
    sizes.started(
      fake(async () => ({ used_heap_size: 1234 })),
      1,
    );
    sizes.started(
      fake(async () => Promise.reject(new Error('not running'))),
      2,
    );
    sizes.started(fake(), 3);
    sizes.started(
      fake(async () => assert.fail('was not asked for')),
      4,
    );
    sizes.ask((tid) => tid < 4);
    await nextTurn();
    assert.deepEqual(
      [1, 2, 3, 4].map((tid) => sizes.bytesOf(tid)),
      [1234, undefined, undefined, undefined],
    );
    sizes.ask(() => true);
    sizes.ended(1);
    await nextTurn();
    assert.equal(sizes.bytesOf(1), undefined);
  });

  const canAsk = 'getHeapStatistics' in Worker.prototype;
  it('also of one that never comes back', { skip: !canAsk }, async () => {
    const code = `require('node:worker_threads').parentPort.postMessage(new Array(1e6).fill(0).map(String).length); for (;;);`;
    const worker = new Worker(code, { eval: true });
    await once(worker, 'message');
    const sizes = new WorkerSizes();
    sizes.started(worker, 7);
    sizes.ask(() => true);
    while (sizes.bytesOf(7) === undefined) await nextTurn();
    assert.ok(sizes.bytesOf(7)! > 1e6);
    await worker.terminate();
  });
});
