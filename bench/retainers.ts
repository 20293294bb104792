/**
 * Retaining paths of a large heap: time and peak memory of `heap.mark` and `heap.whyAlive` with so many MB live. The class
 * of the objects stands at the end of 300 KB of code, as in a server that was bundled.
 *
 *     npm run build && node bench/run.mjs retainers          500 MB; OTRACE_BENCH_MB sets another size
 */
import { createRequire } from 'node:module';
import { join } from 'node:path';
import { runInThisContext } from 'node:vm';
import type { HeapTracer } from '../src/heap/tracer.js';

const { heap } = createRequire(import.meta.url)(join(process.cwd(), 'dist/cjs/index.js')) as {
  heap: HeapTracer;
};

const MEGABYTES = Number(process.env['OTRACE_BENCH_MB'] ?? 500);

const Entry = runInThisContext(`${'// one of many lines of other code\n'.repeat(9_000)}
  (class Entry {
    constructor(i) {
      this.name = \`entry \${i}\`;
      this.values = [i, i, i, i, i, i, i, i];
    }
  })`) as new (
  i: number,
) => object;

const mb = (bytes: number): string => `${(bytes / 2 ** 20).toFixed(0)} MB`;

function timed<T>(what: string, ask: () => T): T {
  const started = performance.now();
  const used = process.cpuUsage();
  const answer = ask();
  const { user, system } = process.cpuUsage(used);
  const { rss, heapUsed } = process.memoryUsage();
  const peak = process.resourceUsage().maxRSS * 1024;
  const seconds = ((performance.now() - started) / 1000).toFixed(1);
  const processor = ((user + system) / 1e6).toFixed(1);
  console.log(
    `${what}: ${seconds} s, ${processor} of processor time; heap ${mb(heapUsed)}, resident ${mb(rss)}, peak ${mb(peak)}`,
  );
  return answer;
}

const mark = timed('mark', () => heap.mark());
const cache = new Map<number, object>();
for (let i = 0; process.memoryUsage().heapUsed < MEGABYTES * 2 ** 20; ) {
  for (const end = i + 10_000; i < end; i++) cache.set(i, new Entry(i));
}
const answer = timed(`whyAlive with ${cache.size} entries`, () => heap.whyAlive(mark));
if (!answer.known) throw new Error(answer.reason);
for (const { path, bytes, objects } of answer.survivors.slice(0, 3))
  console.log(`${path} (${bytes} bytes, ${objects})`);
