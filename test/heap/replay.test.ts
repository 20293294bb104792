// The same journals replayed in WebAssembly and in JavaScript, next to what a stream records without a journal.
import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { FREED, MOST_ENTRIES } from '../../src/heap/block-words.js';
import { LiveTable } from '../../src/heap/live-table.js';
import { SiteTable } from '../../src/heap/sites.js';
import { seededRandom } from './seeded-random.js';
import { withReplay } from './with-replay.js';

/** A table and everything that its journals change. */
class Counted {
  readonly table: LiveTable;
  readonly sites = new SiteTable('manual');
  readonly frees = { unmatchedFrees: 0, impliedFrees: 0 };

  constructor(table: LiveTable) {
    this.table = table;
    for (let line = 1; line < 4; line++) this.sites.siteOf([{ name: 'f', file: 'f.js', line, column: 1 }]);
  }

  replay(entries: readonly number[]): void {
    this.table.entries.set(entries);
    this.table.replay(entries.length, this.sites, this.frees);
    assert.equal(this.table.replayed, entries.length);
  }

  /** As a stream does. */
  put(key: number, bytes: number, site: number): void {
    this.sites.allocated(site, bytes);
    this.sites.live.add(site, bytes);
    const replaced = this.table.put(key, bytes, site);
    if (replaced < 0) return;
    this.sites.live.remove(this.table.site, replaced);
    this.frees.impliedFrees++;
  }

  take(key: number): void {
    const freed = this.table.take(key);
    if (freed < 0) this.frees.unmatchedFrees++;
    else this.sites.live.remove(this.table.site, freed);
  }

  get figures(): object {
    const { live, count } = this.sites;
    const blocks: number[][] = [];
    this.table.forEach((key, bytes, site) => {
      blocks.push([key, bytes, site]);
    });
    return {
      size: this.table.size,
      blocks: blocks.sort(([a], [b]) => a! - b!),
      frees: this.frees,
      sums: [live.bytes, live.blocks, live.peakBytes, live.peakBlocks],
      live: live.live(count),
      peak: live.peak(count),
      totals: this.sites.totals(),
    };
  }
}

describe('replaying journals', () => {
  for (const [name, keys, oddShare, seed] of [
    ['with usual entries alone', 500, 0, 1],
    ['with blocks of captured sites, huge ones and keys used again', 500, 0.3, 2],
    ['with few keys, so that most are live already or not at all', 40, 0.1, 3],
    ['while the table grows', 60_000, 0.02, 4],
  ] as const) {
    it(`gives the same in WebAssembly and in JavaScript, and without a journal: ${name}`, () => {
      const random = seededRandom(seed);
      const replaying = withReplay();
      const inWasm = new Counted(replaying.table);
      replaying.move();
      const inJs = new Counted(new LiveTable());
      const oneByOne = new Counted(new LiveTable());
      const live: number[] = [];
      let newKeys = 0;
      const usualKey = (): number => (Math.floor(random() * keys) * 0x1_0011 + 0x7fff_0000) >>> 0;
      for (let turn = 0; turn < 600; turn++) {
        const allocates = Math.floor(turn / 100) % 2 === 0 ? 0.75 : 0.3;
        const entries: number[] = [];
        const words = 2 * Math.floor(random() * MOST_ENTRIES);
        while (entries.length < words) {
          const isAllocation = random() < allocates;
          const ends = [0, 0xffff_ffff, 0x8000_0000, 0x7fff_ffff];
          let key = random() < 0.01 ? ends[Math.floor(random() * 4)]! : usualKey();
          if (oddShare === 0) {
            // Each key once, and only live ones are freed.
            if (!isAllocation && live.length === 0) continue;
            key = isAllocation ? 16 * newKeys++ : live.splice(Math.floor(random() * live.length), 1)[0]!;
            if (isAllocation) live.push(key);
          }
          const bytes = random() < 0.01 ? 0x7fff_ffff : Math.floor(random() * 3000);
          entries.push(key, isAllocation ? bytes : FREED);
          if (isAllocation) oneByOne.put(key, bytes, 0);
          else oneByOne.take(key);
        }
        inWasm.replay(entries);
        inJs.replay(entries);
        while (random() < oddShare) {
          const key = usualKey();
          const site = Math.floor(random() * 4);
          const bytes = random() < 0.5 ? 0x8000_0000 + key : 0xffff_fff0 + Math.floor(random() * 32);
          for (const counted of [inWasm, inJs, oneByOne]) counted.put(key, bytes, site);
        }
        if (turn % 150 !== 77) continue;
        assert.deepEqual(inWasm.figures, inJs.figures);
        assert.deepEqual(inWasm.figures, oneByOne.figures);
        if (turn % 300 === 77) inWasm.table.trim();
      }
      assert.deepEqual(inWasm.figures, oneByOne.figures);
      assert.deepEqual(inJs.figures, oneByOne.figures);
      assert.ok(inWasm.table.size > 0);
    });
  }

  it('goes on in the middle of a journal where the table moved or its memory was replaced', () => {
    const { table } = withReplay();
    const counted = new Counted(table);
    let key = 0;
    for (let turn = 0; turn < 120; turn++) {
      const entries: number[] = [];
      for (let i = 0; i < MOST_ENTRIES; i++) entries.push(key++ * 16, 8);
      counted.replay(entries);
    }
    assert.equal(table.size, key);
    assert.equal(counted.sites.live.bytes, 8 * key);
    for (let each = 0; each < key; each++) assert.ok(table.has(each * 16));
  });

  it('says how far it came when there is no memory to grow', () => {
    const replaying = withReplay();
    replaying.move();
    const { table } = replaying;
    const counted = new Counted(table);
    replaying.refuse = true;
    let key = 1;
    assert.throws(() => {
      for (; ; key += MOST_ENTRIES) {
        const entries = Array.from({ length: 2 * MOST_ENTRIES }, (_, i) => (i % 2 === 0 ? key + i / 2 : 10));
        counted.replay(entries);
      }
    }, RangeError);
    const last = key + table.replayed / 2 - 1;
    assert.equal(table.size, last);
    assert.equal(counted.sites.live.blocks, last);
    for (let each = 1; each <= last; each++) assert.equal(table.take(each), 10);
  });
});
