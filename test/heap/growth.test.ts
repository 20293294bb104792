import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { growthOf, type SiteGrowth } from '../../src/heap/growth.js';
import { HeapHistory } from '../../src/heap/history.js';
import type { HeapSnapshot, SiteUsage } from '../../src/heap/snapshot.js';
import { recordedHeap, reportRow } from './recorded-heap.js';
import { seededRandom } from './seeded-random.js';

const SECOND_US = 1e6;
const SLICES = 24;

/** What a program does: called once a tick, it changes what sites hold. */
type Program = (tick: number, site: ReturnType<typeof siteOf>) => void;

interface Block {
  readonly born: number;
  readonly bytes: number;
}

function siteOf(name: string): { name: string; blocks: Block[] } {
  return { name, blocks: [] };
}

const PROGRAMS: Readonly<Record<string, Program>> = {
  leak: (tick, { blocks }) => add(blocks, tick, 10),
  cacheThatFills: (tick, { blocks }) => {
    if (tick < 200) add(blocks, tick, 10);
  },
  lru: (tick, { blocks }) => {
    add(blocks, tick, 10);
    if (blocks.length > 2_000) blocks.splice(0, blocks.length - 2_000);
  },
  smallLru: (tick, { blocks }) => {
    add(blocks, tick, 10);
    if (blocks.length > 100) blocks.splice(0, blocks.length - 100);
  },
  randomEviction: (tick, { blocks }) => {
    add(blocks, tick, 10);
    while (blocks.length > 1_000) blocks.splice(Math.floor(random() * blocks.length), 1);
  },
  burst: (tick, { blocks }) => {
    if (tick === 300) add(blocks, tick, 4_000);
  },
  burstsThatGo: (tick, { blocks }) => {
    if (tick % 150 === 149) blocks.splice(0, blocks.length);
    if (tick % 150 === 75) add(blocks, tick, 2_000);
  },
  batch: (tick, { blocks }) => {
    add(blocks, tick, 10);
    if (blocks.length >= 1_200) blocks.splice(0, blocks.length);
  },
  releasedLate: (tick, { blocks }) => {
    add(blocks, tick, 10);
    while (blocks.length > 0 && blocks[0]!.born < tick - 80) blocks.shift();
  },
  steady: (tick, { blocks }) => {
    if (tick === 0) add(blocks, tick, 3_000);
  },
};

let random = seededRandom(1);

function add(blocks: Block[], tick: number, count: number): void {
  for (let i = 0; i < count; i++) blocks.push({ born: tick, bytes: 100 });
}

const TICKS = 480;

/** Runs all programs side by side, with a snapshot each so many ticks. */
function verdictOf(
  everyTicks: number,
  toUsage: (site: ReturnType<typeof siteOf>, tick: number) => SiteUsage,
  births: boolean,
): SiteGrowth[] {
  const sites = Object.keys(PROGRAMS).map(siteOf);
  const history = new HeapHistory();
  let snapshot: HeapSnapshot | undefined;
  for (let tick = 0; tick < TICKS; tick++) {
    for (const site of sites) PROGRAMS[site.name]!(tick, site);
    if ((tick + 1) % everyTicks !== 0) continue;
    const usages = sites.map((site) => toUsage(site, tick));
    snapshot = {
      takenUs: (tick + 1) * SECOND_US,
      sources: [
        {
          source: births ? 'js' : 'manual',
          estimated: births,
          hasTotals: false,
          liveBytes: 0,
          liveBlocks: 0,
          sites: usages,
          ...(births && { births: { spanUs: (tick + 1) * SECOND_US, timed: everyTicks < TICKS } }),
          facts: {},
        },
      ],
    };
    history.add(snapshot);
  }
  return growthOf(snapshot!, history) ?? [];
}

function exactUsage({ name, blocks }: ReturnType<typeof siteOf>): SiteUsage {
  return { ...usageOf(name), liveBytes: blocks.length * 100, liveBlocks: blocks.length };
}

/** A sample a tenth of the blocks, as V8 does; which blocks are samples does not change. */
function sampledUsage(share: number): (site: ReturnType<typeof siteOf>, tick: number) => SiteUsage {
  const chosen = new WeakMap<Block, boolean>();
  return ({ name, blocks }, tick) => {
    const bornBytes = new Array<number>(SLICES).fill(0);
    let samples = 0;
    for (const block of blocks) {
      if (!chosen.has(block)) chosen.set(block, random() < share);
      if (chosen.get(block) !== true) continue;
      samples++;
      bornBytes[Math.min(SLICES - 1, Math.floor((block.born / (tick + 1)) * SLICES))]! += 100 / share;
    }
    return {
      ...usageOf(name),
      source: 'js',
      liveBytes: (samples * 100) / share,
      liveBlocks: samples / share,
      errorBytes: (Math.sqrt(samples * (1 - share)) * 100) / share,
      bornBytes,
    };
  };
}

