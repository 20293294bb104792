// Throughput of a real HTTP server under load: untraced, under `otrace run`, and under its peers at the same interval.
//
//   npm run build && node --import tsx bench/run-server.ts [rounds] [seconds] [warm seconds] [part of a variant's name ...]
//
// In a round each variant is started anew, loaded until it is warm, and measured while the load goes on, in a changing order:
// how V8 happens to compile a server differs from start to start by some percent, and what disturbs the machine hits all
// alike. A figure is the median over the rounds of the ratio to the untraced servers of the same round, of which there are
// two, so that the noise is seen as well. Processor time is that of all the server's threads. It and the throughput both suffer
// where others use the machine: a server and its load take both processors. Memory is the server's peak resident set.
import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtempSync, readdirSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import autocannon from 'autocannon';

const root = join(dirname(fileURLToPath(import.meta.url)), '..');
const server = join(root, 'bench/servers/fastify.mjs');
const cli = join(root, 'dist/cjs/cli.js');
const datadog = join(root, 'bench/servers/datadog-heap.cjs');
const [rounds = 8, seconds = 4, warmSeconds = 4] = process.argv.slice(2, 5).map(Number);
const wanted = process.argv.slice(5);
const LOAD = { connections: 32, requests: [{ path: '/orders/7' }, { path: '/search?q=red+blue+green' }] };

interface Variant {
  readonly name: string;
  readonly args: readonly string[];
  readonly env?: Readonly<Record<string, string>>;
}

const VARIANTS: readonly Variant[] = [
  { name: 'untraced', args: [server] },
  { name: 'untraced again (noise)', args: [server] },
  ...[512, 32].flatMap((kib): Variant[] => [
    {
      name: `otrace run, ${kib} KiB, as by default`,
      args: [cli, 'run', '--quiet', '--every', `${kib}KiB`, '--', server],
    },
    {
      name: `node --heap-prof, ${kib} KiB`,
      args: ['--heap-prof', `--heap-prof-interval=${kib * 1024}`, server],
    },
    {
      name: `@datadog/pprof, ${kib} KiB`,
      args: ['--require', datadog, server],
      env: { BENCH_EVERY: String(kib * 1024) },
    },
  ]),
  ...[['--http-all'], ['--no-growth'], ['--no-http'], ['--no-http', '--no-growth']].map(
    (flags): Variant => ({
      name: `otrace run, 512 KiB, ${flags.join(' ')}`,
      args: [cli, 'run', '--quiet', '--every', '512KiB', ...flags, '--', server],
    }),
  ),
  {
    name: 'otrace run, 512 KiB, heap alone',
    args: [
      cli,
      'run',
      '--quiet',
      '--every',
      '512KiB',
      '--no-gc',
      '--no-user-timing',
      '--no-http',
      '--no-event-loop',
      '--',
      server,
    ],
  },
];

interface Measured {
  readonly requestsPerSecond: number;
  /** Processor time of a request, in microseconds. */
  readonly requestUs: number;
  readonly peakMib: number;
}

interface Result {
  readonly name: string;
  readonly rounds: Measured[];
}

const folder = mkdtempSync(join(tmpdir(), 'otrace-bench-'));
const variants = VARIANTS.filter(
  ({ name }, i) => i < 2 || wanted.length === 0 || wanted.some((part) => name.includes(part)),
);
const results = variants.map(({ name }): Result => ({ name, rounds: [] }));
try {
  for (let round = 0; round < rounds; round++) {
    for (let turn = 0; turn < variants.length; turn++) {
      const at = (turn + round) % variants.length;
      results[at]!.rounds.push(await measure(variants[at]!));
    }
  }
  tell();
} finally {
  rmSync(folder, { recursive: true, force: true });
}

async function measure({ args, env }: Variant): Promise<Measured> {
  const child = spawn(process.execPath, args, {
    cwd: folder,
    env: { ...process.env, ...env },
    stdio: ['ignore', 'pipe', 'inherit'],
  });
  const ended = once(child, 'exit');
  const url = `http://127.0.0.1:${await portOf(child)}`;
  await autocannon({ ...LOAD, url, duration: warmSeconds });
  const beforeUs = cpuUsOf(child);
  const { requests } = await autocannon({ ...LOAD, url, duration: seconds });
  const measured = {
    requestsPerSecond: requests.total / seconds,
    requestUs: (cpuUsOf(child) - beforeUs) / requests.total,
    peakMib: peakOf(child),
  };
  child.kill('SIGTERM');
  await ended;
  return measured;
}

function tell(): void {
  console.log(`Node ${process.version}, ${rounds} rounds of ${seconds} s`);
  console.log(
    `${'variant'.padEnd(44)} ${'requests/s'.padStart(10)} ${'ratio'.padStart(7)} ${'CPU us'.padStart(7)} ${'ratio'.padStart(7)} ${'peak RSS'.padStart(9)}`,
  );
  const [one, other] = [results[0]!.rounds, results[1]!.rounds];
  const untraced = (figure: keyof Measured, round: number): number =>
    (one[round]![figure] + other[round]![figure]) / 2;
  for (const { name, rounds } of results) {
    const figure = (which: keyof Measured): number => median(rounds.map((run) => run[which]));
    const rate = median(rounds.map((run, i) => run.requestsPerSecond / untraced('requestsPerSecond', i)));
    const cost = median(rounds.map((run, i) => untraced('requestUs', i) / run.requestUs));
    console.log(
      `${name.padEnd(44)} ${figure('requestsPerSecond').toFixed(0).padStart(10)} ${rate.toFixed(3).padStart(7)} ${figure('requestUs').toFixed(1).padStart(7)} ${cost.toFixed(3).padStart(7)} ${figure('peakMib').toFixed(0).padStart(5)} MiB`,
    );
  }
}

async function portOf(child: ChildProcess): Promise<number> {
  const [chunk] = (await once(child.stdout!, 'data')) as [Buffer];
  return Number(String(chunk));
}

/** Peak resident set of the largest process below `child` (the program is a child of `otrace run`), in MiB. */
function peakOf(child: ChildProcess): number {
  const pids = [child.pid!, ...childrenOf(child.pid!)];
  return Math.max(...pids.map((pid) => Number(/VmHWM:\s+(\d+)/.exec(statusOf(pid))?.[1] ?? 0) / 1024));
}

/** Processor time of all threads of the server so far, in microseconds: the first child's, if there is one. */
function cpuUsOf(child: ChildProcess): number {
  const pid = childrenOf(child.pid!)[0] ?? child.pid!;
  const threads = readdirSync(`/proc/${pid}/task`);
  const ns = threads.map((tid) =>
    Number(readFileSync(`/proc/${pid}/task/${tid}/schedstat`, 'utf8').split(' ')[0]),
  );
  return ns.reduce((sum, each) => sum + each, 0) / 1000;
}

function childrenOf(pid: number): number[] {
  return readFileSync(`/proc/${pid}/task/${pid}/children`, 'utf8')
    .trim()
    .split(' ')
    .filter(Boolean)
    .map(Number);
}

function statusOf(pid: number): string {
  return readFileSync(`/proc/${pid}/status`, 'utf8');
}

function median(values: readonly number[]): number {
  const sorted = [...values].sort((a, b) => a - b);
  return sorted[sorted.length >> 1]!;
}
