import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { Sampler } from '../../src/heap/sampler.js';

function count(sampler: Sampler, times: number): number {
  let sampled = 0;
  for (let i = 0; i < times; i++) if (sampler.next()) sampled++;
  return sampled;
}

describe('Sampler', () => {
  it('is exact at 0 and 1, and clamps', () => {
    const sampler = new Sampler();
    assert.equal(count(sampler, 100_000), 0);
    for (const all of [1, 2, Number.POSITIVE_INFINITY]) {
      sampler.setProbability(all);
      assert.equal(sampler.probability, 1);
      assert.equal(count(sampler, 1000), 1000);
    }
    for (const none of [0, -0, -3, Number.NEGATIVE_INFINITY]) {
      sampler.setProbability(none);
      assert.equal(sampler.probability, 0);
      assert.equal(count(sampler, 1000), 0);
    }
  });

  it('samples the share it was told, for any seed', () => {
    for (const probability of [0.001, 0.01, 0.3, 0.5, 0.9, 0.999]) {
      for (let seed = 1; seed <= 5; seed++) {
        const times = 200_000;
        const sampled = count(new Sampler(probability, seed), times);
        // Five standard deviations of a binomial distribution.
        const tolerance = 5 * Math.sqrt(times * probability * (1 - probability));
        assert.ok(
          Math.abs(sampled - times * probability) < tolerance,
          `${sampled} at ${probability}, seed ${seed}`,
        );
      }
    }
  });

  it('decides each allocation by itself: runs of sampled ones are as long as chance makes them', () => {
    const sampler = new Sampler(0.5, 9);
    const times = 100_000;
    let pairs = 0;
    let before = sampler.next();
    for (let i = 0; i < times; i++) {
      const now = sampler.next();
      if (now && before) pairs++;
      before = now;
    }
    assert.ok(Math.abs(pairs - times / 4) < 5 * Math.sqrt((times * 3) / 16) * 1.5, `${pairs} pairs`);
  });

  it('repeats itself with the same seed', () => {
    const decisions = (seed: number): boolean[] => {
      const sampler = new Sampler(0.3, seed);
      return Array.from({ length: 200 }, () => sampler.next());
    };
    assert.deepEqual(decisions(5), decisions(5));
    assert.notDeepEqual(decisions(5), decisions(6));
  });

  it('refuses what is no number and keeps the old value', () => {
    const sampler = new Sampler(1);
    for (const bad of [Number.NaN, '0.5', undefined, null, 1n]) {
      assert.throws(() => sampler.setProbability(bad as number), {
        code: 'OTRACE_BAD_OPTION',
        message: /from 0 \(no stacks\) to 1 \(every stack\)/,
      });
    }
    assert.equal(count(sampler, 10), 10);
  });
});