function usageOf(name: string): SiteUsage {
  const frames = [{ name, file: 'app.js', line: 1, column: 1 }];
  return { source: 'manual', hash: name, frames, liveBytes: 0, liveBlocks: 0, totalBytes: 0, totalBlocks: 0 };
}

const names = (growing: readonly SiteGrowth[]): string[] => growing.map(({ usage }) => usage.frames[0]!.name);

describe('the growth verdict', () => {
  it('names the leak alone among programs that keep something too, from exact courses', () => {
    for (const everyTicks of [10, 15, 20, 40]) {
      const growing = verdictOf(everyTicks, exactUsage, false);
      assert.deepEqual(names(growing), ['leak'], `a snapshot each ${everyTicks} ticks`);
      assert.ok(growing[0]!.confidence >= 0.95);
      assert.ok(Math.abs((growing[0]!.toBytes - growing[0]!.fromBytes) / growing[0]!.spanUs - 1e-3) < 1e-4);
    }
  });

  it('names the leak alone from samples with births, however few snapshots there are', () => {
    for (let seed = 1; seed <= 8; seed++) {
      for (const everyTicks of [10, 40, TICKS]) {
        random = seededRandom(seed);
        const growing = verdictOf(everyTicks, sampledUsage(0.1), true);
        // One snapshot of few samples can take random eviction for a leak; the second tells them apart.
        const sure =
          everyTicks < TICKS ? growing : growing.filter(({ usage }) => usage.hash !== 'randomEviction');
        assert.deepEqual(names(sure), ['leak'], `seed ${seed}, a snapshot each ${everyTicks} ticks`);
        assert.equal(growing[0]!.confidence <= 0.9, everyTicks === TICKS, 'one snapshot proves less');
      }
    }
  });

  it('is no verdict when too few samples of the leak are alive', () => {
    let verdicts = 0;
    for (let seed = 1; seed <= 8; seed++) {
      random = seededRandom(seed);
      verdicts += verdictOf(10, sampledUsage(0.0005), true).length;
    }
    assert.equal(verdicts, 0);
  });

  it('is more sure the more snapshots there are, and says nothing of one without births', () => {
    const { heap, clock } = recordedHeap();
    heap.enable();
    const rows: string[] = [];
    let key = 0;
    for (let report = 0; report < 6; report++) {
      clock.nowUs += SECOND_US;
      heap.alloc(key++, 1_000);
      const result = heap.report();
      assert.ok(result.written);
      const growth = result.rows.find(({ name }) => name === 'heap_growth');
      rows.push(growth === undefined ? 'none' : /confidence (\d+)%/.exec(growth.values['growth_1']!)![1]!);
    }
    assert.deepEqual(rows, ['none', '50', '75', '87', '93', '96']);
    assert.match(
      reportRow(heap, 'heap_growth')['growth_1']!,
      /^hash=0x[0-9a-f]{16} \(\+\d+ bytes\/min, \d+ -> 6000 bytes, confidence \d+%\)$/,
    );
    heap.reset();
    assert.equal(heap.report().written, true);
    const again = heap.report();
    assert.deepEqual(again.written && again.rows.find(({ name }) => name === 'heap_growth')?.values, {
      info: 'no_growth_detected',
    });
  });

  it('of few looks is listed only where they were asked for, and never for a pool of buffers', () => {
    const rowsOf = (source: 'manual' | 'buffers', bytes: number, kind: 'report' | 'checkpoint'): number => {
      const history = new HeapHistory();
      const lookAt = (takenUs: number, liveBytes: number): HeapSnapshot => {
        const sites = [{ ...usageOf('kept'), source, liveBytes, liveBlocks: 1 }];
        const figures = { estimated: false, hasTotals: false, liveBytes, liveBlocks: 1, facts: {} };
        return { takenUs, sources: [{ ...figures, source, sites }] };
      };
      history.add(lookAt(0, 0), kind);
      const last = lookAt(SECOND_US, bytes);
      history.add(last);
      return growthOf(last, history)!.length;
    };
    assert.equal(rowsOf('manual', 8192, 'report'), 1);
    assert.equal(rowsOf('manual', 8192, 'checkpoint'), 0);
    assert.equal(rowsOf('buffers', 8192, 'report'), 0);
    assert.equal(rowsOf('buffers', 1e6, 'report'), 1);
  });

  it('takes looks that crowd together for one: what came in the long pause after them may have come at once', () => {
    const history = new HeapHistory();
    let last: HeapSnapshot | undefined;
    for (const [seconds, liveBytes] of [[1], [1.2], [1.4], [1.6], [10, 8e6]] as const) {
      const site: SiteUsage = { ...usageOf('kept'), liveBytes: liveBytes ?? 0, liveBlocks: 1 };
      const figures = { estimated: false, hasTotals: false, liveBytes: 0, liveBlocks: 1, facts: {} };
      last = { takenUs: seconds * SECOND_US, sources: [{ ...figures, source: 'manual', sites: [site] }] };
      history.add(last, 'checkpoint');
    }
    assert.deepEqual(growthOf(last!, history), []);
  });

  it('weighs a large block as the one sample it is: the table of a map that grows', () => {
    const bornSamples = Array.from({ length: SLICES }, (_, slice) => (slice === 17 ? 3 : 2));
    const bornBytes = bornSamples.map((samples, slice) => samples * 32_000 + (slice === 17 ? 8e6 : 0));
    const liveBytes = bornBytes.reduce((sum, bytes) => sum + bytes, 0);
    const growing = (samples: number[] | undefined): SiteGrowth[] => {
      const site = { ...usageOf('set'), liveBytes, liveBlocks: 49, errorBytes: 250_000, bornBytes };
      const sites: SiteUsage[] = [
        { ...site, source: 'js', ...(samples !== undefined && { bornSamples: samples }) },
      ];
      const figures = { estimated: true, hasTotals: false, liveBytes, liveBlocks: 49, facts: {} };
      const births = { spanUs: 24 * SECOND_US, timed: true };
      const snapshot: HeapSnapshot = {
        takenUs: 24 * SECOND_US,
        sources: [{ ...figures, source: 'js', sites, births }],
      };
      return growthOf(snapshot, new HeapHistory())!;
    };
    assert.ok(growing(bornSamples)[0]!.confidence >= 0.9);
    assert.deepEqual(growing(undefined), []);
  });

  /** The verdict on a site of which so many samples were born in each slice, from one snapshot. */
  function verdictOn(
    bornSamples: readonly number[],
    births: { readonly timed: boolean; readonly activity?: readonly number[] },
  ): SiteGrowth[] {
    const samples = bornSamples.reduce((sum, born) => sum + born, 0);
    const site: SiteUsage = {
      ...usageOf('site'),
      source: 'js',
      liveBytes: samples * 32_000,
      liveBlocks: samples,
      errorBytes: Math.sqrt(samples) * 32_000,
      bornBytes: bornSamples.map((born) => born * 32_000),
      bornSamples,
    };
    const source = {
      source: 'js' as const,
      estimated: true,
      hasTotals: false,
      liveBytes: site.liveBytes,
      liveBlocks: samples,
      facts: {},
      births: { spanUs: SLICES * SECOND_US, ...births },
      sites: [site],
    };
    return growthOf({ takenUs: SLICES * SECOND_US, sources: [source] }, new HeapHistory())!;
  }

  it('asks less of a time in which the whole program did less, and still something', () => {
    const slack = (busy: number, then: number): number[] =>
      Array.from({ length: SLICES }, (_, slice) => (slice < 18 ? busy : then));
    // Traffic falls to a sixth: the leak with it, while a cache that is full gains nothing.
    const activity = slack(1.25, 0.2);
    assert.deepEqual(verdictOn(slack(6, 1), { timed: true }), []);
    assert.ok(verdictOn(slack(6, 1), { timed: true, activity })[0]!.confidence >= 0.8);
    assert.deepEqual(verdictOn(slack(6, 0), { timed: true, activity }), []);
    // One burst in a program that does nothing else.
    const burst = Array.from({ length: SLICES }, (_, slice) => (slice === 12 ? 100 : 0));
    assert.deepEqual(verdictOn(burst, { timed: true, activity: burst.map((born) => born / 4) }), []);
  });

  it('takes two bursts that are kept for no growth, though an axis of what was allocated is coarse', () => {
    const between = (slices: readonly number[], each: number): number[] =>
      Array.from({ length: SLICES }, (_, slice) => (slices.includes(slice) ? each : 0));
    assert.deepEqual(verdictOn(between([8, 9, 16, 17, 18], 20), { timed: false }), []);
    const grows = Array.from({ length: SLICES }, (_, slice) => (slice < 20 ? 6 : 0));
    assert.equal(verdictOn(grows, { timed: false })[0]!.confidence, 0.9, 'with a dead end');
  });

  it('counts checkpoints like reports', () => {
    const { heap, clock, events } = recordedHeap();
    heap.enable();
    for (let key = 0; key < 5; key++) {
      clock.nowUs += SECOND_US;
      heap.alloc(key, 1_000);
      heap.checkpoint();
    }
    assert.deepEqual(
      events.filter(({ name }) => name !== 'heap_live_bytes'),
      [],
    );
    clock.nowUs += SECOND_US;
    assert.match(reportRow(heap, 'heap_growth')['growth_1']!, /confidence \d+%/);
  });
});

