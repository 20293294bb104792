import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { Throttle } from '../../src/heap/throttle.js';

interface Run {
  readonly points: number[];
  readonly reads: number;
}

/** `operations` operations, `stepUs` apart, as the hot path does them. */
function run(operations: number, stepUs: (operation: number) => number): Run {
  let nowUs = 0;
  let reads = 0;
  const points: number[] = [];
  const clock = (): number => {
    reads++;
    return nowUs;
  };
  const throttle = new Throttle(clock, () => {
    points.push(nowUs);
    throttle.pointAdded();
  });
  for (let operation = 0; operation < operations; operation++) {
    nowUs += stepUs(operation);
    if (--throttle.left < 0) throttle.read();
  }
  return { points, reads };
}

function gaps(points: readonly number[]): number[] {
  return points.slice(1).map((point, i) => point - points[i]!);
}

describe('Throttle', () => {
  it('adds a point at most once a second, and about that often, at any rate of operations', () => {
    for (const stepUs of [0.5, 3, 100, 20_000, 700_000]) {
      const seconds = stepUs < 1 ? 3 : 20;
      const { points } = run((seconds * 1e6) / stepUs, () => stepUs);
      const worst = Math.max(stepUs, 15_000);
      for (const gap of gaps(points))
        assert.ok(gap >= 1e6 && gap <= 1e6 + worst, `${gap} us at ${stepUs} us a step`);
      assert.ok(points.length >= 2);
    }
  });

  it('reads the clock about every 10 ms when operations are frequent', () => {
    const operations = 5_000_000;
    const { reads, points } = run(operations, () => 1);
    assert.ok(reads - points.length <= operations / 1000, `${reads} reads`);
  });

  it('does not sleep through a change from fast to slow', () => {
    const { points } = run(1_000_000 + 1200, (operation) => (operation < 1_000_000 ? 1 : 10_000));
    assert.ok(points.at(-1)! > 1_000_000 + 9_000_000);
  });
});
