import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { HeapLink } from '../../src/node/heap-link.js';

describe('a heap link', () => {
  it('carries figures from one owner of the memory to the other', () => {
    const worker = new HeapLink();
    const main = new HeapLink(worker.memory);
    worker.setLiveBytes('wasm', 7);
    worker.aliveUs = 1.5;
    worker.snapshotMs = 20;
    worker.sent();
    assert.deepEqual([main.liveBytes('js'), main.liveBytes('wasm')], [0, 7]);
    assert.deepEqual([main.aliveUs, main.snapshotMs, main.unread], [1.5, 20, 1]);
    main.taken();
    assert.equal(worker.unread, 0);
  });

  it('wakes the worker, also for what was asked before it listened', async () => {
    for (const before of [true, false]) {
      const worker = new HeapLink();
      const main = new HeapLink(worker.memory);
      if (before) main.ask(1, true);
      const keptAlive = setInterval(() => {}, 1000);
      const asked = new Promise<void>((resolve) => worker.onAsked(resolve));
      if (!before) main.ask(1, true);
      await asked;
      clearInterval(keptAlive);
      assert.deepEqual(worker.accept(), { number: 1, wantsSnapshot: true });
      assert.equal(main.hasAnswered(1), false);
      worker.answer(1);
      assert.equal(main.hasAnswered(1), true);
    }
  });

  it('takes up several requests at once', () => {
    const link = new HeapLink();
    link.ask(1, true);
    link.ask(2, false);
    assert.deepEqual(link.accept(), { number: 2, wantsSnapshot: true });
    link.answer(2);
    link.ask(3, false);
    assert.deepEqual(link.accept(), { number: 3, wantsSnapshot: false });
  });

  it('waits no longer than allowed, by how far the worker is', () => {
    const link = new HeapLink();
    link.ask(1, true);
    const startMs = performance.now();
    link.waitFor(1, startMs, 20, 60_000);
    assert.ok(performance.now() - startMs >= 20);
    link.accept();
    const acceptedMs = performance.now();
    link.waitFor(1, acceptedMs, 0, 30);
    assert.ok(performance.now() - acceptedMs >= 30);
    link.answer(1);
    link.waitFor(1, performance.now(), 60_000, 60_000);
  });
});
