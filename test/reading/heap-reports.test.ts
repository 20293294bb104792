import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { type HeapReport, HeapReports } from '../../src/reading/heap-reports.js';
import type { TraceEvent } from '../../src/reading/trace-event.js';

let timeUs = 0;
const instant = (name: string, args: Record<string, unknown>, ids: TraceEvent = {}): TraceEvent => ({
  name,
  cat: 'heap',
  ph: 'I',
  s: 't',
  ts: ++timeUs,
  pid: 1,
  tid: 1,
  args,
  ...ids,
});
const counter = (ts: number, args: Record<string, unknown>, pid = 1): TraceEvent => ({
  name: 'heap_live_bytes',
  ph: 'C',
  ts,
  pid,
  tid: 1,
  args,
});

function gather(events: readonly TraceEvent[]): HeapReport[] {
  const reports = new HeapReports();
  for (const event of events) reports.add(event);
  return reports.reports();
}

describe('reports', () => {
  it('are gathered from one event a table, with keys in numeric order', () => {
    const leaks: Record<string, string> = {};
    for (let i = 12; i > 0; i--) leaks[`leak_${i}`] = `f${i} (${100 - i} bytes, 1 allocations)`;
    const [report, ...others] = gather([
      instant('heap_report_started', { status: 'begin' }, { ts: 5 }),
      instant('heap_report_stats', { live_alloc_count: 12, site_count: '3', wasm_coverage: '98 %' }),
      instant('heap_leaks', leaks),
      instant('heap_sites', { info: 'no_callsite_info_available' }),
      instant('heap_report_done', { status: 'end' }),
    ]);
    assert.deepEqual(others, []);
    assert.equal(report?.timeUs, 5);
    assert.equal(report.complete, true);
    assert.deepEqual(report.stats, { live_alloc_count: '12', site_count: '3', wasm_coverage: '98 %' });
    assert.deepEqual(
      report.leaks.map((row) => [row.rank, row.frames[0]?.name, row.bytes]),
      Array.from({ length: 12 }, (_, i) => [i + 1, `f${i + 1}`, 99 - i]),
    );
    assert.deepEqual(
      [report.sites, report.sitesInfo, report.leaksInfo],
      [[], 'no_callsite_info_available', null],
    );
  });

  it('are gathered from one event a key, as the C++ header writes them', () => {
    const once = [
      instant('heap_report_started', { status: 'begin' }),
      instant('heap_report_stats', { live_alloc_count: '122', site_count: '3' }),
      instant('heap_leaks', { leak_1: 'main (1966080 bytes, 120 allocations)' }),
      instant('heap_leaks', { leak_2: 'hash=0x00000000deadbeef (2048 bytes, 1 allocations)' }),
      instant('heap_sites', { site_1: 'main (1966080 bytes, 120 allocations)' }),
      instant('heap_sites', { site_2: 'other (4096 bytes, 2 allocations)' }),
      instant('heap_report_done', { status: 'end' }),
    ];
    const reports = gather([...once, ...once]);
    assert.equal(reports.length, 2);
    for (const report of reports) {
      assert.deepEqual(
        report.leaks.map((row) => row.bytes),
        [1966080, 2048],
      );
      assert.deepEqual(
        report.sites.map((row) => row.blocks),
        [120, 2],
      );
    }
  });

  it('without breadcrumbs are told apart by a key that comes again', () => {
    const tables = [
      instant('heap_leaks', { leak_1: 'a (3 bytes, 1 allocations)', leak_2: 'b (2 bytes, 1 allocations)' }),
      instant('heap_sites', { site_1: 'a (9 bytes, 3 allocations)' }),
    ];
    const reports = gather([...tables, ...tables]);
    assert.deepEqual(
      reports.map((report) => [report.leaks.length, report.sites.length, report.complete]),
      [
        [2, 1, false],
        [2, 1, false],
      ],
    );
  });

  it('of several threads and processes do not mix', () => {
    const ids = [
      { pid: 1, tid: 1 },
      { pid: 1, tid: 2 },
      { pid: 'web', tid: 1 },
    ];
    const reports = gather([
      ...ids.map((id) => instant('heap_report_started', {}, id)),
      ...ids.map((id, i) => instant('heap_leaks', { leak_1: `f (${i} bytes, 1 allocations)` }, id)),
      ...ids.map((id) => instant('heap_report_done', {}, id)),
    ]);
    assert.deepEqual(
      reports.map(({ pid, tid, leaks, complete }) => [pid, tid, leaks[0]?.bytes, complete]),
      [
        [1, 1, 0, true],
        [1, 2, 1, true],
        ['web', 1, 2, true],
      ],
    );
  });

  it('come in the order of time', () => {
    const started = (ts: number) => instant('heap_report_started', {}, { ts });
    assert.deepEqual(
      gather([started(30), started(10), started(20)]).map((report) => report.timeUs),
      [10, 20, 30],
    );
  });

  it('know the nearest point of their own process', () => {
    const [report] = gather([
      counter(10, { total: 1, js: 1 }),
      instant('heap_report_started', {}, { ts: 100 }),
      counter(101, { total: '7', js: 5, wasm: 2 }),
      counter(99, { total: 1000 }, 2),
      counter(2000, { total: 9, js: 9 }),
    ]);
    assert.deepEqual(report?.liveBytes, { total: 7, js: 5, wasm: 2 });
  });

  it('ignore what only looks like a row', () => {
    const [report] = gather([instant('heap_leaks', { leak_x: 'a', leak_: 'b', other: 'c', leak_3: 7 })]);
    assert.deepEqual(
      report?.leaks.map((row) => [row.rank, row.text]),
      [[3, '7']],
    );
    assert.deepEqual(
      gather([
        { name: 'heap_leaks', ph: 'X', args: { leak_1: 'a' } },
        { name: 'toString', ph: 'I' },
      ]),
      [],
    );
  });
});

describe('the heap of a row', () => {
  const sources = (live: Record<string, number>, rows: string[]): (string | null)[] => {
    const leaks = Object.fromEntries(rows.map((row, i) => [`leak_${i + 1}`, `f (${row})`]));
    return gather([counter(1, live), instant('heap_leaks', leaks)])[0]!.leaks.map((row) => row.source);
  };

  it('is js for an estimate, and not js for the others then', () => {
    const live = { total: 300, js: 200, manual: 100 };
    assert.deepEqual(sources(live, ['~150 bytes, ~3 allocations', '50 bytes, 1 allocations']), [
      'js',
      'manual',
    ]);
  });

  it('is the only one that is large enough', () => {
    assert.deepEqual(sources({ total: 110, wasm: 10, manual: 100 }, ['50 bytes, 1 allocations']), ['manual']);
  });

  it('is wasm for a stack that ends in a WebAssembly offset', () => {
    const rows = [
      'app.wasm:0x1f4) (50 bytes, 1 allocations',
      '0x8d2f9) <- g (a.js:1:1) (50 bytes, 1 allocations',
    ];
    const live = { total: 200, wasm: 100, manual: 100 };
    assert.deepEqual(sources(live, rows), ['wasm', 'wasm']);
    assert.deepEqual(sources({ total: 100, js: 50, manual: 50 }, rows), [null, null]);
  });

  it('is left open when there are several, or none is known', () => {
    assert.deepEqual(sources({ total: 200, wasm: 100, manual: 100 }, ['50 bytes, 1 allocations']), [null]);
    assert.deepEqual(sources({ total: 200 }, ['50 bytes, 1 allocations']), [null]);
  });
});
