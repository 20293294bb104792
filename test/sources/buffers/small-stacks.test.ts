// Small buffers by the million: exact in sum, and divided among the call sites by the stacks that were kept.
import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import type { SourceSnapshot } from '../../../src/heap/snapshot.js';
import { hookBuffers } from './hooked.js';

describe('stacks of small buffers', () => {
  const { heap, taken } = hookBuffers({ stackBytes: 4096 });
  const kept: unknown[] = [];
  // biome-ignore format: lines that are looked for
  const makeBefore = (): void => { kept.push(new Uint8Array(100)) };
  // biome-ignore format: lines that are looked for
  const makeSmall = (): void => { kept.push(new Uint8Array(1000)) };
  // biome-ignore format: lines that are looked for
  const makeTiny = (): void => { kept.push(new Uint8Array(200)) };
  // biome-ignore format: lines that are looked for
  const makeLarge = (): void => { kept.push(new Uint8Array(5000)) };

  const of = ({ sites }: SourceSnapshot, name: string) => {
    const found = sites.filter(({ frames }) => frames[0]?.name === name);
    return {
      bytes: found.reduce((sum, { liveBytes }) => sum + liveBytes, 0),
      blocks: found.reduce((sum, { liveBlocks }) => sum + liveBlocks, 0),
      estimated: found.some(({ estimated }) => estimated),
    };
  };

  it('belong to their sites, few as they are, and the sums are exact', () => {
    for (let i = 0; i < 1500; i++) makeBefore();
    for (let i = 0; i < 200_000; i++) {
      makeSmall();
      if (i % 2 === 0) makeTiny();
      if (i % 1000 === 0) makeLarge();
    }
    const before = taken();
    assert.equal(before.liveBytes, 1500 * 100 + 200_000 * 1000 + 100_000 * 200 + 200 * 5000);
    assert.equal(before.liveBlocks, 1500 + 200_000 + 100_000 + 200);
    assert.equal(
      before.sites.reduce((sum, { liveBytes }) => sum + liveBytes, 0),
      before.liveBytes,
    );
    assert.equal(
      before.sites.reduce((sum, { liveBlocks }) => sum + liveBlocks, 0),
      before.liveBlocks,
    );
    assert.deepEqual(of(before, 'makeLarge'), { bytes: 200 * 5000, blocks: 200, estimated: false });
    const small = of(before, 'makeSmall');
    assert.ok(Math.abs(small.bytes / 200e6 - 1) < 0.06, `${small.bytes} bytes`);
    assert.ok(Math.abs(small.blocks / 200e3 - 1) < 0.3, `${small.blocks} blocks`);
    assert.ok(small.estimated);
    const tiny = of(before, 'makeTiny');
    assert.ok(Math.abs(tiny.bytes / 20e6 - 1) < 0.6, `${tiny.bytes} bytes`);
    assert.match(before.facts['stacks']!, /below 4096 bytes/);
  });

  it('end with their blocks', async () => {
    kept.length = 0;
    await new Promise((resolve) => setImmediate(resolve));
    const after = taken();
    assert.deepEqual([after.liveBytes, after.liveBlocks], [0, 0]);
    assert.ok(after.sites.every(({ liveBytes, liveBlocks }) => liveBytes === 0 && liveBlocks === 0));
    assert.ok(
      Math.abs(after.sites.find(({ frames }) => frames[0]?.name === 'makeSmall')!.totalBytes / 200e6 - 1) <
        0.06,
    );
    heap.reset();
    makeSmall();
    assert.deepEqual(of(taken(), 'makeSmall'), { bytes: 1000, blocks: 1, estimated: false });
  });
});
