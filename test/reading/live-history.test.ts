import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import fc from 'fast-check';
import { type HistoryLane, LiveHistory } from '../../src/reading/live-history.js';

type Point = readonly [ts: unknown, args: Record<string, unknown>, pid?: number];

function lanesOf(points: readonly Point[]): HistoryLane[] {
  const history = new LiveHistory();
  for (const [ts, args, pid = 1] of points)
    history.add({ name: 'heap_live_bytes', ph: 'C', ts, pid, tid: 1, args });
  return history.lanes();
}

describe('the history of live bytes', () => {
  it('has a lane for each series of each process, total first', () => {
    const lanes = lanesOf([
      [1, { js: 5, total: 6 }],
      [2, { total: 1 }, 2],
      [3, { total: 3, js: 2, wasm: '1' }],
    ]);
    assert.deepEqual(
      lanes.map(({ pid, series, first, last, peak }) => [pid, series, first.bytes, last.bytes, peak.bytes]),
      [
        [1, 'total', 6, 3, 6],
        [1, 'js', 5, 2, 5],
        [1, 'wasm', 1, 1, 1],
        [2, 'total', 1, 1, 1],
      ],
    );
  });

  it('takes the only series of the C++ header for the total', () => {
    assert.deepEqual(
      lanesOf([[1, { heap_live_bytes: 12 }]]).map((lane) => lane.series),
      ['total'],
    );
  });

  it('leaves out what is not a number or has no time', () => {
    assert.deepEqual(
      lanesOf([
        [1, { total: Number.NaN, js: null, wasm: 'x', manual: '' }],
        ['soon', { total: 1 }],
      ]),
      [],
    );
  });

  it('keeps every extreme of any number of points in bounded buckets', () => {
    fc.assert(
      fc.property(
        fc.array(fc.nat(1_000_000), { minLength: 1, maxLength: 6000, size: 'max' }),
        fc.boolean(),
        (values, reversed) => {
          const points = values.map((total, ts): Point => [ts, { total }]);
          const [lane] = lanesOf(reversed ? points.toReversed() : points);
          assert.ok(lane);
          const { buckets } = lane;
          assert.ok(buckets.length <= 1024);
          assert.ok(values.length < 1024 ? buckets.length === values.length : buckets.length >= 512);
          assert.equal(lane.pointCount, values.length);
          assert.deepEqual(lane.first, { timeUs: 0, bytes: values[0] });
          assert.deepEqual(lane.last, { timeUs: values.length - 1, bytes: values.at(-1) });
          const greatest = values.reduce((a, b) => Math.max(a, b));
          assert.deepEqual(lane.peak, { timeUs: values.indexOf(greatest), bytes: greatest });
          let next = 0;
          for (const { fromUs, toUs, min, max, last } of buckets) {
            assert.equal(fromUs, next);
            const within = values.slice(fromUs, toUs + 1);
            assert.equal(min, Math.min(...within));
            assert.equal(max, Math.max(...within));
            assert.equal(last, within.at(-1));
            next = toUs + 1;
          }
          assert.equal(next, values.length);
        },
      ),
      { numRuns: 60, seed: 2 },
    );
  });
});
