import assert from 'node:assert/strict';
import { Session } from 'node:inspector';
import { describe, it } from 'node:test';
import { SampleContinuity } from '../../../src/sources/v8/sample-continuity.js';
import type { SamplingProfile } from '../../../src/sources/v8/sampler.js';

const inspector = new Session();

function ask(method: string, params: object = {}): unknown {
  let answer: unknown;
  inspector.post(method, params, (error, result) => {
    assert.equal(error, null);
    answer = result;
  });
  return answer;
}

const profile = (): SamplingProfile =>
  (ask('HeapProfiler.getSamplingProfile') as { profile: SamplingProfile }).profile;
const start = (samplingInterval: number): unknown => ask('HeapProfiler.startSampling', { samplingInterval });

describe('sample continuity', () => {
  const kept: unknown[] = [];
  /** Replaces some of what is kept, so that samples of every age die. */
  const churn = (): void => {
    for (let i = 0; i < 3000; i++) kept[(i * 7919) % 2000] = new Array(200).fill(i + 0.5);
  };

  it('holds through one run of the sampler, and not across two', () => {
    inspector.connect();
    const continuity = new SampleContinuity();
    start(4096);
    for (let poll = 0; poll < 10; poll++) {
      churn();
      assert.equal(continuity.continues(profile()), true, `poll ${poll}`);
    }
    for (const everyBytes of [4096, 32_768]) {
      ask('HeapProfiler.stopSampling');
      start(everyBytes);
      churn();
      assert.equal(continuity.continues(profile()), false);
      churn();
      assert.equal(continuity.continues(profile()), true, 'the new run is the one that counts now');
    }
    continuity.reset();
    ask('HeapProfiler.stopSampling');
    start(4096);
    churn();
    assert.equal(continuity.continues(profile()), true);
    inspector.disconnect();
    assert.ok(kept.length > 0);
  });
});
