/** `otrace merge`: traces as otrace and other tools write them, whole and damaged, put on one clock. */
import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, describe, it } from 'node:test';
import { gunzipSync, gzipSync } from 'node:zlib';
import { assertPerfettoReads } from '../output/perfetto-rules.js';
import { CLI, Folder } from './running-program.js';

const folder = mkdtempSync(join(tmpdir(), 'otrace-merge-'));
after(() => rmSync(folder, { recursive: true, force: true }));

type Event = Readonly<Record<string, unknown>> & { readonly args?: Readonly<Record<string, unknown>> };

interface Trace {
  readonly otherData?: Readonly<Record<string, unknown>>;
  readonly traceEvents: readonly Event[];
}

function put(name: string, trace: Trace | readonly Event[] | string | Uint8Array): string {
  const isData = typeof trace === 'string' || trace instanceof Uint8Array;
  writeFileSync(join(folder, name), isData ? trace : JSON.stringify(trace));
  return name;
}

const anchored = (anchorUs: number, ...traceEvents: Event[]): Trace => ({
  otherData: { tool: 'otrace', clock_anchor_unix_us: anchorUs, lost_events: 1, rejected_values: 2 },
  traceEvents,
});

const instant = (name: string, ts: number, pid = 1): Event => ({ name, ph: 'I', s: 't', ts, pid, tid: pid });

function run(...args: readonly string[]): { status: number | null; stdout: string; stderr: string } {
  return spawnSync(process.execPath, [CLI, 'merge', ...args], { cwd: folder, encoding: 'utf8' });
}

function merged(...args: readonly string[]): Trace & { readonly stderr: string } {
  const { status, stderr } = run(...args, '--out', 'out.json');
  assert.equal(status, 0, stderr);
  return { ...(JSON.parse(readFileSync(join(folder, 'out.json'), 'utf8')) as Trace), stderr };
}

const timesOf = (trace: Trace): unknown[] => trace.traceEvents.map(({ name, ts }) => [name, ts]);

