import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import fc from 'fast-check';
import { sparkline } from '../../src/cli/sparkline.js';

const at = (timeUs: number, bytes: number) => ({
  fromUs: timeUs,
  toUs: timeUs,
  min: bytes,
  max: bytes,
  last: bytes,
});

describe('sparkline', () => {
  it('rises with the values, from zero', () => {
    const buckets = Array.from({ length: 9 }, (_, i) => at(i, i));
    assert.equal(sparkline(buckets, { fromUs: 0, toUs: 9 }, 9), '▁▁▂▃▄▅▆▇█');
    assert.equal(sparkline([at(0, 100), at(1, 101)], { fromUs: 0, toUs: 2 }, 2), '██');
  });

  it('holds the last value until the next, and is blank before the first', () => {
    assert.equal(sparkline([at(4, 8), at(8, 2)], { fromUs: 0, toUs: 10 }, 10), '    ████▂▂');
  });

  it('shows a peak shorter than a column, and not after it', () => {
    assert.equal(sparkline([at(0, 1), at(4.1, 80), at(4.2, 1)], { fromUs: 0, toUs: 8 }, 8), '▁▁▁▁█▁▁▁');
  });

  it('shows a bucket over all the columns that it spans', () => {
    const bucket = { fromUs: 2, toUs: 5, min: 0, max: 8, last: 1 };
    assert.equal(sparkline([at(0, 1), bucket], { fromUs: 0, toUs: 8 }, 8), '▁▁████▁▁');
  });

  it('of zeros, of one point and of no time is defined', () => {
    assert.equal(sparkline([at(0, 0), at(9, 0)], { fromUs: 0, toUs: 9 }, 3), '▁▁▁');
    assert.equal(sparkline([at(5, 7)], { fromUs: 5, toUs: 5 }, 4), '████');
    assert.equal(sparkline([], { fromUs: 0, toUs: 1 }, 2), '  ');
  });

  it('is always as wide as asked', () => {
    fc.assert(
      fc.property(
        fc.array(fc.tuple(fc.integer({ min: -10, max: 10 }), fc.integer({ min: -100, max: 100 }))),
        fc.integer({ min: 1, max: 30 }),
        (points, width) => {
          const buckets = points
            .map(([timeUs, bytes]) => at(timeUs, bytes))
            .sort((a, b) => a.fromUs - b.fromUs);
          assert.match(sparkline(buckets, { fromUs: -5, toUs: 5 }, width), new RegExp(`^[ ▁-█]{${width}}$`));
        },
      ),
      { seed: 8 },
    );
  });
});
