import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import fc from 'fast-check';
import { type Frame, hashStack } from '../../src/heap/frame.js';
import { HeapHistory } from '../../src/heap/history.js';
import { reportRows } from '../../src/heap/report.js';
import { type HeapSnapshot, type SiteUsage, SOURCE_NAMES, type SourceName } from '../../src/heap/snapshot.js';

const stack = (...names: string[]): Frame[] =>
  names.map((name, i) => ({ name, file: 'app.ts', line: 12 + 18 * i, column: 3 - 2 * i }));

function usage(source: SourceName, frames: Frame[], live: [number, number], total = live): SiteUsage {
  return {
    source,
    hash: hashStack(source, frames),
    frames,
    liveBytes: live[0],
    liveBlocks: live[1],
    totalBytes: total[0],
    totalBlocks: total[1],
  };
}

function snapshotOf(...sites: SiteUsage[]): HeapSnapshot {
  const sources = SOURCE_NAMES.map((source) => {
    const own = sites.filter((site) => site.source === source);
    return {
      source,
      estimated: source === 'js',
      hasTotals: source !== 'js',
      liveBytes: own.reduce((sum, site) => sum + site.liveBytes, 0),
      liveBlocks: own.reduce((sum, site) => sum + site.liveBlocks, 0),
      sites: own,
      facts: source === 'manual' ? { unmatched_frees: '2' } : {},
    };
  }).filter((source) => source.sites.length > 0);
  return { takenUs: 0, sources };
}

function rowsOf(snapshot: HeapSnapshot, top?: number): Record<string, Readonly<Record<string, string>>> {
  return Object.fromEntries(reportRows(snapshot, top).map((row) => [row.name, row.values]));
}