describe('otrace merge', () => {
  it('lays files on the clock of the earliest, to the nanosecond', () => {
    const late = put(
      'late.json',
      anchored(1_795_345_709_224_384, instant('b', 0.001, 2), instant('c', 2.25, 2)),
    );
    const early = put('early.json', anchored(1_795_345_708_224_383.5, instant('a', 1.5)));
    const out = merged(late, early);
    assert.deepEqual(timesOf(out), [
      ['b', 1_000_000.501],
      ['c', 1_000_002.75],
      ['a', 1.5],
    ]);
    assert.deepEqual(out.otherData, {
      tool: 'otrace',
      merged_files: 2,
      clock_anchor_unix_us: 1_795_345_708_224_383.5,
      lost_events: 2,
      rejected_values: 4,
    });
    assertPerfettoReads(readFileSync(join(folder, 'out.json')));
  });

  for (const name of ['otrace_metadata', 'otrace_file']) {
    it(`reads the anchor of a bare array, also one cut short, from its ${name}`, () => {
      const facts = { clock_anchor_unix_us: 5_000 };
      const metadata = { name, ph: 'M', ts: 0, pid: 2, tid: 0, args: facts };
      const text = JSON.stringify([metadata, instant('b', 1, 2), instant('gone', 2, 2)]);
      const array = put('array.json', text.slice(0, -20));
      const out = merged(put('object.json', anchored(1_000, instant('a', 1))), array);
      assert.deepEqual(timesOf(out), [
        ['a', 1],
        ['b', 4_001],
      ]);
      assert.match(out.stderr, /array\.json is damaged: .*; what could be read is merged/);
    });
  }

  it('keeps processes apart that have the same id, and files of one process together', () => {
    const own = (...events: Event[]): Trace => anchored(1_000, ...events);
    const out = merged(
      put('run-0.json', own(instant('a', 1), instant('other', 1, 2))),
      put('run-1.json', own(instant('b', 2))),
      put('container.json', anchored(3_000, instant('c', 1), instant('d', 2))),
    );
    const pids = Object.fromEntries(out.traceEvents.map(({ name, pid }) => [name, pid]));
    assert.deepEqual([pids['a'], pids['b'], pids['other']], [1, 1, 2]);
    assert.equal(pids['c'], pids['d']);
    assert.ok(![1, 2].includes(pids['c'] as number));
    assert.match(
      out.stderr,
      /process 1 of container\.json is 3 in the merged file; another file has a process 1 too/,
    );
  });

  it('keeps flows and async slices apart that have the same id', () => {
    const flow = (ph: string, id: unknown, pid: number): Event => ({
      name: 'f',
      cat: 'c',
      ph,
      id,
      ts: 1,
      pid,
      tid: pid,
    });
    const out = merged(
      put('flow-1.json', anchored(1, flow('s', 7, 1), flow('f', 7, 1), flow('b', '0x1', 1))),
      put(
        'flow-2.json',
        anchored(2, flow('s', 7, 2), flow('f', 7, 2), flow('b', '0x2', 2), {
          ...flow('C', 7, 2),
          args: { v: 1 },
        }),
      ),
    );
    const ids = out.traceEvents.map(({ id }) => id);
    assert.deepEqual(ids.slice(0, 3), [7, 7, '0x1']);
    assert.equal(ids[3], ids[4]);
    assert.notEqual(ids[3], 7);
    assert.ok(Number.isSafeInteger(ids[3]));
    assert.deepEqual(ids.slice(5), ['0x2', 7], 'no collision, and no join');
  });

  it('places a file that does not say when it was recorded at the start, and says so', () => {
    const out = merged(
      put('known.json', anchored(1_000, instant('a', 5))),
      put('chrome.json', {
        traceEvents: [{ ...instant('m', 0, 3), ph: 'M' }, instant('y', 900_010, 3), instant('x', 900_000, 3)],
      }),
    );
    assert.deepEqual(timesOf(out), [
      ['a', 5],
      ['m', 0],
      ['y', 10],
      ['x', 0],
    ]);
    assert.match(out.stderr, /chrome\.json does not say when it was recorded; it is placed at the start/);
  });

  it('leaves times alone where no file says', () => {
    const out = merged(put('p.json', [instant('a', 100)]), put('q.json', [instant('b', 200, 2)]));
    assert.deepEqual(timesOf(out), [
      ['a', 100],
      ['b', 200],
    ]);
    assert.match(out.stderr, /none of the files does, so all are taken to be on one clock/);
  });

  it('keeps everything in an event, and what other tools write that JSON has not', () => {
    const args = {
      deep: { list: [1, [], {}, null, 'é😀"\\\n'] },
      many: Object.fromEntries(Array.from({ length: 20_000 }, (_, i) => [`k${i}`, i])),
    };
    const event = { ...instant('a', 1), args, cat: 'x,y', custom: true };
    const odd =
      '[{"name":"odd","ph":"C","ts":"7","pid":2,"tid":2,"id":12345678901234567890,"args":{"v":NaN,"w":9007199254740993}},]';
    const out = merged(put('rich.json', anchored(1, event)), put('odd.json', odd));
    assert.deepEqual(out.traceEvents[0], event);
    const text = readFileSync(join(folder, 'out.json'), 'utf8');
    assert.match(text, /"args":\{"v":"NaN","w":9007199254740993\}/);
    assert.equal(out.traceEvents[1]!['ts'], 0);
  });

  it('moves the reports that tools read', () => {
    const report = {
      name: 'otrace_heap_report',
      ph: 'M',
      ts: 3,
      pid: 2,
      tid: 0,
      args: { version: 1, time_us: 3 },
    };
    const out = merged(
      put('r1.json', anchored(1_000, instant('a', 1))),
      put('r2.json', anchored(1_500, report)),
    );
    assert.deepEqual(out.traceEvents[1], { ...report, ts: 503, args: { version: 1, time_us: 503 } });
  });

  it('reads and writes gzip', () => {
    put('z.json.gz', gzipSync(JSON.stringify(anchored(1, instant('a', 1)))));
    const cut = gzipSync(
      JSON.stringify(anchored(1, ...Array.from({ length: 5000 }, (_, i) => instant(`n${i}`, i, 2)))),
    );
    put('cut.json.gz', cut.subarray(0, cut.length - 200));
    const { status, stderr } = run('z.json.gz', 'cut.json.gz', '--out', 'out.json.gz');
    assert.equal(status, 0);
    assert.match(stderr, /cut\.json\.gz is damaged: the gzip data is cut short/);
    const out = JSON.parse(gunzipSync(readFileSync(join(folder, 'out.json.gz'))).toString()) as Trace;
    assert.ok(out.traceEvents.length > 1000);
  });

  it('does without a file that has nothing in it, and refuses one that is not there', () => {
    put('empty.json', '');
    const good = put('good.json', anchored(1, instant('a', 1)));
    assert.match(merged('empty.json', good).stderr, /left out: empty\.json is empty/);
    rmSync(join(folder, 'out.json'));
    const none = run('empty.json', '--out', 'out.json');
    assert.equal(none.status, 2);
    assert.equal(none.stderr.split('\n').length, 2, none.stderr);
    const missing = run(good, 'nothing.json', '--out', 'out.json');
    assert.deepEqual([missing.status, /nothing\.json does not exist/.test(missing.stderr)], [2, true]);
    assert.ok(
      !readdirSync(folder).some((name) => name === 'out.json' || name.endsWith('.tmp')),
      'nothing is left behind',
    );
    assert.equal(run(good, '--out', '/dev/null/x.json').status, 1);
  });

  it('tells machines what was merged', () => {
    put('a.json', anchored(1_000, instant('a', 1)));
    put('b.json', anchored(1_250, instant('b', 1)));
    const { stdout } = run('a.json', 'b.json', '--json');
    const told = JSON.parse(stdout);
    assert.deepEqual([told.path, told.events, told.processes], ['merged.json', 2, 2]);
    assert.deepEqual(
      told.files.map((file: { file: string; offsetUs: number }) => [file.file, file.offsetUs]),
      [
        ['a.json', 0],
        ['b.json', 250],
      ],
    );
  });

  it('takes little memory whatever the size', () => {
    const line = `{"name":"n","ph":"I","s":"t","ts":1,"pid":1,"tid":1,"args":{"text":"${'x'.repeat(1000)}"}}`;
    const many = new Array(60_000).fill(line).join(',\n');
    for (const name of ['big-1.json', 'big-2.json']) put(name, `[\n${many}\n]`);
    const small = spawnSync(
      process.execPath,
      ['--max-old-space-size=48', CLI, 'merge', 'big-1.json', 'big-2.json', '--out', 'big.json'],
      {
        cwd: folder,
        encoding: 'utf8',
      },
    );
    assert.equal(small.status, 0, small.stderr);
    assert.match(small.stderr, /120,000 events of 2 processes from 2 files/);
  });
});

