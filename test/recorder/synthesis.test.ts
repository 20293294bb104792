/** Tracks made at flush from what was recorded, to the exact number. */
import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { OtraceError } from '../../src/errors.js';
import { type Rig, recording, type TraceEvent } from './rig.js';

function synthetic(rig: Rig): TraceEvent[] {
  return rig.events().filter((event) => event.cat === 'synth');
}

describe('synthetic tracks', () => {
  it('are not there unless asked for', () => {
    const rig = recording();
    rig.trace.frame(1);
    rig.trace.counter('c', 1);
    rig.trace.scope('s').end();
    assert.deepEqual(synthetic(rig), []);
    rig.trace.setSynthesis(true);
    assert.notDeepEqual(synthetic(rig), []);
    rig.trace.setSynthesis(false);
    assert.deepEqual(synthetic(rig), []);
  });

  it('are not there when there is nothing to derive them from', () => {
    const rig = recording();
    rig.trace.setSynthesis(true);
    rig.trace.instant('frame');
    rig.trace.counter('once', 1);
    assert.deepEqual(synthetic(rig), []);
  });

  it('count frames per second over a sliding window', () => {
    const rig = recording();
    rig.trace.setSynthesis({ windowUs: 100_000 });
    for (const ms of [0, 20, 40, 60, 160, 161]) {
      rig.nowUs = ms * 1000;
      rig.trace.frame(ms);
    }
    assert.deepEqual(
      synthetic(rig).map(({ name, ph, ts, args }) => [name, ph, ts, args]),
      [
        ['fps', 'C', 0, { fps: 10 }],
        ['fps', 'C', 20_000, { fps: 20 }],
        ['fps', 'C', 40_000, { fps: 30 }],
        ['fps', 'C', 60_000, { fps: 40 }],
        ['fps', 'C', 160_000, { fps: 20 }],
        ['fps', 'C', 161_000, { fps: 20 }],
      ],
    );
  });

  it('tell how fast a counter changes', () => {
    const rig = recording();
    rig.trace.setSynthesis(true);
    const points = [
      [0, 10],
      [500_000, 20],
      [1_000_000, 20],
      [1_250_000, 15],
    ] as const;
    for (const [us, value] of points) {
      rig.nowUs = us;
      rig.trace.counter('bytes', value);
    }
    assert.deepEqual(
      synthetic(rig).map(({ name, ts, args }) => [name, ts, args]),
      [
        ['rate(bytes)', 500_000, { value: 20 }],
        ['rate(bytes)', 1_000_000, { value: 0 }],
        ['rate(bytes)', 1_250_000, { value: -20 }],
      ],
    );
  });

  it('leave out a rate that is no finite number', () => {
    const rig = recording();
    rig.trace.setSynthesis(true);
    rig.trace.counter('c', Number.MAX_VALUE);
    rig.trace.counter('c', -Number.MAX_VALUE);
    assert.deepEqual(synthetic(rig), []);
  });

  it('give the percentiles of a scope in milliseconds', () => {
    const rig = recording();
    rig.trace.setSynthesis(true);
    // Recorded in disorder: 1 to 100 ms.
    for (let i = 0; i < 100; i++) rig.trace.complete('query', 1000 * i, 1000 * (1 + ((i * 37) % 100)));
    rig.trace.complete('once', 0, 2500);
    assert.deepEqual(
      synthetic(rig).map(({ name, ph, s, tid, ts, args }) => [name, ph, s, tid, ts, args]),
      [
        ['latency(query)', 'I', 't', 0, 99_000.001, { p50: 50, p95: 95, p99: 99 }],
        ['latency(once)', 'I', 't', 0, 99_000.002, { p50: 2.5, p95: 2.5, p99: 2.5 }],
      ],
    );
  });

  it('take other percentiles, as many as wanted', () => {
    const rig = recording();
    const percentiles = Array.from({ length: 101 }, (_, i) => i);
    rig.trace.setSynthesis({ percentiles });
    for (let name = 0; name < 50; name++) {
      for (let i = 0; i <= 100; i++) rig.trace.complete(`s${name}`, i, 1000 * i);
    }
    const tracks = synthetic(rig);
    assert.equal(tracks.length, 50);
    for (const { args } of tracks) {
      assert.deepEqual(args, Object.fromEntries(percentiles.map((p) => [`p${p}`, p])));
    }
    assert.equal(rig.document().otherData['lost_events'], 0);
  });

  it('refuse windows and percentiles out of range', () => {
    const rig = recording();
    for (const bad of [
      { windowUs: 0 },
      { windowUs: Number.NaN },
      { percentiles: [101] },
      { percentiles: [Number.NaN] },
    ]) {
      assert.throws(
        () => rig.trace.setSynthesis(bad),
        (error) => error instanceof OtraceError && error.code === 'OTRACE_BAD_OPTION',
      );
    }
  });
});
