import assert from 'node:assert/strict';
import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, describe, it } from 'node:test';
import { fileURLToPath } from 'node:url';

const ROOT = fileURLToPath(new URL('../..', import.meta.url));
const CLI = join(ROOT, 'src', 'cli.ts');
const HEAP_REPORT = 'test/goldens/perfetto/heap-report.json';

const folder = mkdtempSync(join(tmpdir(), 'otrace-cli-'));
after(() => rmSync(folder, { recursive: true }));

function start(args: readonly string[], environment: NodeJS.ProcessEnv = {}): ChildProcess {
  const { NO_COLOR: _, FORCE_COLOR: __, COLUMNS: ___, ...inherited } = process.env;
  return spawn(process.execPath, ['--import', 'tsx', CLI, ...args], {
    cwd: ROOT,
    env: { ...inherited, ...environment },
    stdio: ['ignore', 'pipe', 'pipe'],
  });
}

async function run(args: readonly string[], environment?: NodeJS.ProcessEnv) {
  const child = start(args, environment);
  let stdout = '';
  let stderr = '';
  child.stdout!.setEncoding('utf8').on('data', (text: string) => {
    stdout += text;
  });
  child.stderr!.setEncoding('utf8').on('data', (text: string) => {
    stderr += text;
  });
  const [code] = await once(child, 'close');
  return { code: code as number | null, stdout, stderr };
}

function write(name: string, text: string): string {
  const path = join(folder, name);
  writeFileSync(path, text);
  return path;
}

describe('otrace', { concurrency: 2 }, () => {
  it('prints help on stdout when asked, on stderr when called without a verb', async () => {
    const asked = await run(['--help']);
    assert.deepEqual([asked.code, asked.stderr], [0, '']);
    assert.match(asked.stdout, /report .*leak report/);
    assert.match(asked.stdout, /Exit codes: 0 success; 1 failed/);
    const bare = await run([]);
    assert.deepEqual([bare.code, bare.stdout], [2, '']);
    assert.match(bare.stderr, /^Usage: otrace/);
  });

  it('prints the help of a verb in both ways', async () => {
    const [first, second] = await Promise.all([run(['report', '--help']), run(['help', 'report'])]);
    assert.match(first.stdout, /Usage: otrace report \[options\] <file>[\s\S]*--top <n>[\s\S]*Exit codes/);
    assert.deepEqual(first, second);
    assert.equal(first.code, 0);
  });

  for (const [args, message] of [
    [['repot', 'x'], `otrace: unknown command 'repot'; did you mean "report"?\n`],
    [['frobnicate'], `otrace: unknown command 'frobnicate'; see "otrace --help"\n`],
    [['report'], `otrace: missing required argument 'file'; see "otrace report --help"\n`],
    [['report', '--jsno', 'x'], `otrace: unknown option '--jsno'; did you mean "--json"?\n`],
    [
      ['report', '--top', '0', 'x'],
      `otrace: option '--top <n>' argument '0' is invalid. It must be a whole number from 1; see "otrace report --help"\n`,
    ],
  ] as const) {
    it(`refuses ${args.join(' ')} with the remedy`, async () => {
      assert.deepEqual(await run(args), { code: 2, stdout: '', stderr: message });
    });
  }
});

describe('otrace report', { concurrency: 2 }, () => {
  it('prints the page on stdout, plain when that is no terminal', async () => {
    const { code, stdout, stderr } = await run(['report', HEAP_REPORT]);
    assert.deepEqual([code, stderr], [0, '']);
    assert.match(
      stdout,
      /1 {2}1\.9 MiB {5}120 {2}99\.8% {2}js {4}keepBlock {2}app\.ts:12:3\n {8}← main {2}app\.ts:30:1\n/,
    );
    assert.equal(stdout.includes('\u001b'), false);
    assert.ok(stdout.split('\n').every((line) => line.length <= 80));
  });

  it('prints everything with --json', async () => {
    const { code, stdout, stderr } = await run(['report', HEAP_REPORT, '--json']);
    assert.deepEqual([code, stderr], [0, '']);
    const report = JSON.parse(stdout);
    assert.deepEqual(
      { ...report, reports: report.reports.length, history: report.history.lanes.length },
      {
        file: HEAP_REPORT,
        form: 'object',
        gzip: false,
        fileBytes: 1666,
        eventCount: 12,
        span: { fromUs: 1.5, toUs: 11.125 },
        processes: [{ pid: 10, name: 'demo' }],
        damage: null,
        reports: 1,
        history: 3,
      },
    );
    assert.deepEqual(report.reports[0].stats, { live_alloc_count: '122', site_count: '3' });
    assert.deepEqual(report.reports[0].leaks[0].frames[1], {
      name: 'main',
      file: 'app.ts',
      line: 30,
      column: 1,
    });
    assert.deepEqual(report.history.lanes[0].last, { timeUs: 11, bytes: 1969152 });
  });

  it('shows what can be read of a file cut short', async () => {
    const { code, stdout, stderr } = await run(['report', 'test/goldens/perfetto/array-cut-short.json']);
    assert.deepEqual([code, stderr], [0, '']);
    assert.match(stdout, /2 events/);
    assert.match(stdout, /! damaged file: cut short at byte 209 \(line 20\), in event 3/);
  });

  it('shows where a file was cut before its first event, and fails', async () => {
    const { code, stdout } = await run(['report', write('cut.json', '[{"ph":"I","ts":12')]);
    assert.equal(code, 2);
    assert.match(stdout, /damaged file: cut short at byte 18 \(line 1\), in event 1/);
  });

  for (const [what, path, message] of [
    ['no file', join(folder, 'none.json'), /^otrace: .*none\.json does not exist; check the path.*\n$/],
    ['a directory', folder, /^otrace: .* is a directory; name one trace file in it\n$/],
    ['an empty file', write('empty.json', ''), /^otrace: .*empty\.json is empty; write it again.*\n$/],
    [
      'text',
      write('text.json', 'hello'),
      /^otrace: .*text\.json is not a trace: this is not JSON at byte 0.*\n$/,
    ],
    [
      'other JSON',
      write('other.json', '{"a":1}'),
      /^otrace: .*other\.json is JSON but holds no trace events;.*\n$/,
    ],
  ] as const) {
    it(`says what is wrong with ${what}, on stderr alone`, async () => {
      const { code, stdout, stderr } = await run(['report', path]);
      assert.deepEqual([code, stdout], [2, '']);
      assert.match(stderr, message);
    });
  }

  it('is quiet when its reader stops early', async () => {
    const counter = (i: number) =>
      `{"name":"heap_live_bytes","ph":"C","ts":${i},"pid":${i % 200},"args":{"total":${i}}}`;
    const many = write('many.json', `[${Array.from({ length: 20_000 }, (_, i) => counter(i)).join(',\n')}]`);
    const child = start(['report', many, '--json']);
    let stderr = '';
    child.stderr!.on('data', (bytes: Buffer) => {
      stderr += bytes;
    });
    const [chunk] = await once(child.stdout!, 'data');
    assert.ok((chunk as Buffer).length < 500_000, 'the output must be larger than what is read');
    child.stdout!.destroy();
    const [code] = await once(child, 'close');
    assert.deepEqual([code, stderr], [0, '']);
  });
});
