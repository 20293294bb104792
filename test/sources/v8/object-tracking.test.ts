// Exact windows and marks in programs of their own, with the package as it is built.
import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, describe, it } from 'node:test';
import { fileURLToPath } from 'node:url';
import type { ReportRow, SurvivorGroup } from './leaks-answer.js';

const root = fileURLToPath(new URL('../../..', import.meta.url));
const entry = new URL('../../../dist/esm/index.js', import.meta.url).href;
const leaks = fileURLToPath(new URL('programs/leaks.mjs', import.meta.url));
const folder = mkdtempSync(join(tmpdir(), 'otrace-tracking-'));
after(() => rmSync(folder, { recursive: true, force: true }));

function run(args: readonly string[]): { stdout: string; stderr: string; status: number | null } {
  return spawnSync(process.execPath, args, {
    cwd: folder,
    encoding: 'utf8',
    env: { ...process.env, NODE_OPTIONS: '', NODE_V8_COVERAGE: '' },
  });
}

function evaluate(code: string, ...flags: string[]): unknown {
  const text = `import { heap, trace } from ${JSON.stringify(entry)};\n${code}`;
  const { stdout, stderr, status } = run([...flags, '--input-type=module', '--eval', text]);
  assert.equal(status, 0, stderr);
  return JSON.parse(stdout);
}

/** How each class of `leaks.mjs` must be told to be held. */
const HELD: readonly (readonly [string, RegExp])[] = [
  ['InMap', /map: Map > \[…\]: InMap$/],
  ['InSet', /set: Set > \[…\]: InSet$/],
  ['InArray', /array: Array > \[\d+\]: InArray$/],
  ['InProperty', /object: Object > p\d+: InProperty$/],
  ['InGlobal', /^\(Global\) > inGlobal: Array > \[\d+\]: InGlobal$/],
  ['InList', /list: InList$/],
  ['held()', /functions: Array > \[\d+\]: held\(\) \(.*leaks\.mjs:\d+\)$/],
  ['held()', /emitter: EventEmitter > _events: Object > data: Array > \[\d+\]: held\(\)/],
  ['Listener', /aborter: AbortController > .*kEvents>: Map > .*Listener/],
  ['Timeout', /^\(timers of 100000000 ms\) > \[…\]: Timeout \(.*leaks\.mjs:\d+\)$/],
];

describe('heap.whyAlive', () => {
  it('names who holds what has come since the mark, for every way to hold something', () => {
    const { stdout, stderr } = run([leaks, 'mark', entry]);
    const answer = JSON.parse(stdout) as { known: boolean; survivors: SurvivorGroup[] };
    assert.equal(answer.known, true, stderr);
    for (const [name, path] of HELD) {
      const found = answer.survivors.filter(({ className }) => className === name);
      const group = found.find((one) => path.test(one.path));
      assert.ok(group !== undefined, `${name}: ${found.map((one) => one.path).join('\n')}`);
      assert.equal(group.objects, 200, name);
    }
    const names = answer.survivors.map(({ className }) => className);
    for (const gone of ['Dropped', 'InWeakRef', 'InWeakMap']) assert.ok(!names.includes(gone), gone);
  });

  it('says so without a mark', () => {
    const answer = evaluate('console.log(JSON.stringify(heap.whyAlive()))') as {
      known: boolean;
      reason: string;
    };
    assert.equal(answer.known, false);
    assert.match(answer.reason, /heap\.mark\(\)/);
  });

  it('says so when a window has taken the ids of the mark away', () => {
    const answer = evaluate(
      'const m = heap.mark(); heap.exact(() => 1); console.log(JSON.stringify(heap.whyAlive(m)))',
    ) as { known: boolean; reason: string };
    assert.equal(answer.known, false);
    assert.match(answer.reason, /call heap\.mark\(\) again/);
  });
});