describe('reportRows', () => {
  it('writes exact and estimated groups in the public format', () => {
    const snapshot = snapshotOf(
      usage('manual', stack('keepBlock', 'main'), [1966080, 120], [3932160, 240]),
      usage('manual', [], [2048, 1]),
      usage('manual', stack('gone'), [0, 0], [9_000_000, 3]),
      usage('js', stack('parse'), [70000.4, 2.6]),
    );
    assert.deepEqual(reportRows(snapshot), [
      {
        name: 'heap_report_stats',
        values: {
          live_alloc_count: '~124',
          site_count: '3',
          live_bytes: '~2038128',
          js_live_bytes: '~70000',
          js_live_alloc_count: '~3',
          manual_live_bytes: '1968128',
          manual_live_alloc_count: '121',
          manual_unmatched_frees: '2',
        },
      },
      {
        name: 'heap_leaks',
        values: {
          leak_1: 'keepBlock (app.ts:12:3) <- main (app.ts:30:1) (1966080 bytes, 120 allocations)',
          leak_2: 'parse (app.ts:12:3) (~70000 bytes, ~3 allocations)',
          leak_3: `hash=0x${hashStack('manual', [])} (2048 bytes, 1 allocations)`,
        },
      },
      {
        name: 'heap_sites',
        values: {
          site_1: 'gone (app.ts:12:3) (9000000 bytes, 3 allocations)',
          site_2: 'keepBlock (app.ts:12:3) <- main (app.ts:30:1) (3932160 bytes, 240 allocations)',
          site_3: 'parse (app.ts:12:3) (~70000 bytes, ~3 allocations)',
          js: 'live only',
        },
      },
      {
        name: 'heap_peak',
        values: {
          peak_1: 'keepBlock (app.ts:12:3) <- main (app.ts:30:1) (1966080 bytes, 120 allocations)',
          peak_2: 'parse (app.ts:12:3) (~70000 bytes, ~3 allocations)',
          peak_3: `hash=0x${hashStack('manual', [])} (2048 bytes, 1 allocations)`,
        },
      },
    ]);
  });

  it('shows who was live at the peak: that of a source that keeps it, else of the snapshot that held most', () => {
    const freed = { ...usage('manual', stack('freed'), [0, 0], [900, 9]), peakBytes: 900, peakBlocks: 9 };
    const kept = { ...usage('manual', stack('kept'), [500, 5], [500, 5]), peakBytes: 100, peakBlocks: 1 };
    const history = new HeapHistory();
    history.add(snapshotOf(usage('js', stack('early'), [7000, 7])));
    const { takenUs, sources } = snapshotOf(freed, kept, usage('js', stack('late'), [50, 1]));
    const last = sources.map((each) =>
      each.source === 'manual' ? { ...each, peakBytes: 1000, peakBlocks: 10 } : each,
    );
    const rows = reportRows({ takenUs, sources: last }, 10, { history });
    assert.deepEqual(rows.find(({ name }) => name === 'heap_peak')!.values, {
      peak_1: 'early (app.ts:12:3) (~7000 bytes, ~7 allocations)',
      peak_2: 'freed (app.ts:12:3) (900 bytes, 9 allocations)',
      peak_3: 'kept (app.ts:12:3) (100 bytes, 1 allocations)',
    });
    assert.equal(rows[0]!.values['manual_peak_bytes'], '1000');
  });

  it('says so when nothing is live and nothing was sampled', () => {
    const rows = rowsOf(snapshotOf(usage('manual', [], [0, 0], [100, 1])));
    assert.deepEqual(rows['heap_leaks'], { info: 'no_live_allocations_detected' });
    assert.deepEqual(rows['heap_sites'], { info: 'no_callsite_info_available' });
    assert.equal(rows['heap_report_stats']!['live_alloc_count'], '0');
    assert.equal(rows['heap_report_stats']!['site_count'], '0');
    const empty = rowsOf({ takenUs: 0, sources: [] });
    assert.deepEqual(empty['heap_report_stats'], { live_alloc_count: '0', site_count: '0', live_bytes: '0' });
  });

  it('lists a live block of 0 bytes, and writes sizes beyond 2^53 without an exponent', () => {
    const rows = rowsOf(
      snapshotOf(usage('wasm', stack('z'), [0, 1]), usage('wasm', stack('big'), [2 ** 60, 1])),
    );
    assert.match(rows['heap_leaks']!['leak_1']!, /\(1152921504606846976 bytes, 1 allocations\)$/);
    assert.match(rows['heap_leaks']!['leak_2']!, /\(0 bytes, 1 allocations\)$/);
  });

  const anyFrame = fc.record({ name: fc.string(), file: fc.string(), line: fc.nat(), column: fc.nat() });
  const anyUsage = fc
    .tuple(fc.constantFrom(...SOURCE_NAMES), fc.array(anyFrame, { maxLength: 3 }), fc.nat(50), fc.nat(3))
    .map(([source, frames, bytes, blocks]) =>
      usage(source, frames, [bytes, blocks], [bytes * 2, blocks + 1]),
    );

  it('ranks the same whatever the order of the sites, and ranks every kept group above those left out', () => {
    fc.assert(
      fc.property(fc.array(anyUsage, { maxLength: 30 }), fc.integer({ min: 1, max: 8 }), (sites, top) => {
        const unique = [...new Map(sites.map((site) => [site.hash, site])).values()];
        const rows = rowsOf(snapshotOf(...unique), top);
        assert.deepEqual(rows, rowsOf(snapshotOf(...unique.toReversed()), top));
        const live = unique.filter((site) => site.liveBytes > 0 || site.liveBlocks > 0);
        const ranked = live.map((site) => site.liveBytes).sort((a, b) => b - a);
        const leaks = Object.entries(rows['heap_leaks']!).filter(([key]) => key.startsWith('leak_'));
        assert.equal(leaks.length, Math.min(top, live.length));
        leaks.forEach(([key, value], i) => {
          assert.equal(key, `leak_${i + 1}`);
          assert.equal(Number(/\(~?(\d+) bytes, ~?\d+ allocations\)$/.exec(value)![1]), ranked[i]);
        });
      }),
    );
  });
});
