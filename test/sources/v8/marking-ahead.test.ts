import assert from 'node:assert/strict';
import { constants, type PerformanceEntry, PerformanceObserver } from 'node:perf_hooks';
import { describe, it } from 'node:test';
import { markAhead } from '../../../src/sources/v8/marking-ahead.js';

describe('markAhead', () => {
  it('has V8 begin to mark, time after time, and leaves nothing on its account', async () => {
    const seen: PerformanceEntry[] = [];
    const observer = new PerformanceObserver((list) => seen.push(...list.getEntries()));
    observer.observe({ entryTypes: ['gc'] });
    for (let round = 0; round < 4; round++) {
      global.gc!();
      const { rss, arrayBuffers } = process.memoryUsage();
      markAhead();
      assert.ok(process.memoryUsage().rss - rss < 2 ** 24);
      for (let turn = 0; turn < 3; turn++) await new Promise(setImmediate);
      assert.ok(process.memoryUsage().arrayBuffers - arrayBuffers < 2 ** 20);
    }
    observer.disconnect();
    const begun = seen.filter((entry) => {
      const { detail } = entry as PerformanceEntry & { detail: { kind: number } };
      return detail.kind === constants.NODE_PERFORMANCE_GC_INCREMENTAL;
    });
    assert.ok(begun.length >= 4, `${begun.length} times`);
  });
});
