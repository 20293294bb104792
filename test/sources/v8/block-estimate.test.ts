import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import fc from 'fast-check';
import { BlockEstimate } from '../../../src/sources/v8/block-estimate.js';
import { seededRandom } from '../../heap/seeded-random.js';

const everyBytes = 32 * 1024;
const standsFor = (size: number): number => 1 / (1 - Math.exp(-size / everyBytes));

/** What V8 reports for `counts` sampled objects by size: the sizes of its samples, and the node's bytes. */
function profiled(counts: ReadonlyMap<number, number>): { selfSize: number; samples: Map<number, number> } {
  const samples = new Map<number, number>();
  let selfSize = 0;
  for (const [size, count] of counts) {
    const product = size * Math.round(standsFor(size));
    samples.set(product, (samples.get(product) ?? 0) + count);
    selfSize += size * Math.round(count * standsFor(size));
  }
  return { selfSize, samples };
}

describe('block estimate', () => {
  it('finds the number of blocks of one size from many samples', () => {
    fc.assert(
      fc.property(fc.integer({ min: 2, max: 65_536 }), fc.integer({ min: 20, max: 2000 }), (words, count) => {
        const { selfSize, samples } = profiled(new Map([[words * 8, count]]));
        const blocks = new BlockEstimate(everyBytes).of(selfSize, samples).blocks;
        const truth = count * standsFor(words * 8);
        assert.ok(Math.abs(blocks - truth) <= truth * 0.02 + 1, `${blocks} for ${truth}`);
      }),
      { seed: 4, numRuns: 500 },
    );
  });

  it('tells sizes of the same product apart by the bytes of the node', () => {
    // 24 * 1366 = 48 * 683 = 32784
    for (const size of [24, 48]) {
      const { selfSize, samples } = profiled(new Map([[size, 7]]));
      assert.deepEqual([...samples.keys()], [32_784]);
      assert.equal(
        new BlockEstimate(everyBytes).of(selfSize, samples).blocks,
        Math.round(7 * standsFor(size)),
      );
    }
  });

  it('finds the blocks of a node with two sizes, mostly', () => {
    let close = 0;
    let runs = 0;
    const word = fc.integer({ min: 2, max: 128 });
    const count = fc.integer({ min: 5, max: 200 });
    fc.assert(
      fc.property(word, word, count, count, (a, b, n, m) => {
        fc.pre(a !== b);
        const { selfSize, samples } = profiled(
          new Map([
            [a * 8, n],
            [b * 8, m],
          ]),
        );
        const truth = n * standsFor(a * 8) + m * standsFor(b * 8);
        const blocks = new BlockEstimate(everyBytes).of(selfSize, samples).blocks;
        runs++;
        if (Math.abs(blocks - truth) < truth * 0.05) close++;
      }),
      { seed: 4, numRuns: 300 },
    );
    assert.ok(close >= runs * 0.9, `${close} of ${runs} within 5 %`);
  });

  it('counts a sample that no size explains as one block, and nothing without samples', () => {
    assert.equal(new BlockEstimate(everyBytes).of(5, new Map([[5, 1]])).blocks, 1);
    assert.deepEqual(new BlockEstimate(everyBytes).of(5, new Map()), { blocks: 0, variance: 0 });
  });

  it('is off by as much as its variance says, from far fewer samples than objects to every object a sample', () => {
    const random = seededRandom(9);
    for (const size of [16, 1024, 32_768, 131_072]) {
      const live = Math.ceil(40 * standsFor(size));
      const squares: number[] = [];
      for (let run = 0; run < 200; run++) {
        let count = 0;
        for (let i = 0; i < live; i++) if (random() < 1 / standsFor(size)) count++;
        const { selfSize, samples } = profiled(new Map([[size, count]]));
        const { variance } = new BlockEstimate(everyBytes).of(selfSize, samples);
        squares.push((selfSize - live * size) ** 2 / variance);
      }
      // The squared error in units of the variance has a mean of 1, and 200 of them one within 0.1.
      const mean = squares.reduce((sum, square) => sum + square, 0) / squares.length;
      assert.ok(mean > 0.6 && mean < 1.5, `${mean} for ${size}`);
    }
  });
});
