import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { setImmediate as nextTurn } from 'node:timers/promises';
import { type BlockToken, WeakBlocks } from '../../src/heap/weak-blocks.js';
import { GarbageCollection } from '../../src/node/collect-garbage.js';
import { seededRandom } from './seeded-random.js';

const garbage = new GarbageCollection();

describe('WeakBlocks', () => {
  it('agrees with a model through random operations', async () => {
    const random = seededRandom(7);
    const live = new Set<number>();
    const blocks = new WeakBlocks((number) => assert.ok(live.delete(number), `${number} was live`));
    let kept: BlockToken[] = [];
    // A function of its own, so that no register of this one holds a token.
    const churn = (): void => {
      for (let i = 0; i < 200; i++) {
        const token = blocks.follow()!;
        assert.ok(!live.has(token.number), 'a number in use is not given out');
        live.add(token.number);
        kept.push(token);
      }
      kept = kept.filter((token) => {
        const chance = random();
        if (chance < 0.2) {
          live.delete(token.number);
          blocks.end(token);
          blocks.end(token);
        }
        return chance > 0.5;
      });
    };
    for (let round = 0; round < 30; round++) {
      churn();
      await nextTurn();
      garbage.run();
      blocks.sweep();
      assert.deepEqual([...live].sort(), kept.map(({ number }) => number).sort());
      assert.equal(blocks.count, kept.length);
    }
  });

  it('follows a bounded number of blocks in one job, and more in the next', async () => {
    const blocks = new WeakBlocks(() => {}, 100);
    const tokens = Array.from({ length: 150 }, () => blocks.follow());
    assert.equal(tokens.filter((token) => token !== undefined).length, 100);
    for (let turn = 0; turn < 200; turn++) {
      await nextTurn();
      globalThis.gc!();
      if (blocks.follow() !== undefined) return;
    }
    assert.fail('the next job follows none');
  });

  it('tells what it holds', async () => {
    const blocks = new WeakBlocks(() => {});
    const held = (): number => {
      garbage.run();
      return process.memoryUsage().heapUsed;
    };
    const before = held();
    let tokens: (BlockToken | undefined)[] = Array.from({ length: 50_000 }, () => blocks.follow());
    await nextTurn();
    const share = blocks.selfBytes / (held() - before);
    // Beside the tokens it counts what objects take to carry them.
    assert.ok(share > 0.8 && share < 2, `${share} of the truth, ${tokens.length} tokens`);
    tokens = [];
    await nextTurn();
    held();
    blocks.sweep();
    assert.ok(blocks.selfBytes < 50_000 * 20, `${blocks.selfBytes} bytes of nothing`);
  });

  it('knows nothing of tokens from before a reset', () => {
    const ended: number[] = [];
    const blocks = new WeakBlocks((number) => ended.push(number));
    const before = blocks.follow()!;
    blocks.reset();
    const after = blocks.follow()!;
    assert.equal(after.number, 0);
    blocks.end(before);
    blocks.sweep();
    assert.deepEqual([blocks.count, ended], [1, []]);
    assert.equal(after.number, 0);
  });
});
