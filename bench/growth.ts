// Is the verdict right? A server under load with one leaking route and ten clean ones that keep something too
// (`servers/growth.mjs`), traced at two intervals: the leak must rank first in `heap_growth`, and nothing else be there.
//
//   npm run build && node --import tsx bench/growth.ts [seconds]
//
// Exits with 1 when a verdict is wrong.
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import autocannon from 'autocannon';
import { readTraceReport } from '../src/reading/trace-report.js';

const root = join(dirname(fileURLToPath(import.meta.url)), '..');
const server = join(root, 'bench/servers/growth.mjs');
const cli = join(root, 'dist/cjs/cli.js');
const [seconds = 60] = process.argv.slice(2).map(Number);
const routes = [
  'login',
  'article',
  'country',
  'report',
  'index',
  'event',
  'job',
  'pool',
  'recent',
  'render',
  'plain',
];

const folder = mkdtempSync(join(tmpdir(), 'otrace-bench-'));
let wrong = 0;
try {
  for (const every of ['512KiB', '32KiB']) {
    const out = join(folder, `${every}.json`);
    const args = [cli, 'run', '--quiet', '--no-http', '--every', every, '--out', out, '--', server];
    const child = spawn(process.execPath, args, { stdio: ['ignore', 'pipe', 'inherit'] });
    const [chunk] = (await once(child.stdout!, 'data')) as [Buffer];
    const requests = routes.map((route) => ({ path: `/${route}` }));
    const load = await autocannon({
      url: `http://127.0.0.1:${Number(String(chunk))}`,
      requests,
      connections: 16,
      duration: seconds,
    });
    child.kill('SIGTERM');
    await once(child, 'exit');
    const growth = (await readTraceReport(out)).reports.at(-1)?.growth ?? [];
    console.log(`\nNode ${process.version}, ${every}, ${seconds} s, ${load.requests.total} requests`);
    for (const row of growth) console.log(`  ${row.text}`);
    const right = growth.length > 0 && growth.every((row) => row.frames.some(({ name }) => name === 'login'));
    console.log(right ? '  right' : '  WRONG: the leak of route /login, and it alone, should be listed');
    if (!right) wrong++;
  }
} finally {
  rmSync(folder, { recursive: true, force: true });
}
process.exitCode = wrong > 0 ? 1 : 0;
