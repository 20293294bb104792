// Attached to a server that has run for a while under load: is the verdict right, what does it cost the server while
// it lasts, and is the server as it was afterwards? One route leaks, ten do not (`servers/growth.mjs`).
//
//   npm run build && node --import tsx bench/attach.ts [seconds]
//
// Exits with 1 when a verdict is wrong. Linux: the port of the inspector is one of the system's choice.
import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import autocannon from 'autocannon';
import { readTraceReport } from '../src/reading/trace-report.js';

const root = join(dirname(fileURLToPath(import.meta.url)), '..');
const server = join(root, 'bench/servers/growth.mjs');
const cli = join(root, 'dist/cjs/cli.js');
const [seconds = 60] = process.argv.slice(2).map(Number);
const routes = 'login article country report index event job pool recent render plain'.split(' ');

/** What a process has taken of the processors, in microseconds: ticks of a hundredth of a second. */
function processorUs(pid: number): number {
  const fields = readFileSync(`/proc/${pid}/stat`, 'utf8').split(') ')[1]!.split(' ');
  return (Number(fields[11]) + Number(fields[12])) * 10_000;
}

/** Load for so long. @returns requests a second, what each took of the processors, and the slowest of a hundred */
async function load(pid: number, port: number, duration: number): Promise<string> {
  const startUs = processorUs(pid);
  const requests = routes.map((route) => ({ path: `/${route}` }));
  const { requests: made, latency } = await autocannon({
    url: `http://127.0.0.1:${port}`,
    requests,
    connections: 16,
    duration,
  });
  const each = ((processorUs(pid) - startUs) / made.total).toFixed(0);
  return `${made.average.toFixed(0)} requests/s, ${each} us of processor time each, p99 ${latency.p99} ms, max ${latency.max} ms`;
}

async function ended(child: ChildProcess): Promise<void> {
  if (child.exitCode === null) await once(child, 'exit');
}

const folder = mkdtempSync(join(tmpdir(), 'otrace-bench-'));
let wrong = 0;
try {
  for (const every of ['512KiB', '']) {
    const out = join(folder, `attached${every}.json`);
    const child = spawn(process.execPath, ['--inspect-port=0', server], {
      stdio: ['ignore', 'pipe', 'ignore'],
    });
    const [chunk] = (await once(child.stdout!, 'data')) as [Buffer];
    const port = Number(String(chunk));
    await load(child.pid!, port, 5);
    const before = await load(child.pid!, port, seconds / 4);
    const args = [
      cli,
      'attach',
      '--quiet',
      '--for',
      `${seconds}s`,
      ...(every === '' ? [] : ['--every', every]),
      '--out',
      out,
      `${child.pid}`,
    ];
    const attached = spawn(process.execPath, args, { stdio: ['ignore', 'ignore', 'inherit'] });
    const during = await load(child.pid!, port, seconds);
    await ended(attached);
    const after = await load(child.pid!, port, seconds / 4);
    child.kill('SIGTERM');
    await ended(child);
    const report = (await readTraceReport(out)).reports.at(-1);
    const growth = report?.growth ?? [];
    console.log(`\nNode ${process.version}, ${every || 'as by default'}, attached for ${seconds} s`);
    console.log(`  before ${before}\n  during ${during}\n  after  ${after}`);
    const { js_sampling_interval: interval, js_longest_profile: longest } = report?.stats ?? {};
    console.log(`  one sample in ${interval}, longest profile ${longest}`);
    for (const row of growth) console.log(`  ${row.text}`);
    const suspects = growth.filter(({ confidence }) => (confidence ?? 0) >= 0.9);
    const right =
      suspects.length > 0 && suspects.every(({ frames }) => frames.some(({ name }) => name === 'login'));
    console.log(right ? '  right' : '  WRONG: the leak of route /login, and it alone, should be suspected');
    if (!right) wrong++;
  }
} finally {
  rmSync(folder, { recursive: true, force: true });
}
process.exitCode = wrong > 0 ? 1 : 0;
