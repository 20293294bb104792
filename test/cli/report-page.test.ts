import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { describe, it } from 'node:test';
import { fileURLToPath } from 'node:url';
import { stripVTControlCharacters } from 'node:util';
import { renderReport } from '../../src/cli/leak-table.js';
import { renderPage } from '../../src/cli/report-page.js';
import type { TableOptions } from '../../src/cli/stack-table.js';
import { columnsOf } from '../../src/cli/wrap.js';
import type { HeapReport } from '../../src/reading/heap-reports.js';
import { parseGrowthRow } from '../../src/reading/heap-rows.js';
import { readTraceReport } from '../../src/reading/trace-report.js';

const GOLDENS = new URL('../goldens/', import.meta.url);
const OPTIONS: TableOptions = { width: 80, colors: false, top: 10, baseDirectory: '/srv/shop' };

function golden(name: string): string {
  return readFileSync(new URL(name, GOLDENS), 'utf8');
}

/** The trace's report, its path as the goldens have it. */
async function reportOf(name: string) {
  return { ...(await readTraceReport(fileURLToPath(new URL(name, GOLDENS)))), file: name };
}

describe('the page of a report', () => {
  for (const [trace, width, expected] of [
    ['cli/server.json', 80, 'cli/server-80.txt'],
    ['cli/server.json', 140, 'cli/server-140.txt'],
    ['perfetto/heap-report.json', 80, 'cli/heap-report-80.txt'],
    ['perfetto/array-cut-short.json', 80, 'cli/array-cut-short-80.txt'],
    ['perfetto/two-processes.json', 80, 'cli/two-processes-80.txt'],
  ] as const) {
    it(`of ${trace} at ${width} columns is ${expected}`, async () => {
      const page = renderPage(await reportOf(trace), { ...OPTIONS, width });
      assert.equal(page, golden(expected));
      for (const line of page.split('\n')) assert.ok(columnsOf(line) <= width, line);
    });
  }

  it('in colour is the same text', async () => {
    const report = await reportOf('cli/server.json');
    const page = renderPage(report, { ...OPTIONS, colors: true });
    assert.notEqual(page, golden('cli/server-80.txt'));
    assert.equal(stripVTControlCharacters(page), golden('cli/server-80.txt'));
  });

  it('names every function in full at any width', async () => {
    const report = await reportOf('cli/server.json');
    const names = report.reports
      .at(-1)!
      .leaks.flatMap((row) => row.frames.slice(0, 6).map((frame) => frame.name));
    for (const width of [20, 40, 80, 109, 110, 140, 400]) {
      const joined = renderPage(report, { ...OPTIONS, width }).replace(/\s+/g, '');
      for (const name of names) assert.ok(joined.includes(name.replace(/\s+/g, '')), `${name} at ${width}`);
    }
  });

  it('has at most as many rows as asked for', async () => {
    const page = renderPage(await reportOf('cli/server.json'), { ...OPTIONS, top: 1 });
    assert.match(page, /createDebug/);
    assert.doesNotMatch(page, /allocateFrame/);
  });
});

describe('the tables of a report', () => {
  const empty: HeapReport = {
    pid: 1,
    tid: 1,
    timeUs: 0,
    kind: 'report',
    complete: true,
    liveBytes: { total: 0 },
    stats: { live_alloc_count: '0', site_count: '0' },
    leaks: [],
    leaksInfo: 'no_live_allocations_detected',
    sites: [],
    sitesInfo: 'no_callsite_info_available',
    peak: [],
    growth: null,
    liveOnly: [],
    retainers: [],
  };

  it('say so when nothing leaks', () => {
    assert.equal(
      renderReport(empty, OPTIONS),
      [
        'Top leaks  0 B live in 0 blocks from 0 sites',
        '  nothing is live: no leak',
        '',
        'Hottest sites  most bytes allocated in the run, freed or not',
        '  no stack was sampled; raise the sampling: otrace run --sample 1',
        '',
      ].join('\n'),
    );
  });

  it('put the sites that grow first, with their course and a guess at what was inlined', () => {
    const growing = parseGrowthRow(
      1,
      'handle (app.js:4:2) <- serve (app.js:9:1) (+~6291456 bytes/min, ~1024 -> ~2097152 bytes, confidence 99%, maybe inlined: create (lib.js:1:2))',
    );
    const unsure = parseGrowthRow(2, 'other (app.js:5:5) (+9 bytes/min, 1 -> 2 bytes, confidence 87%)');
    const text = renderReport({ ...empty, growth: [growing, unsure] }, OPTIONS);
    assert.equal(
      text.slice(0, text.indexOf('Top leaks')),
      [
        'Suspected leaks  sites that grow steadily',
        '  #   a minute      from        to  sure  allocated at',
        '  1  +~6.0 MiB  ~1.0 KiB  ~2.0 MiB   99%  handle  app.js:4:2',
        '        ← serve  app.js:9:1',
        '        V8 may have inlined here: create  lib.js:1:2',
        'May grow  too few samples or reports to be sure: run longer',
        '  #  a minute  from   to  sure  allocated at',
        '  2      +9 B   1 B  2 B   87%  other  app.js:5:5',
        '',
        '',
      ].join('\n'),
    );
    const stats = { js_sampling_interval: '32768 bytes' };
    assert.match(
      renderReport({ ...empty, stats, growth: [] }, OPTIONS),
      /^Suspected leaks {2}no site grows steadily\n {2}one that gained less than ~768 KiB may go unseen: run longer, or sample more \(--every 4KiB\)\n/,
    );
    assert.match(renderReport({ ...empty, stats, growth: null }, OPTIONS), /^Suspected leaks {2}not judged/);
    const held = { ...stats, js_stacks: 'off: another tool samples' };
    assert.match(
      renderReport({ ...empty, stats: held, growth: [] }, OPTIONS),
      /^Suspected leaks {2}no site grows steadily; JavaScript is not judged without its stacks\n\n/,
    );
    const short = { ...growing, confidence: 0.9 };
    assert.match(renderReport({ ...empty, growth: [short] }, OPTIONS), /\n {2}in so short a run, /);
  });

  it('let no control sequence of a trace reach the terminal', () => {
    const row = {
      rank: 1,
      text: '',
      frames: [{ name: 'evil\u001b[2J', file: 'a\u0007.js', line: 1, column: 1 }],
      hash: null,
      className: 'A\u0007',
      label: 'GET \u001b[1m',
      bytes: 1,
      blocks: 1,
      estimated: false,
      source: '\u001b]0;x',
    };
    const text = renderReport({ ...empty, leaks: [row], sites: [row] }, OPTIONS);
    assert.match(text, /evil\\x1b\[2J {2}a\\x07\.js:1:1/);
    assert.equal(/[^\P{Cc}\n]/u.test(text), false);
  });
});
