import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { EndedHeaps } from '../../src/heap/ended-heaps.js';
import { hashStack } from '../../src/heap/frame.js';
import { reportRows } from '../../src/heap/report.js';
import type { HeapSnapshot, SiteUsage, SourceSnapshot } from '../../src/heap/snapshot.js';
import {
  largestSites,
  type OtherHeaps,
  sitesByThread,
  type ThreadHeap,
  withThreads,
} from '../../src/heap/thread-heaps.js';

function site(name: string, liveBytes: number, totalBytes = liveBytes): SiteUsage {
  const frames = [{ name, file: 'job.js', line: 1, column: 2 }];
  const blocks = (bytes: number): number => (bytes > 0 ? 1 : 0);
  return {
    source: 'manual',
    hash: hashStack('manual', frames),
    frames,
    liveBytes,
    liveBlocks: blocks(liveBytes),
    totalBytes,
    totalBlocks: blocks(totalBytes),
  };
}

function source(sites: readonly SiteUsage[], facts: Record<string, string> = {}): SourceSnapshot {
  return {
    source: 'manual',
    estimated: false,
    hasTotals: true,
    liveBytes: sites.reduce((sum, { liveBytes }) => sum + liveBytes, 0),
    liveBlocks: sites.reduce((sum, { liveBlocks }) => sum + liveBlocks, 0),
    sites,
    facts,
  };
}

const heap = (thread: string, ...sites: SiteUsage[]): ThreadHeap => ({ thread, sources: [source(sites)] });
const NONE: OtherHeaps = { running: [], ended: [], endedTotals: [], facts: {} };
const own = (...sites: SiteUsage[]): HeapSnapshot => ({ takenUs: 1, sources: [source(sites)] });

describe('a snapshot of all threads', () => {
  it('is the main thread’s own without others', () => {
    const snapshot = own(site('keep', 10));
    assert.equal(withThreads(snapshot, NONE), snapshot);
  });

  it('adds up threads that run the same script, and keeps them apart from the main thread and other scripts', () => {
    const whole = withThreads(own(site('keep', 1)), {
      ...NONE,
      running: [
        heap('a.js', site('keep', 10)),
        heap('a.js', site('keep', 20)),
        heap('b.js', site('keep', 40)),
      ],
    });
    const [manual] = whole.sources;
    assert.equal(manual!.liveBytes, 71);
    assert.equal(manual!.liveBlocks, 4);
    const rows = manual!.sites.map(({ thread, threadCount, liveBytes }) => [thread, threadCount, liveBytes]);
    assert.deepEqual(rows, [
      [undefined, undefined, 1],
      ['a.js', 2, 30],
      ['b.js', 1, 40],
    ]);
    assert.equal(new Set(manual!.sites.map(({ hash }) => hash)).size, 1, 'hashes know nothing of threads');
  });

  it('has the heaps that only another thread has', () => {
    const { sources } = withThreads(
      { takenUs: 1, sources: [] },
      { ...NONE, running: [heap('a.js', site('x', 5))] },
    );
    assert.deepEqual(
      sources.map(({ source: name, liveBytes }) => [name, liveBytes]),
      [['manual', 5]],
    );
  });

  it('counts facts together and leaves other facts to the first thread', () => {
    const mine = { takenUs: 1, sources: [source([], { unmatched_frees: '2', interval: '5 bytes' })] };
    const theirs = {
      thread: 'a.js',
      sources: [source([], { unmatched_frees: '3', interval: '6 bytes', more: 'x' })],
    };
    const { sources } = withThreads(mine, { ...NONE, running: [theirs] });
    assert.deepEqual(sources[0]!.facts, { unmatched_frees: '5', interval: '5 bytes', more: 'x' });
  });

  it('keeps labels and classes apart, and the errors of estimates as errors of independent figures', () => {
    const labelled = [
      { ...site('x', 1), label: 'GET /', errorBytes: 3 },
      { ...site('x', 1), label: 'POST /', errorBytes: 3 },
      { ...site('x', 1), label: 'GET /', errorBytes: 4 },
    ];
    const rows = sitesByThread(labelled.map((one) => ({ thread: 'a.js', part: source([one]) })));
    assert.deepEqual(
      rows.map(({ label, liveBytes, errorBytes }) => [label, liveBytes, errorBytes]),
      [
        ['GET /', 2, 5],
        ['POST /', 1, 3],
      ],
    );
  });

  it('is a report that names the threads', () => {
    const whole = withThreads(own(), {
      running: [heap('a.js', site('keep', 10)), heap('a.js', site('keep', 10))],
      ended: [heap('b.js', site('drop', 5))],
      endedTotals: [],
      facts: { threads: 'main, a.js x2' },
    });
    const [stats, leaks] = reportRows(whole);
    assert.equal(stats!.values['live_bytes'], '20');
    assert.equal(stats!.values['threads'], 'main, a.js x2');
    assert.deepEqual(leaks!.values, {
      leak_1: 'keep (job.js:1:2) <- [thread a.js x2] (20 bytes, 2 allocations)',
      leak_2: 'drop (job.js:1:2) <- [thread b.js, ended] (5 bytes, 1 allocations)',
    });
  });
});

