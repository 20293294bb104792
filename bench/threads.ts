// What workers cost under otrace: a worker's start and memory, and the main thread's report with four of them.
//
//   npm run build && node --import tsx bench/threads.ts [rounds]
//
// Each figure is measured in a process of its own; variants run in turn, medians of the rounds are shown.
import { spawnSync } from 'node:child_process';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { RUN_VARIABLE, TIMELINE_NAMES, writeRunOptions } from '../src/node/run-options.js';

const root = join(dirname(fileURLToPath(import.meta.url)), '..');
const hooks = join(root, 'dist/cjs/hooks.js');
const rounds = Number(process.argv[2] ?? 9);
const WORKERS = 4;

const folder = mkdtempSync(join(tmpdir(), 'otrace-threads-'));
const program = join(folder, 'pool.cjs');
writeFileSync(
  program,
  `const { Worker, isMainThread, parentPort, workerData } = require('node:worker_threads');
   const { once } = require('node:events');
   if (isMainThread) measure();
   else {
     const kept = (globalThis.kept = []);
     for (let i = 0; i < workerData; i++) kept.push({ i, list: [i, i, i, i] });
     parentPort.postMessage('up');
     parentPort.on('message', () => {});
   }
   async function measure() {
     const objects = Number(process.argv[2]);
     const count = Number(process.argv[3]);
     const before = process.memoryUsage.rss();
     let startMs = 0;
     for (let i = 0; i < count; i++) {
       const from = performance.now();
       await once(new Worker(__filename, { workerData: objects }), 'message');
       startMs += performance.now() - from;
     }
     await new Promise((resolve) => setTimeout(resolve, 300));
     const rssMb = (process.memoryUsage.rss() - before) / 2 ** 20;
     const heap = globalThis[Symbol.for('otrace.instances/1')]?.heap;
     let reportMs = NaN;
     if (heap?.enabled) {
       heap.report();
       const from = performance.now();
       heap.report();
       reportMs = performance.now() - from;
     }
     const each = Math.max(1, count);
     console.log(JSON.stringify({ startMs: startMs / each, rssMb: rssMb / each, reportMs }));
     process.kill(process.pid, 'SIGKILL');
   }`,
);
const session = {
  OTRACE_OUT: join(folder, 'trace.json'),
  [RUN_VARIABLE]: writeRunOptions({
    top: 10,
    reportEverySeconds: 0,
    checkpoints: false,
    maxFileBytes: 2 ** 30,
    exact: false,
    retainers: false,
    timeline: TIMELINE_NAMES,
    httpAll: false,
    resultFile: join(folder, 'result.json'),
  }),
};

interface Figures {
  readonly startMs: number;
  readonly rssMb: number;
  readonly reportMs: number | null;
}

interface Variant {
  readonly name: string;
  readonly flags: readonly string[];
  readonly env: Readonly<Record<string, string>>;
  /** Objects that each worker holds, and how many workers there are. */
  readonly load: readonly [objects: number, workers: number];
}

const armed = { flags: ['--require', hooks], env: { ...session, OTRACE_HEAP: 'js,wasm,manual' } };
const VARIANTS: readonly Variant[] = [
  { name: 'idle workers, node', flags: [], env: {}, load: [0, WORKERS] },
  {
    name: 'idle workers, timeline only',
    ...armed,
    env: { ...session, OTRACE_HEAP: '0' },
    load: [0, WORKERS],
  },
  { name: 'idle workers, heaps armed', ...armed, load: [0, WORKERS] },
  { name: 'armed, no worker', ...armed, load: [0, 0] },
  { name: 'armed, 100,000 objects each', ...armed, load: [100_000, WORKERS] },
];

const results = new Map<string, Figures[]>(VARIANTS.map(({ name }) => [name, []]));
try {
  for (let round = 0; round < rounds; round++) {
    for (const { name, flags, env, load } of VARIANTS) {
      const args = [...flags, program, ...load.map(String)];
      const { stdout } = spawnSync(process.execPath, args, {
        env: { ...process.env, ...env },
        encoding: 'utf8',
      });
      results.get(name)!.push(JSON.parse(stdout) as Figures);
    }
  }
} finally {
  rmSync(folder, { recursive: true, force: true });
}

console.log(`\n${WORKERS} workers, medians of ${rounds}`);
console.log(
  `${''.padEnd(30)}${'start, ms'.padStart(12)}${'rss, MiB'.padStart(12)}${'report, ms'.padStart(12)}`,
);
for (const [name, figures] of results) {
  const cells = (['startMs', 'rssMb', 'reportMs'] as const).map((figure) => {
    const value = median(figures.map((each) => each[figure] ?? Number.NaN));
    return (Number.isNaN(value) ? '' : value.toFixed(1)).padStart(12);
  });
  console.log(name.padEnd(30) + cells.join(''));
}

function median(values: readonly number[]): number {
  return [...values].sort((a, b) => a - b)[values.length >> 1]!;
}
