// Throughput of a real HTTP server under load: untraced, under `otrace run`, and under its peers at the same interval.
//
//   npm run build && node --import tsx bench/run-server.ts [seconds] [rounds]
//
// Each round runs every variant once, in turn, so that a drift of the machine hits all alike; a figure is the median
// over the rounds of the ratio to the untraced run of the same round. Processor time is that of all the server's
// threads, and steadier than the throughput where others use the machine. Memory is the server's peak resident set.
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
const [seconds = 5, rounds = 5] = process.argv.slice(2).map(Number);

interface Variant {
  readonly name: string;
  readonly args: readonly string[];
  readonly env?: Readonly<Record<string, string>>;
}

const VARIANTS: readonly Variant[] = [
  { name: 'untraced', args: [server] },
  { name: 'untraced again (noise)', args: [server] },
  ...[512, 32].flatMap((kib): Variant[] => [
    { name: `otrace run, ${kib} KiB`, args: [cli, 'run', '--quiet', '--every', `${kib}KiB`, '--', server] },
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
  readonly peakMiB: number;
}

const folder = mkdtempSync(join(tmpdir(), 'otrace-bench-'));
const results = new Map<string, Measured[]>(VARIANTS.map(({ name }) => [name, []]));
try {
  for (let round = 0; round < rounds; round++) {
    for (const variant of VARIANTS) results.get(variant.name)!.push(await measure(variant));
  }
} finally {
  rmSync(folder, { recursive: true, force: true });
}

const untraced = results.get('untraced')!;
console.log(`Node ${process.version}, ${rounds} rounds of ${seconds} s`);
console.log(
  `${'variant'.padEnd(44)} ${'requests/s'.padStart(10)} ${'ratio'.padStart(7)} ${'CPU us'.padStart(7)} ${'ratio'.padStart(7)} ${'peak RSS'.padStart(9)}`,
);
for (const [name, runs] of results) {
  const ratio = median(runs.map((run, i) => run.requestsPerSecond / untraced[i]!.requestsPerSecond));
  const rate = median(runs.map((run) => run.requestsPerSecond)).toFixed(0);
  const costRatio = median(runs.map((run, i) => untraced[i]!.requestUs / run.requestUs));
  const cost = median(runs.map((run) => run.requestUs)).toFixed(1);
  const peak = median(runs.map((run) => run.peakMiB)).toFixed(0);
  console.log(
    `${name.padEnd(44)} ${rate.padStart(10)} ${ratio.toFixed(3).padStart(7)} ${cost.padStart(7)} ${costRatio.toFixed(3).padStart(7)} ${peak.padStart(5)} MiB`,
  );
}

async function measure({ args, env }: Variant): Promise<Measured> {
  const child = spawn(process.execPath, args, {
    cwd: folder,
    env: { ...process.env, ...env },
    stdio: ['ignore', 'pipe', 'inherit'],
  });
  const port = await portOf(child);
  const url = `http://127.0.0.1:${port}`;
  const requests = [{ path: '/orders/7' }, { path: '/search?q=red+blue+green' }];
  await autocannon({ url, requests, connections: 32, duration: 2 }); // warm
  const beforeUs = cpuUsOf(child);
  const { requests: served } = await autocannon({ url, requests, connections: 32, duration: seconds });
  const requestUs = (cpuUsOf(child) - beforeUs) / served.total;
  const peakMiB = peakOf(child);
  child.kill('SIGTERM');
  await once(child, 'exit');
  return { requestsPerSecond: served.average, requestUs, peakMiB };
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