describe('ended threads', () => {
  it('are shown as they were at their ends, their totals kept', () => {
    const ended = new EndedHeaps();
    ended.started('a.js', 2);
    ended.add(heap('a.js', site('x', 10, 100)), 0);
    ended.add(heap('a.js', site('x', 20, 200)), 2e6);
    const whole = withThreads(own(), { ...NONE, ended: ended.last, endedTotals: ended.totals });
    assert.equal(whole.sources[0]!.liveBytes, 0);
    assert.equal(whole.sources[0]!.sites[0]!.totalBytes, 300);
    assert.deepEqual(
      whole.ended!.map(({ liveBytes, threadCount }) => [liveBytes, threadCount]),
      [[30, 2]],
    );
    assert.deepEqual(ended.counts, [
      { thread: 'a.js', count: 2, unknown: 0, unknownBytes: 0, latestUs: 2e6 },
    ]);
  });

  it('are as many as ever ran at once, so that threads one after the other do not add up', () => {
    const ended = new EndedHeaps();
    ended.started('a.js', 1);
    for (let i = 0; i < 1000; i++) ended.add(heap('a.js', site('x', 10)), 0);
    assert.equal(ended.last.length, 1);
    assert.equal(ended.totals[0]!.sources[0]!.sites[0]!.totalBytes, 10_000);
    assert.equal(ended.counts[0]!.count, 1000);
  });

  it('are forgotten by a reset', () => {
    const ended = new EndedHeaps();
    ended.add(heap('a.js', site('x', 10)), undefined);
    assert.equal(ended.counts[0]!.unknown, 1);
    ended.reset();
    assert.deepEqual([ended.last, ended.totals, ended.counts], [[], [], []]);
  });

  it('take bounded memory however many scripts there are', () => {
    const ended = new EndedHeaps();
    for (let i = 0; i < 1000; i++) ended.add(heap(`${i}.js`, site('x', 10)), 0);
    assert.ok(ended.counts.length <= 65, `${ended.counts.length}`);
    const all = ended.totals.reduce((sum, { sources }) => sum + sources[0]!.sites[0]!.totalBytes, 0);
    assert.equal(all, 10_000);
  });
});

describe('the largest sites', () => {
  it('keep the sums', () => {
    const many = source(Array.from({ length: 100 }, (_, i) => site(`f${i}`, i, 2 * i)));
    const few = largestSites(many, 10);
    assert.equal(few.sites.length, 10);
    const sum = (sites: readonly SiteUsage[], figure: 'liveBytes' | 'totalBytes'): number =>
      sites.reduce((total, one) => total + one[figure], 0);
    assert.equal(sum(few.sites, 'liveBytes'), sum(many.sites, 'liveBytes'));
    assert.equal(sum(few.sites, 'totalBytes'), sum(many.sites, 'totalBytes'));
    assert.deepEqual(few.sites[0], many.sites[99]);
    assert.deepEqual(few.sites.at(-1)!.frames, []);
    assert.equal(largestSites(many, 100), many);
  });
});
