import assert from 'node:assert/strict';
import { afterEach, describe, it } from 'node:test';
import { Worker } from 'node:worker_threads';
import { hearBlockedWaits } from '../../src/node/blocked-waits.js';

const original = Object.getOwnPropertyDescriptor(Atomics, 'wait')!;
afterEach(() => Object.defineProperty(Atomics, 'wait', original));

const cells = (): Int32Array<SharedArrayBuffer> => new Int32Array(new SharedArrayBuffer(8));

/** Hooks the wait. @returns what was called, as long as there is so much news */
function heard(news: number): string[] {
  const calls: string[] = [];
  hearBlockedWaits({
    tell: () => {
      calls.push('tell');
      return news-- > 0;
    },
    setIdle: (idle) => calls.push(idle ? 'idle' : 'awake'),
  });
  return calls;
}

/** Changes a cell, or only notifies, after a while. */
function wakeLater(shared: Int32Array<SharedArrayBuffer>, ms: number, value: number): Worker {
  const code = `const { workerData: [cells, ms, value] } = require('node:worker_threads');
    setTimeout(() => { Atomics.store(cells, 0, value); Atomics.notify(cells, 0); }, ms);`;
  return new Worker(code, { eval: true, workerData: [shared, ms, value] });
}

describe('a wait that is heard', () => {
  it('answers at once as before where there is nothing to wait for', () => {
    const calls = heard(0);
    assert.equal(Atomics.wait(cells(), 0, 1), 'not-equal');
    assert.equal(Atomics.wait(cells(), 0, 0, 0), 'timed-out');
    assert.equal(Atomics.wait(cells(), 0, 0, -5), 'timed-out');
    assert.throws(
      () => Atomics.wait(new Int32Array(2) as unknown as Int32Array<SharedArrayBuffer>, 0, 0),
      TypeError,
    );
    assert.throws(() => Atomics.wait(cells(), 9, 0), RangeError);
    assert.deepEqual([calls, Atomics.wait.length, Atomics.wait.name], [[], 4, 'wait']);
  });

  it('times out when it should, having told what is new', () => {
    const calls = heard(1);
    const startMs = performance.now();
    assert.equal(Atomics.wait(cells(), 0, 0, 200), 'timed-out');
    assert.ok(performance.now() - startMs >= 199);
    assert.deepEqual(calls, ['tell', 'tell', 'idle', 'awake']);
  });

  it('is woken in any of its stretches', async () => {
    for (const value of [1, 0]) {
      const shared = cells();
      const calls = heard(1);
      const worker = wakeLater(shared, 400, value);
      assert.equal(Atomics.wait(shared, 0, 0), 'ok');
      assert.deepEqual(calls, ['tell', 'tell', 'idle', 'awake']);
      await worker.terminate();
      Object.defineProperty(Atomics, 'wait', original);
    }
  });
});
