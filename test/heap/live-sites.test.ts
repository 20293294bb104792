import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { LiveSites, type SiteFigures, UNCAPTURED } from '../../src/heap/live-sites.js';
import { recordedHeap } from './recorded-heap.js';
import { seededRandom } from './seeded-random.js';

interface Block {
  readonly site: number;
  readonly bytes: number;
}

function figuresOf(blocks: Iterable<Block>, count: number): { bytes: number[]; blocks: number[] } {
  const figures = { bytes: new Array<number>(count).fill(0), blocks: new Array<number>(count).fill(0) };
  for (const { site, bytes } of blocks) {
    figures.bytes[site]! += bytes;
    figures.blocks[site]! += 1;
  }
  return figures;
}

function plain({ bytes, blocks }: SiteFigures): { bytes: number[]; blocks: number[] } {
  return { bytes: [...bytes], blocks: [...blocks] };
}

describe('LiveSites', () => {
  it('knows what each site holds and held at the mark, as a copy made at each new maximum does', () => {
    for (let seed = 1; seed <= 20; seed++) {
      const random = seededRandom(seed);
      const sites = new LiveSites();
      const count = 1 + Math.floor(random() * 100);
      sites.reserve(count);
      const model: Block[] = [];
      let most = 0;
      let atMost: readonly Block[] = [];
      for (let step = 0; step < 3000; step++) {
        // The share of adds swings, so that there are many marks with falls between them.
        if (model.length === 0 || random() < 0.5 + 0.3 * Math.sin(step / 100)) {
          const block = { site: Math.floor(random() * count), bytes: Math.floor(random() * 1000) };
          model.push(block);
          sites.add(block.site, block.bytes);
          const total = model.reduce((sum, { bytes }) => sum + bytes, 0);
          if (total > most) {
            most = total;
            atMost = [...model];
          }
        } else {
          const [block] = model.splice(Math.floor(random() * model.length), 1) as [Block];
          sites.remove(block.site, block.bytes);
        }
        if (step % 50 !== 0) continue;
        assert.deepEqual(plain(sites.live(count)), figuresOf(model, count));
        assert.equal(sites.peakBytes, most);
        assert.deepEqual(plain(sites.peak(count)).bytes, figuresOf(atMost, count).bytes);
      }
      sites.restartPeak();
      assert.deepEqual(plain(sites.peak(count)), figuresOf(model, count));
    }
  });

  it('gives the uncaptured site what the others leave', () => {
    const sites = new LiveSites();
    sites.reserve(2);
    sites.add(UNCAPTURED, 100);
    sites.add(1, 7);
    sites.remove(UNCAPTURED, 100);
    assert.deepEqual(plain(sites.live(2)), { bytes: [0, 7], blocks: [0, 1] });
    assert.deepEqual(plain(sites.peak(2)), { bytes: [100, 7], blocks: [1, 1] });
  });
});

describe('the peak of a stream source', () => {
  it('is in its snapshot, starts again at reset, and counts a replaced block once it is replaced', () => {
    const { heap } = recordedHeap();
    heap.enable();
    heap.alloc(1, 1000);
    heap.alloc('two', 500);
    heap.free(1);
    heap.alloc('two', 100);
    const [taken] = heap.snapshot().sources;
    assert.deepEqual([taken!.liveBytes, taken!.peakBytes, taken!.peakBlocks], [100, 1500, 2]);
    heap.reset();
    const [empty] = heap.snapshot().sources;
    assert.deepEqual([empty!.liveBytes, empty!.peakBytes, empty!.peakBlocks], [0, 0, 0]);
  });
});
