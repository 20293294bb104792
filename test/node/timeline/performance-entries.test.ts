import assert from 'node:assert/strict';
import { performance } from 'node:perf_hooks';
import { describe, it } from 'node:test';
import { setImmediate as turn } from 'node:timers/promises';
import { startCollections } from '../../../src/node/timeline/collections.js';
import { startUserTiming } from '../../../src/node/timeline/user-timing.js';
import { RecordedTimeline } from './recorded.js';

const gc = globalThis.gc;
assert.ok(gc, 'run with --expose-gc');

describe('collections', () => {
  it('are slices of their kind, at their time and of their length', async () => {
    const timeline = new RecordedTimeline();
    const part = startCollections(timeline);
    const beforeUs = timeline.nowUs();
    gc();
    const afterUs = timeline.nowUs();
    await turn();
    part.stop();
    const full = timeline.slices.find(
      ({ name, startUs }) => name === 'mark-sweep-compact' && startUs >= beforeUs,
    );
    assert.ok(full, JSON.stringify(timeline.slices));
    assert.equal(full.category, 'gc');
    assert.deepEqual(full.args, { kind: 'mark-sweep-compact', flags: full.args?.['flags'] });
    assert.match(String(full.args?.['flags']), /forced/);
    assert.ok(full.durationUs > 0 && full.startUs + full.durationUs <= afterUs);
  });

  it('of the young generation are told apart', async () => {
    const timeline = new RecordedTimeline();
    const part = startCollections(timeline);
    (gc as (options: { type: 'minor' }) => void)({ type: 'minor' });
    await turn();
    part.stop();
    assert.ok(timeline.slices.some(({ name }) => name === 'scavenge' || name === 'minor-mark-sweep'));
  });

  it('are recorded no more once stopped', async () => {
    const timeline = new RecordedTimeline();
    const part = startCollections(timeline);
    part.stop();
    part.stop();
    gc();
    await turn();
    assert.deepEqual(timeline.slices, []);
  });
});

describe('user timing', () => {
  it('records marks as instants and measures as slices', async () => {
    const timeline = new RecordedTimeline();
    const part = startUserTiming(timeline);
    const mark = performance.mark('begin', { detail: { rows: 3 } });
    const measure = performance.measure('import', { start: 10, duration: 25 });
    await turn();
    part.stop();
    assert.deepEqual(
      timeline.slices,
      [
        {
          category: 'user_timing',
          name: 'begin',
          startUs: timeline.fromPerformanceMs(mark.startTime),
          durationUs: -1,
          args: { detail: { rows: 3 } },
        },
        {
          category: 'user_timing',
          name: 'import',
          startUs: timeline.fromPerformanceMs(measure.startTime),
          durationUs: 25_000,
          args: undefined,
        },
      ].sort((a, b) => a.startUs - b.startUs),
    );
  });

  it('has everything after a drain in the same turn, once', async () => {
    const timeline = new RecordedTimeline();
    const part = startUserTiming(timeline);
    performance.mark('late');
    part.drain();
    assert.deepEqual(
      timeline.slices.map(({ name }) => name),
      ['late'],
    );
    await turn();
    part.stop();
    assert.equal(timeline.slices.length, 1);
  });
});