describe('a site whose functions V8 inlines as the program warms up', () => {
  const frame = (name: string) => ({ name, file: 'app.js', line: 1, column: 1 });
  const born = (from: number, to: number): number[] =>
    Array.from({ length: SLICES }, (_, slice) => (slice >= from && slice < to ? 100_000 : 0));
  const usage = (stack: string[], bornBytes: number[]): SiteUsage => {
    const liveBytes = bornBytes.reduce((sum, bytes) => sum + bytes, 0);
    const base = { source: 'js', hash: stack.join(), totalBytes: 0, totalBlocks: 0 } as const;
    return {
      ...base,
      frames: stack.map(frame),
      liveBytes,
      liveBlocks: 1,
      errorBytes: Math.sqrt(liveBytes * 1000),
      bornBytes,
    };
  };
  const verdict = (sites: SiteUsage[], inlining = true): SiteGrowth[] => {
    const source = { source: 'js', estimated: true, hasTotals: false, liveBytes: 0, liveBlocks: 0 } as const;
    const births = { spanUs: 24 * SECOND_US, timed: true, inlining };
    const snapshot = { takenUs: 24 * SECOND_US, sources: [{ ...source, sites, births, facts: {} }] };
    const history = new HeapHistory();
    history.add(snapshot);
    return growthOf(snapshot, history)!;
  };

  it('is one leak, named with what was inlined', () => {
    const growing = verdict([
      usage(['init', 'create', 'handle', 'serve'], born(0, 8)),
      usage(['create', 'handle', 'serve'], born(8, 12)),
      usage(['handle'], born(12, 24)),
      usage(['other', 'serve'], born(0, 3)),
    ]);
    assert.equal(growing.length, 1);
    assert.deepEqual(names(growing), ['handle']);
    assert.deepEqual(
      growing[0]!.inlined.map(({ name }) => name),
      ['init', 'create', 'serve'],
    );
    assert.equal(growing[0]!.toBytes, 2_400_000);
  });

  it('is named by functions of the program rather than by those of Node, as completely as any stack has them', () => {
    const own = { name: 'get signal', file: 'node:internal/abort_controller', line: 0, column: 0 };
    const node = (stack: string[], bornBytes: number[]): SiteUsage => {
      const site = usage(['get signal', ...stack], bornBytes);
      return { ...site, frames: [own, ...site.frames.slice(1)] };
    };
    const growing = verdict([
      node(['any', 'step'], born(0, 3)),
      node(['step'], born(3, 8)),
      usage(['any', 'step'], born(5, 9)),
      usage(['step'], born(9, 24)),
    ]);
    assert.deepEqual(names(growing), ['step']);
    assert.deepEqual(
      growing[0]!.inlined.map(({ name }) => name),
      ['get signal', 'any'],
    );
  });

  it('is not guessed at where nothing is inlined', () => {
    const sites = [usage(['create', 'handle'], born(0, 12)), usage(['handle'], born(0, 24))];
    assert.deepEqual(
      verdict(sites).map(({ inlined }) => inlined.length),
      [1],
    );
    assert.deepEqual(
      verdict(sites, false).map(({ inlined }) => inlined.length),
      [0],
    );
  });

  it('is not made up where the inner function goes on', () => {
    const growing = verdict([usage(['create', 'handle'], born(0, 24)), usage(['handle'], born(0, 24))]);
    assert.deepEqual(
      growing.map(({ inlined }) => inlined),
      [[], []],
    );
  });

  it('is one leak where several callers take turns, and the leaking caller alone where others use it well', () => {
    const turns = verdict([usage(['row', 'a'], born(0, 12)), usage(['row', 'b'], born(12, 24))]);
    assert.deepEqual(names(turns), ['row']);
    assert.equal(turns[0]!.toBytes, 2_400_000);
    const cache = usage(
      ['row', 'cached'],
      born(22, 24).map((bytes) => bytes * 30),
    );
    const mixed = verdict([cache, usage(['row', 'leaks'], born(0, 24))]);
    assert.deepEqual(
      mixed.map(({ usage: { frames } }) => frames[1]!.name),
      ['leaks'],
    );
  });

  it('is not made up of sites that only share a caller', () => {
    assert.deepEqual(verdict([usage(['a', 'serve'], born(0, 12)), usage(['b', 'serve'], born(16, 24))]), []);
  });
});
