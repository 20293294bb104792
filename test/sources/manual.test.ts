import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { setImmediate as nextTurn } from 'node:timers/promises';
import type { HeapKey } from '../../src/heap/program-blocks.js';
import type { HeapTracer } from '../../src/heap/tracer.js';
import { recordedHeap } from '../heap/recorded-heap.js';

const live = (heap: HeapTracer): [number, number] => {
  const manual = heap.snapshot().sources.find((source) => source.source === 'manual')!;
  return [manual.liveBytes, manual.liveBlocks];
};
const unmatched = (heap: HeapTracer): string => heap.snapshot().sources[0]!.facts['unmatched_frees']!;

function enabled(): ReturnType<typeof recordedHeap> {
  const recorded = recordedHeap();
  recorded.heap.enable();
  return recorded;
}

/** Collects garbage until finalizers have seen to it, as long as that takes and no longer than 200 turns. */
async function collectUntil(done: () => boolean): Promise<void> {
  for (let turn = 0; turn < 200 && !done(); turn++) {
    await nextTurn(); // a WeakRef that `done` looked at is held until the end of the turn
    globalThis.gc!();
    await nextTurn();
  }
}

describe('ManualSource', () => {
  it('takes anything as a key and keeps keys of different types apart', () => {
    const { heap } = enabled();
    const object = {};
    const keys: HeapKey[] = [
      0,
      1,
      0xffff_ffff,
      0x1_0000_0000,
      -1,
      1.5,
      Number.NaN,
      Number.POSITIVE_INFINITY,
      '',
      '1',
      1n,
      2n ** 80n,
      Symbol('a'),
      Symbol('a'),
      Symbol.for('a'),
      object,
      {},
      [],
      () => {},
    ];
    keys.forEach((key, i) => {
      heap.alloc(key, 2 ** i);
    });
    assert.deepEqual(live(heap), [2 ** keys.length - 1, keys.length]);
    keys.forEach((key, i) => {
      heap.free(key);
      assert.equal(live(heap)[0], 2 ** keys.length - 2 ** (i + 1));
    });
    assert.equal(unmatched(heap), '0');
    for (const key of keys) heap.free(key);
    assert.equal(unmatched(heap), String(keys.length));
  });

  it('counts an allocation at a live key as a free and an allocation', () => {
    const { heap } = enabled();
    for (const key of [7, 'seven']) {
      heap.alloc(key, 10);
      heap.alloc(key, 30);
    }
    assert.deepEqual(live(heap), [60, 2]);
    const [manual] = heap.snapshot().sources;
    assert.equal(manual!.facts['implied_frees'], '2');
    assert.equal(manual!.sites[0]!.totalBytes, 80);
    assert.equal(manual!.sites[0]!.totalBlocks, 4);
  });

  it('moves blocks with realloc', () => {
    const { heap } = enabled();
    heap.alloc(1, 10);
    heap.realloc(1, 20);
    assert.deepEqual(live(heap), [20, 1]);
    heap.realloc(1, 40, 2);
    assert.deepEqual(live(heap), [40, 1]);
    heap.realloc(2, 50, 'elsewhere');
    heap.free(1);
    assert.equal(unmatched(heap), '1');
    heap.realloc('elsewhere', 0);
    assert.deepEqual(live(heap), [0, 0]);
    heap.realloc('unknown', 5);
    assert.deepEqual(live(heap), [5, 1]);
    assert.equal(unmatched(heap), '2');
  });

  it("attributes realloc and track to the user's function", () => {
    const { heap } = enabled();
    heap.setSampling(1);
    function mover(): void {
      heap.realloc(1, 5);
    }
    function tracked(): object {
      return heap.track({}, 7);
    }
    mover();
    const kept = tracked();
    const names = heap.snapshot().sources[0]!.sites.map((site) => site.frames[0]?.name);
    assert.deepEqual(names, ['mover', 'tracked']);
    heap.free(kept);
  });

  it('ignores sizes that are none, with one warning', () => {
    const { heap, warnings } = enabled();
    const object = {};
    for (const bytes of [Number.NaN, -1, Number.POSITIVE_INFINITY, 2 ** 54, '5', undefined, null, {}, 5n]) {
      heap.alloc(1, bytes as number);
      heap.alloc('a', bytes as number);
      heap.realloc(1, bytes as number);
      const size = (Object(bytes) === bytes ? { bytes: -1 } : bytes) as number;
      assert.equal(heap.track(object, size), object);
    }
    assert.deepEqual(live(heap), [0, 0]);
    assert.equal(warnings.length, 1);
    assert.match(
      warnings[0]!,
      /^otrace: heap\.alloc, realloc or track was given NaN as bytes, which is ignored; give /,
    );
    heap.alloc(1, 2.9);
    heap.alloc(2, Number.MAX_SAFE_INTEGER - 10);
    heap.alloc(3, 0);
    assert.deepEqual(live(heap), [Number.MAX_SAFE_INTEGER - 8, 3]);
    for (const key of [1, 2, 3]) heap.free(key);
    assert.deepEqual(live(heap), [0, 0]);
  });

  it('frees a tracked object when it is collected', async () => {
    const { heap } = enabled();
    const kept = heap.track({ name: 'kept' }, 1000);
    for (let i = 0; i < 50; i++) heap.track({ i }, 10);
    assert.deepEqual(live(heap), [1500, 51]);
    await collectUntil(() => live(heap)[1] === 1);
    assert.deepEqual(live(heap), [1000, 1]);
    assert.equal(unmatched(heap), '0');
    heap.free(kept);
    assert.deepEqual(live(heap), [0, 0]);
  });

  it('frees a tracked object once, whether by hand, by replacement or by the collector', async () => {
    const { heap } = enabled();
    const canary = new WeakRef(
      (() => {
        const object = heap.track({}, 10);
        heap.track(object, 20);
        assert.deepEqual(live(heap), [20, 1]);
        heap.free(object);
        heap.track(object, 30);
        heap.free(object);
        return object;
      })(),
    );
    await collectUntil(() => canary.deref() === undefined);
    await nextTurn();
    assert.equal(canary.deref(), undefined);
    assert.deepEqual(live(heap), [0, 0]);
    assert.equal(unmatched(heap), '0');
  });

  it('takes finalizers that run after disable or reset without harm', async () => {
    const { heap } = enabled();
    (() => heap.track({}, 10))();
    heap.disable();
    await collectUntil(() => live(heap)[1] === 0);
    assert.deepEqual(live(heap), [0, 0]);

    heap.enable();
    const canary = new WeakRef((() => heap.track({}, 10))());
    heap.reset();
    heap.alloc('fresh', 5);
    await collectUntil(() => canary.deref() === undefined);
    await nextTurn();
    assert.equal(canary.deref(), undefined);
    assert.deepEqual(live(heap), [5, 1]);
    assert.equal(unmatched(heap), '0');
  });

  it('does not hold on to objects', async () => {
    const { heap } = enabled();
    const canary = new WeakRef(
      (() => {
        const key = {};
        heap.alloc(key, 10);
        return key;
      })(),
    );
    await collectUntil(() => canary.deref() === undefined);
    assert.equal(canary.deref(), undefined);
    assert.deepEqual(live(heap), [10, 1]);
  });

  it('returns the object and records nothing while the tracer is off', () => {
    const { heap } = recordedHeap();
    const object = {};
    assert.equal(heap.track(object, 10), object);
    heap.enable();
    assert.deepEqual(live(heap), [0, 0]);
  });
});