describe('heap.exact', () => {
  const COUNTED = `
    class Kept { constructor(i) { this.i = i; } }
    class Dropped { constructor(i) { this.i = i; } }
    const cache = new Map();
    function keep(i) { cache.set(i, new Kept(i)); }
    function drop(i) { return new Dropped(i).i; }
    const sites = (r) => r.snapshot.sources[0].sites.map(({ frames, retainer, className, liveBlocks, totalBlocks }) =>
      ({ name: frames[0].name, retainer, className, liveBlocks, totalBlocks }));`;

  it('counts exactly what is kept and what is dropped, on hot code too', () => {
    const sites = evaluate(`${COUNTED}
      for (let i = 0; i < 1e6; i++) drop(i);
      const r = heap.exact(() => { for (let i = 0; i < 1000; i++) { keep(i); drop(i); } return 5; });
      if (r.value !== 5 || !r.exact) throw new Error(r.reason);
      console.log(JSON.stringify(sites(r)));`) as Site[];
    const dropped = sites.find(({ name }) => name === 'drop')!;
    assert.deepEqual(
      [dropped.liveBlocks, dropped.totalBlocks >= 1000, dropped.totalBlocks < 1010],
      [0, true, true],
    );
    const kept = sites.find(({ name }) => name === 'keep')!;
    assert.ok(kept.liveBlocks >= 1000 && kept.liveBlocks <= 1002, `${kept.liveBlocks}`);
    assert.equal(kept.className, 'Kept');
    assert.match(kept.retainer!, /cache: Map > \[…\]: Kept \(\d+ bytes, 1000 objects\)$/);
  });

  it('follows an async function, over collections', () => {
    const sites = evaluate(`${COUNTED}
      const r = await heap.exact(async () => {
        for (let i = 0; i < 500; i++) { keep(i); if (i % 50 === 0) await new Promise((done) => setTimeout(done, 20)); }
      });
      if (!r.exact) throw new Error(r.reason);
      console.log(JSON.stringify(sites(r)));`) as Site[];
    // The first is made before the function has waited, so it has another caller.
    const kept = sites.filter(({ name, className }) => name === 'keep' && className === 'Kept');
    const objects = kept.map(
      ({ retainer }) => /cache: Map > \[…\]: Kept \(\d+ bytes, (\d+) objects\)$/.exec(retainer!)?.[1],
    );
    assert.deepEqual(objects.sort(), ['1', '499']);
  });

  it('passes errors and rejections on, and can be used again', () => {
    const answer = evaluate(`
      const seen = [];
      try { heap.exact(() => { throw new Error('sync'); }); } catch (e) { seen.push(e.message); }
      await heap.exact(async () => { throw new Error('async'); }).catch((e) => seen.push(e.message));
      seen.push(heap.exact(() => 1).exact);
      console.log(JSON.stringify(seen));`);
    assert.deepEqual(answer, ['sync', 'async', true]);
  });

  it('runs a window within a window unrecorded, with one warning', () => {
    const code = `import { heap } from ${JSON.stringify(entry)};
      const outer = heap.exact(() => [heap.exact(() => 1), heap.exact(() => 2)]);
      console.log(JSON.stringify([outer.exact, ...outer.value.map((r) => [r.value, r.exact])]));`;
    const { stdout, stderr } = run(['--input-type=module', '--eval', code]);
    assert.deepEqual(JSON.parse(stdout), [true, [1, false], [2, false]]);
    assert.equal(stderr.match(/otrace: heap\.exact: another exact window is open/g)?.length, 1, stderr);
  });

  it('says so when another tool ends the recording', () => {
    const answer = evaluate(`
      import { Session } from 'node:inspector';
      const r = heap.exact(() => { const s = new Session(); s.connect(); s.disconnect(); return 3; });
      console.log(JSON.stringify(r));`) as { value: number; exact: boolean; reason: string };
    assert.deepEqual([answer.value, answer.exact], [3, false]);
    assert.match(answer.reason, /another tool has ended the recording/);
  });

  it('does not keep a process from ending', () => {
    const { status, stderr } = run([
      '--input-type=module',
      '--eval',
      `import { heap } from ${JSON.stringify(entry)}; heap.exact(() => new Promise(() => {}));`,
    ]);
    assert.equal(status, 0, stderr);
  });

  it('names Map, Set and the rest as holders of the sites too', () => {
    const { stdout, stderr } = run([leaks, 'exact', entry]);
    const answer = JSON.parse(stdout) as { value: number; exact: boolean; rows: ReportRow[] };
    assert.deepEqual([answer.value, answer.exact], [7, true], stderr);
    const row = answer.rows.find(({ name }) => name === 'heap_retainers')!;
    assert.match(row.values['leak_1']!, / > .* \(\d+ bytes, \d+ objects\)$/);
    assert.doesNotMatch(JSON.stringify(answer.rows), /~\d/);
  });
});

interface Site {
  readonly name: string;
  readonly retainer?: string;
  readonly className?: string;
  readonly liveBlocks: number;
  readonly totalBlocks: number;
}

describe('otrace run', () => {
  const cli = join(root, 'dist/cjs/cli.js');
  const events = (file: string): { name: string; args: Record<string, string> }[] =>
    (JSON.parse(readFileSync(join(folder, file), 'utf8')) as { traceEvents: never[] }).traceEvents;

  it('--exact records the run, ends with it, and says why the leaks are alive', () => {
    const { stderr, status } = run([
      cli,
      'run',
      '--exact',
      '--out',
      'exact.json',
      '--',
      leaks,
      'none',
      entry,
    ]);
    assert.equal(status, 0, stderr);
    assert.match(stderr, /Why the leaks are alive/);
    const stats = events('exact.json').find(({ name }) => name === 'heap_report_stats')!.args;
    assert.match(stats['js_live_alloc_count']!, /^\d+$/);
    assert.ok(events('exact.json').some(({ name, args }) => name === 'heap_retainers' && 'leak_1' in args));
  });

  it('--retainers names the holders without stacks', () => {
    const { stderr, status } = run([
      cli,
      'run',
      '--retainers',
      '--out',
      'kept.json',
      '--',
      leaks,
      'none',
      entry,
    ]);
    assert.equal(status, 0, stderr);
    assert.match(stderr, /Survivors/);
    const row = events('kept.json').findLast(({ name }) => name === 'heap_retainers')!.args;
    assert.match(
      Object.values(row).join('\n'),
      /^\(timers of 100000000 ms\) > \[…\]: Timeout \(.*leaks\.mjs:\d+\)/m,
    );
  });
});
