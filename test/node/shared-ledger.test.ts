import assert from 'node:assert/strict';
import { once } from 'node:events';
import { test } from 'node:test';
import { Worker } from 'node:worker_threads';
import { sharedLedgerMemory } from '../../src/node/shared-ledger.js';

test('workers, and workers of workers, are given the memory that the main thread made', async () => {
  const shared = sharedLedgerMemory();
  assert.equal(shared?.isReporter, true);
  const inner = `
    const { getEnvironmentData, parentPort } = require('node:worker_threads');
    new Int32Array(getEnvironmentData('otrace/wasm-ledger/1').buffer)[2] = 2;
    parentPort.postMessage('done');`;
  const outer = `
    const { getEnvironmentData, parentPort, Worker } = require('node:worker_threads');
    new Int32Array(getEnvironmentData('otrace/wasm-ledger/1').buffer)[1] = 1;
    new Worker(${JSON.stringify(inner)}, { eval: true }).on('message', (m) => parentPort.postMessage(m));`;
  const worker = new Worker(outer, { eval: true });
  const [message] = await once(worker, 'message');
  await worker.terminate();
  assert.equal(message, 'done');
  assert.deepEqual([...new Int32Array(shared!.memory.buffer, 0, 3)], [0, 1, 2]);
});
