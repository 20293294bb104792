import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { recordedHeap, reportRow } from './recorded-heap.js';

/** Runs `work` with something else in the place of `Int32Array`, which the live table takes its memory from. */
function withInt32Array<T>(replacement: unknown, work: () => T): T {
  const original = globalThis.Int32Array;
  globalThis.Int32Array = replacement as Int32ArrayConstructor;
  try {
    return work();
  } finally {
    globalThis.Int32Array = original;
  }
}

describe('AllocationStream', () => {
  it('does not count the memory it takes for itself when a hook on typed arrays sees it', () => {
    const { heap } = recordedHeap();
    heap.enable();
    heap.setSampling(1);
    let seen = 0;
    const hooked = class extends Int32Array {
      constructor(words: number) {
        super(words);
        seen++;
        heap.alloc(`hooked ${seen}`, this.byteLength);
      }
    };
    withInt32Array(hooked, () => {
      for (let i = 0; i < 3000; i++) heap.alloc(i, 1);
    });
    assert.ok(seen > 5, `${seen} arrays seen`);
    const stats = reportRow(heap, 'heap_report_stats');
    assert.equal(stats['live_alloc_count'], '3000');
    assert.equal(stats['live_bytes'], '3000');
  });

  it('stops with one warning when there is no memory to grow, keeps its figures true and still takes frees', () => {
    const { heap, warnings } = recordedHeap();
    heap.enable();
    const refuse = class {
      constructor() {
        throw new RangeError('Array buffer allocation failed');
      }
    };
    withInt32Array(refuse, () => {
      for (let i = 0; i < 1000; i++) heap.alloc(i, 10);
    });
    assert.equal(warnings.length, 1);
    assert.match(
      warnings[0]!,
      /^otrace: no memory for more live blocks of heap source "manual" \(Array buffer/,
    );
    const [before] = heap.snapshot().sources;
    assert.ok(before!.liveBlocks > 0 && before!.liveBlocks < 1000);
    assert.equal(before!.liveBytes, before!.liveBlocks * 10);
    for (let i = 0; i < 1000; i++) heap.free(i);
    const [after] = heap.snapshot().sources;
    assert.deepEqual([after!.liveBlocks, after!.liveBytes], [0, 0]);
  });
});