describe('forked processes', () => {
  const program = new Folder();
  after(() => program.remove());

  it('of a cluster leave files that merge into one with a report for each', async () => {
    program.program(
      'cluster.js',
      `const cluster = require('node:cluster');
       function keepInFork() { for (let i = 0; i < 30000; i++) kept.push({ i, list: [i, i, i] }); }
       if (cluster.isPrimary) {
         let up = 0;
         for (let i = 0; i < 2; i++) cluster.fork();
         cluster.on('message', () => { if (++up === 2) for (const worker of Object.values(cluster.workers)) worker.disconnect(); });
       } else { globalThis.kept = []; keepInFork(); process.send('up'); }`,
    );
    const { code, stderr } = await program.run('--', 'cluster.js');
    assert.equal(code, 0, stderr);
    const forks = readdirSync(program.path).filter((name) => /^trace-\d+\.json$/.test(name));
    assert.equal(forks.length, 2);
    const [, command] = /2 forked processes wrote .*; to join them: otrace (merge .*)\n/.exec(stderr)!;
    for (const name of ['trace.json', ...forks]) assert.ok(command!.includes(` ${name}`), command);
    const done = spawnSync(process.execPath, [CLI, ...command!.split(' ')], {
      cwd: program.path,
      encoding: 'utf8',
    });
    assert.equal(done.status, 0, done.stderr);
    const page = spawnSync(process.execPath, [CLI, 'report', 'merged.json'], {
      cwd: program.path,
      encoding: 'utf8',
    });
    assert.equal(page.stdout.match(/cluster\.js \(pid \d+\)/g)!.length, 3, page.stdout);
    const sections = page.stdout.split('cluster.js (pid ').slice(1);
    assert.equal(sections.length, 3);
    assert.equal(sections.filter((section) => section.includes('keepInFork')).length, 2, page.stdout);
  });
});
