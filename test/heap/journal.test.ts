import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { HeapTracer } from '../../src/heap/tracer.js';
import { ManualSource } from '../../src/sources/manual.js';
import { recordedHeap } from './recorded-heap.js';
import { seededRandom } from './seeded-random.js';

interface Truth {
  readonly live: Map<number | string, number>;
  liveBytes: number;
  peakBytes: number;
  peakBlocks: number;
  totalBytes: number;
  totalBlocks: number;
  unmatched: number;
  implied: number;
}

function freed(truth: Truth, key: number | string): void {
  const bytes = truth.live.get(key);
  if (bytes === undefined) truth.unmatched++;
  else truth.liveBytes -= bytes;
  truth.live.delete(key);
}

/** What an allocation at a key changes: the new block counts before the one that it replaces is gone. */
function allocated(truth: Truth, key: number | string, bytes: number): void {
  truth.totalBytes += bytes;
  truth.totalBlocks++;
  const replaced = truth.live.get(key);
  truth.liveBytes += bytes;
  truth.live.set(key, bytes);
  const blocks = truth.live.size + (replaced === undefined ? 0 : 1);
  if (truth.liveBytes > truth.peakBytes) {
    truth.peakBytes = truth.liveBytes;
    truth.peakBlocks = blocks;
  }
  if (replaced === undefined) return;
  truth.liveBytes -= replaced;
  truth.implied++;
}

function assertTrue(heap: HeapTracer, truth: Truth): void {
  const manual = heap.snapshot().sources.find(({ source }) => source === 'manual')!;
  let totalBytes = 0;
  let totalBlocks = 0;
  for (const site of manual.sites) {
    totalBytes += site.totalBytes;
    totalBlocks += site.totalBlocks;
  }
  assert.deepEqual(
    {
      liveBytes: manual.liveBytes,
      liveBlocks: manual.liveBlocks,
      peakBytes: manual.peakBytes,
      peakBlocks: manual.peakBlocks,
      totalBytes,
      totalBlocks,
      unmatched: manual.facts?.['unmatched_frees'],
      implied: manual.facts?.['implied_frees'],
    },
    {
      liveBytes: truth.liveBytes,
      liveBlocks: truth.live.size,
      peakBytes: truth.peakBytes,
      peakBlocks: truth.peakBlocks,
      totalBytes: truth.totalBytes,
      totalBlocks: truth.totalBlocks,
      unmatched: String(truth.unmatched),
      implied: String(truth.implied),
    },
  );
}

describe('Journal', () => {
  // With 40,000 keys the table comes to be spread over its shards.
  for (const [sampling, keys] of [
    [0, 700],
    [0.02, 700],
    [0.4, 700],
    [0, 40_000],
  ] as const) {
    it(`changes nothing in what is counted, at sampling ${sampling} with ${keys} keys`, () => {
      const random = seededRandom(11);
      const { heap } = recordedHeap({ seed: 5 });
      heap.enable();
      heap.setSampling(sampling);
      const truth: Truth = {
        live: new Map(),
        liveBytes: 0,
        peakBytes: 0,
        peakBlocks: 0,
        totalBytes: 0,
        totalBlocks: 0,
        unmatched: 0,
        implied: 0,
      };
      for (let step = 0; step < 30_000; step++) {
        const pick = random();
        const isNumber = random() < 0.97;
        const id = Math.floor(random() * keys);
        const key = isNumber ? id * 16 : `key ${id}`;
        const share = Math.floor(step / 5000) % 2 === 0 ? 0.6 : 0.4;
        if (pick < share) {
          const size = random();
          const bytes = size < 0.01 ? 0x1_0000_0000 + id : Math.floor(size * 5000);
          heap.alloc(key, bytes);
          allocated(truth, key, bytes);
        } else {
          heap.free(key);
          freed(truth, key);
        }
        if (random() < 0.002) assertTrue(heap, truth);
      }
      assertTrue(heap, truth);
    });
  }

  it('does not delay the first allocation after sampling is set, nor a label', () => {
    const { heap } = recordedHeap();
    heap.enable();
    for (let i = 0; i < 10; i++) heap.alloc(i, 1);
    heap.setSampling(1);
    heap.alloc(100, 7);
    heap.setSampling(0);
    heap.alloc(101, 1);
    heap.withLabel('tenant', () => heap.alloc(102, 9));
    heap.alloc(103, 1);
    const [manual] = heap.snapshot().sources;
    const captured = manual!.sites.filter(({ frames }) => frames.length > 0);
    assert.deepEqual(
      captured.map(({ liveBytes, liveBlocks }) => [liveBytes, liveBlocks]),
      [[7, 1]],
    );
    const labelled = manual!.sites.filter(({ label }) => label === 'tenant');
    assert.deepEqual(
      labelled.map(({ liveBytes, liveBlocks }) => [liveBytes, liveBlocks]),
      [[9, 1]],
    );
    assert.equal(manual!.liveBlocks, 14);
  });

  it('takes nothing while otrace itself works, but frees, and goes on with its turn after that', () => {
    const { heap } = recordedHeap();
    heap.enable();
    for (let i = 0; i < 10; i++) heap.alloc(i, 1);
    heap.host.guard.run(() => {
      heap.alloc(100, 7);
      heap.host.guard.run(() => heap.alloc(101, 7)); // nested
      heap.alloc(102, 7);
      heap.free(3);
      heap.free(200);
    });
    heap.alloc(103, 1);
    heap.host.guard.run(() => heap.alloc(104, 7));
    heap.free(4);
    const [manual] = heap.snapshot().sources;
    assert.deepEqual([manual!.liveBlocks, manual!.liveBytes], [9, 9]);
    assert.equal(manual!.facts?.['unmatched_frees'], '0');
  });

  it('samples the share it was told when frees and reads end its turns early', () => {
    const { heap } = recordedHeap({ seed: 3 });
    heap.enable();
    heap.setSampling(0.1);
    const blocks = 20_000;
    for (let i = 0; i < blocks; i++) {
      heap.alloc(i, 1);
      if (i % 3 === 0) heap.free(i + blocks);
      if (i % 50 === 0) heap.addPoint();
    }
    const [manual] = heap.snapshot().sources;
    let sampled = 0;
    for (const site of manual!.sites) if (site.frames.length > 0) sampled += site.totalBlocks;
    const deviation = Math.sqrt(blocks * 0.1 * 0.9);
    assert.ok(Math.abs(sampled - blocks * 0.1) < 5 * deviation, `${sampled} of ${blocks}`);
  });

  it('keeps a point of the counter at the truth of its moment', () => {
    const points: number[] = [];
    let nowUs = 0;
    const heap = new HeapTracer(
      {
        recording: true,
        nowUs: () => nowUs,
        instant: () => {},
        counter: (_name, series) => points.push(series['total']!),
        annex: () => {},
      },
      { manual: (host) => new ManualSource(host) },
    );
    heap.enable();
    for (let i = 1; i <= 5; i++) {
      nowUs += 2_000_000;
      heap.alloc(i, 10);
    }
    assert.deepEqual(points, [0, 10, 20, 30, 40, 50]);
  });
});
