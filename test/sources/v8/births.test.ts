import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { BIRTH_SLICES } from '../../../src/heap/snapshot.js';
import { BirthClock } from '../../../src/sources/v8/births.js';
import type { SamplingProfile } from '../../../src/sources/v8/sampler.js';

function profileUpTo(ordinal: number): SamplingProfile {
  return {
    head: {} as SamplingProfile['head'],
    samples: [{ size: 16, nodeId: 1, ordinal }],
  };
}

describe('BirthClock', () => {
  it('lays births on what was allocated while there are few profiles', () => {
    const clock = new BirthClock();
    clock.restart(1_000);
    const births = clock.at(profileUpTo(2_400), 3_000);
    assert.deepEqual([births.spanUs, births.timed], [2e6, false]);
    assert.equal(births.sliceOf(0), 0);
    assert.equal(births.sliceOf(1_250), 12);
    assert.equal(births.sliceOf(2_400), BIRTH_SLICES - 1);
    assert.equal(births.sliceOf(9_999), BIRTH_SLICES - 1);
  });

  it('lays what was allocated before an early first profile on the warm-up', () => {
    const clock = new BirthClock();
    clock.restart(0);
    clock.at(profileUpTo(8_000), 500); // a program that loads for half a second
    const births = clock.at(profileUpTo(9_800), 3_000);
    assert.equal(births.timed, false);
    assert.equal(births.sliceOf(7_900), BIRTH_SLICES / 4 - 1);
    assert.equal(births.sliceOf(8_950), BIRTH_SLICES / 4 + 9);
    clock.restart(0);
    clock.at(profileUpTo(8_000), 500);
    assert.equal(clock.at(profileUpTo(9_600), 900).sliceOf(8_000), 20, 'not when most of the time had gone');
  });

  it('lays births on time once profiles tell it, however unevenly the program allocates', () => {
    const clock = new BirthClock();
    clock.restart(0);
    // A tenth of a second of work each second: 100 samples, but 10,000 in the third.
    let ordinal = 0;
    let births = clock.at(profileUpTo(0), 0);
    for (let second = 1; second <= 24; second++) {
      ordinal += second === 3 ? 10_000 : 100;
      births = clock.at(profileUpTo(ordinal), second * 1_000);
    }
    assert.equal(births.timed, true);
    assert.equal(births.activity!.length, BIRTH_SLICES);
    assert.ok(Math.abs(births.activity!.reduce((sum, share) => sum + share, 0) - BIRTH_SLICES) < 1e-9);
    assert.ok(births.activity![2]! > 19 && Math.abs(births.activity![10]! - 2_400 / 12_300) < 1e-9);
    assert.equal(births.sliceOf(150), 1);
    assert.equal(births.sliceOf(5_200), 2);
    assert.equal(births.sliceOf(10_250), 3);
    assert.equal(births.sliceOf(ordinal - 50), 23);
  });

  it('begins again with the sampler, and keeps its memory bounded', () => {
    const clock = new BirthClock();
    clock.restart(0);
    for (let i = 1; i <= 10_000; i++) clock.at(profileUpTo(i), i);
    const births = clock.at(profileUpTo(10_001), 10_001);
    assert.equal(births.sliceOf(5_000), 11);
    clock.restart(20_000);
    const anew = clock.at(profileUpTo(10), 20_001);
    assert.deepEqual([anew.spanUs, anew.timed], [1_000, false]);
  });

  it('takes a profile without samples, and one in the moment of the start', () => {
    const clock = new BirthClock();
    clock.restart(5);
    const births = clock.at({ head: {} as SamplingProfile['head'], samples: [] }, 5);
    assert.ok(births.spanUs > 0);
    assert.ok(births.sliceOf(0) >= 0 && births.sliceOf(0) < BIRTH_SLICES);
  });
});
