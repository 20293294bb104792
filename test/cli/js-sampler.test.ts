// Who has V8's only heap sampler, in real programs: otrace, Node's --heap-prof, or the agent @datadog/pprof; and what
// the agent's package gives when it is asked for totals.
import assert from 'node:assert/strict';
import { readdirSync, symlinkSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { after, before, describe, test } from 'node:test';
import { CLI, Folder } from './running-program.js';

const folder = new Folder();
const bare = new Folder();
const major = Number(process.versions.node.split('.')[0]);

before(() => symlinkSync(join(dirname(CLI), '../../node_modules'), join(folder.path, 'node_modules')));
after(() => {
  folder.remove();
  bare.remove();
});

/** Keeps some 3 MB in `hold` and throws some 80 MB away in `churn`, and has half a second to be looked at. */
const PROGRAM = `
  const kept = [];
  function hold() { for (let i = 0; i < 400; i++) kept.push(new Array(1000).fill(i + 0.5)); }
  function churn() { let n = 0; for (let i = 0; i < 10000; i++) n += new Array(1000).fill(i + 0.5).length; return n; }
  hold(); churn();
  setTimeout(() => console.log('done', kept.length), 500);`;

const run = ['--no-inline', '--heap', 'js', '--every', '8KiB'];

/** The figures in front of \bytes in the row of a function. */
function bytesOf(rows: readonly string[], name: string): number {
  const row = rows.find((each) => each.startsWith(`${name} (`));
  return Number(/\(~(\d+) bytes/.exec(row ?? '')?.[1] ?? 0);
}

function assertNear(actual: number, expected: number): void {
  assert.ok(Math.abs(actual - expected) <= expected * 0.25, `${actual}, expected about ${expected}`);
}

const HELD_BYTES = 400 * 8048;
const CHURNED_BYTES = 10_000 * 8048;

describe('otrace run --js-totals', () => {
  before(() => {
    folder.program('program.cjs', PROGRAM);
    bare.program('program.cjs', PROGRAM);
  });

  test('what is live and what was ever allocated, in every report', {
    skip: major < 26 && 'needs Node 26',
  }, async () => {
    const args = [
      ...run,
      '--js-totals',
      '--report-every',
      '0.1',
      '--out',
      'totals.json',
      '--',
      'program.cjs',
    ];
    const { code, stdout, stderr } = await folder.run(...args);
    assert.equal(code, 0, stderr);
    assert.equal(stdout, 'done 400\n');
    assert.match(stderr, /Hottest sites[\s\S]*churn {2}program\.cjs:4:/);
    const reports = folder.events('totals.json').filter(({ name }) => name === 'heap_sites');
    assert.ok(reports.length >= 3);
    for (const { args } of reports) {
      assert.ok(!('js' in args!), 'not: live only');
      const rows = Object.values(args!).map(String);
      assertNear(bytesOf(rows, 'churn'), CHURNED_BYTES);
      assertNear(bytesOf(rows, 'hold'), HELD_BYTES);
    }
    const leaks = folder.rows('heap_leaks', 'totals.json');
    assertNear(bytesOf(leaks, 'hold'), HELD_BYTES);
    assert.ok(bytesOf(leaks, 'churn') < CHURNED_BYTES / 100);
    assert.ok(!leaks.some((row) => row.includes('datadog')), leaks.join('\n'));
  });

  test('without the package, or before Node 26: said once, and live only', async () => {
    const args = [...run, '--js-totals', '--out', 'live.json', '--', 'program.cjs'];
    const cases: readonly [Folder, RegExp][] =
      major < 26
        ? [[folder, /otrace: totals of JavaScript sites need Node 26 or newer, this is \d+/]]
        : [
            [
              bare,
              /otrace: totals .* come from the package @datadog\/pprof, and it is not installed; npm install/,
            ],
          ];
    for (const [place, message] of cases) {
      const { code, stderr } = await place.run(...args);
      assert.equal(code, 0, stderr);
      assert.match(stderr, message);
      assert.equal(stderr.split('totals of JavaScript').length, 2);
      assert.ok(place.rows('heap_sites', 'live.json').includes('live only'));
      assertNear(bytesOf(place.rows('heap_leaks', 'live.json'), 'hold'), HELD_BYTES);
    }
  });
});

describe("V8's only sampler, wanted by two", () => {
  /** An agent as programs have it: started by a line of the program, in milliseconds of its time. */
  const agent = (after: string): string => `
    const { heap } = require('@datadog/pprof');
    const profiled = () => { const { sample } = heap.profile(); console.log('agent', sample.length > 0); };
    ${after}`;
  const afterRun = '--no-inline --heap js --every 8KiB --no-growth'.split(' ');

  test('--heap-prof has it: no stacks, and its profile is whole', async () => {
    folder.program('program.cjs', PROGRAM);
    const flags = ['--heap-prof', '--heap-prof-dir=profiles'];
    const { code, stderr } = await folder.run(
      ...run,
      '--out',
      'prof.json',
      '--',
      'node',
      ...flags,
      'program.cjs',
    );
    assert.equal(code, 0, stderr);
    assert.equal(stderr.split('another tool (--heap-prof,').length, 2, stderr);
    const stats = folder.events('prof.json').findLast(({ name }) => name === 'heap_report_stats')!.args!;
    assert.match(String(stats['js_stacks']), /^off: another tool/);
    assert.doesNotMatch(stderr, /no site grows steadily\n|may go unseen/);
    assert.equal(readdirSync(join(folder.path, 'profiles')).length, 1);
  });

  test('an agent has it: it is left to the agent', async () => {
    folder.program(
      'first.cjs',
      agent(`heap.start(8192, 64); require(${JSON.stringify(CLI.replace('cli.js', 'hooks.js'))});`),
    );
    folder.program(
      'agent-first.cjs',
      `require('./first.cjs'); ${PROGRAM}
      setTimeout(() => { const { heap } = require('@datadog/pprof'); console.log('agent', heap.profile().sample.length > 0); }, 600);`,
    );
    const { code, stdout, stderr } = await folder.node(
      { OTRACE_ENABLE: '1', OTRACE_HEAP: 'js', OTRACE_OUT: 'agent-first.json' },
      'agent-first.cjs',
    );
    assert.equal(code, 0, stderr);
    assert.equal(stderr.split('another tool (').length, 2, stderr);
    assert.equal(stdout, 'done 400\nagent true\n');
  });

  test('an agent starts later and shares ours: both have their profiles', async () => {
    folder.program('shares.cjs', agent(`heap.start(8192, 64); setTimeout(profiled, 300);${PROGRAM}`));
    const { code, stdout, stderr } = await folder.run(
      ...afterRun,
      '--out',
      'shares.json',
      '--',
      'shares.cjs',
    );
    assert.equal(code, 0, stderr);
    assert.equal(stdout, 'agent true\ndone 400\n');
    assertNear(bytesOf(folder.rows('heap_leaks', 'shares.json'), 'hold'), HELD_BYTES);
  });

  test('an agent starts later, and stops: said once, and the program goes on', async () => {
    folder.program(
      'stops.cjs',
      agent(`heap.start(8192, 64); setTimeout(() => { profiled(); heap.stop(); }, 300);${PROGRAM}`),
    );
    const { code, stdout, stderr } = await folder.run(...afterRun, '--out', 'stops.json', '--', 'stops.cjs');
    assert.equal(code, 0, stderr);
    assert.equal(stdout, 'agent true\ndone 400\n');
    assert.equal(stderr.split('another tool has stopped the heap sampler').length, 2, stderr);
  });

  test('an agent that stops and starts again has a sampler of its own, and keeps it', async () => {
    const restarts = `setTimeout(() => { heap.stop(); heap.start(1024, 64); }, 200); setTimeout(profiled, 450);`;
    folder.program('restarts.cjs', agent(`heap.start(8192, 64); ${restarts}${PROGRAM}`));
    const { code, stdout, stderr } = await folder.run(
      ...[
        '--no-inline',
        '--heap',
        'js',
        '--every',
        '8KiB',
        '--report-every',
        '0.1',
        '--out',
        'restarts.json',
      ],
      ...['--', 'restarts.cjs'],
    );
    assert.equal(code, 0, stderr);
    assert.equal(stdout, 'agent true\ndone 400\n');
    assert.equal(stderr.split('another tool has stopped the heap sampler').length, 2, stderr);
  });
});
