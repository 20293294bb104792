import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { formatCount, formatDuration, formatShare, plural } from '../../src/cli/figures.js';

describe('figures', () => {
  it('are durations in the unit that fits', () => {
    const shown = [
      0, 9.625, 999.96, 1000, 14_230, 999_960, 3_050_000, 59_999_000, 724_000_000, 12_000_000_000, -5,
    ];
    assert.deepEqual(shown.map(formatDuration), [
      '0 µs',
      '9.6 µs',
      '1 ms',
      '1 ms',
      '14.2 ms',
      '1 s',
      '3.05 s',
      '1 min 0 s',
      '12 min 4 s',
      '3 h 20 min',
      '-5 µs',
    ]);
  });

  it('are shares', () => {
    assert.deepEqual(
      [
        formatShare(1, 3),
        formatShare(3, 3),
        formatShare(0, 3),
        formatShare(1, 1e6),
        formatShare(9999, 10000),
        formatShare(1, 0),
      ],
      ['33.3%', '100%', '0.0%', '<0.1%', '100%', ''],
    );
  });

  it('are counts', () => {
    assert.deepEqual([1234567, 123456, 1000, 999, -1234, -123, 0.6].map(formatCount), [
      '1,234,567',
      '123,456',
      '1,000',
      '999',
      '-1,234',
      '-123',
      '1',
    ]);
    assert.deepEqual(
      [plural(1, 'block'), plural(0, 'block'), plural(2000, 'block')],
      ['1 block', '0 blocks', '2,000 blocks'],
    );
  });
});
