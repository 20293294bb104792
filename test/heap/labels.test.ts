import assert from 'node:assert/strict';
import { AsyncLocalStorage } from 'node:async_hooks';
import { describe, it } from 'node:test';
import { setImmediate as nextTurn } from 'node:timers/promises';
import type { SiteUsage } from '../../src/heap/snapshot.js';
import type { HeapTracer } from '../../src/heap/tracer.js';
import { parseHeapRow } from '../../src/reading/heap-rows.js';
import { recordedHeap, reportRow } from './recorded-heap.js';

function enabled(sampling: number): HeapTracer {
  const { heap } = recordedHeap({ labels: () => new AsyncLocalStorage<string>() });
  heap.setSampling(sampling);
  heap.enable();
  return heap;
}

const sitesOf = (heap: HeapTracer): readonly SiteUsage[] => heap.snapshot().sources[0]!.sites;
const byLabel = (heap: HeapTracer): Record<string, number> =>
  Object.fromEntries(sitesOf(heap).map(({ label = 'none', liveBytes }) => [label, liveBytes]));

let key = 0;
function allocate(heap: HeapTracer, bytes: number): number {
  heap.alloc(`block ${key++}`, bytes);
  return bytes;
}

describe('heap.withLabel', () => {
  for (const sampling of [0, 1]) {
    it(`keeps what one place allocates for several labels apart, sampling ${sampling}`, () => {
      const heap = enabled(sampling);
      for (const [label, bytes] of [
        ['GET /users', 10],
        ['GET /orders/[id]', 200],
        ['GET /users', 3],
      ] as const) {
        assert.equal(
          heap.withLabel(label, () => allocate(heap, bytes)),
          bytes,
        );
      }
      for (const bytes of [4000]) allocate(heap, bytes);
      assert.deepEqual(byLabel(heap), { 'GET /users': 13, 'GET /orders/[id]': 200, none: 4000 });
      const sites = sitesOf(heap);
      assert.equal(new Set(sites.map(({ hash }) => hash)).size, sites.length);
      assert.equal(
        sites.reduce((sum, site) => sum + site.totalBlocks, 0),
        4,
      );
    });
  }

  it('goes with async code, and nests', async () => {
    const heap = enabled(1);
    const work = async (bytes: number): Promise<void> => {
      await nextTurn();
      allocate(heap, bytes);
      heap.withLabel('inner', () => allocate(heap, 100_000));
      await new Promise((done) => setTimeout(done, 1));
      allocate(heap, bytes);
    };
    await Promise.all([
      heap.withLabel('a', () => work(1)),
      heap.withLabel('b', () => work(10)),
      heap.withLabel('c', () => work(100)),
    ]);
    const sums: Record<string, number> = {};
    for (const { label = 'none', liveBytes } of sitesOf(heap)) sums[label] = (sums[label] ?? 0) + liveBytes;
    assert.deepEqual(sums, { a: 2, b: 20, c: 200, inner: 300_000 });
  });

  it('ends with its function where there is no async context, also when that throws', () => {
    const { heap } = recordedHeap();
    heap.enable();
    assert.throws(() =>
      heap.withLabel('failing', () => {
        allocate(heap, 5);
        throw new Error('on purpose');
      }),
    );
    allocate(heap, 7);
    assert.deepEqual(byLabel(heap), { failing: 5, none: 7 });
  });

  it('makes nothing before the first label, nor while the tracer is off', () => {
    let made = 0;
    const { heap } = recordedHeap({
      labels: () => {
        made++;
        return new AsyncLocalStorage<string>();
      },
    });
    assert.equal(
      heap.withLabel('off', () => 5),
      5,
    );
    heap.enable();
    allocate(heap, 5);
    assert.equal(made, 0);
    heap.withLabel('on', () => allocate(heap, 5));
    heap.withLabel('on', () => allocate(heap, 5));
    assert.equal(made, 1);
  });

  it('stands in the rows of the report, and is read from them', () => {
    for (const sampling of [0, 1]) {
      const heap = enabled(sampling);
      for (const label of ['GET /orders/[id]', 'tenant (1 bytes, 2 allocations)', 'a <- b (x.ts:1:1)']) {
        heap.withLabel(label, () => heap.track({}, { bytes: 1000, name: 'Session' }));
        const row = parseHeapRow(1, reportRow(heap, 'heap_leaks')['leak_1']!);
        assert.equal(row.label, label);
        assert.equal(row.className, 'Session');
        assert.equal(row.frames.length > 0, sampling === 1);
        assert.equal(row.hash === null, sampling === 1);
        assert.deepEqual([row.bytes, row.blocks], [1000, 1]);
        heap.reset();
      }
    }
  });

  it('leaves rows without a label as they were', () => {
    const row = parseHeapRow(1, 'get [Symbol.species] <- f (a.ts:1:2) (10 bytes, 1 allocations)');
    assert.deepEqual([row.label, row.className, row.frames.length], [null, null, 2]);
  });
});
