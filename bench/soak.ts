/**
 * A program under load for ten minutes, and what otrace takes meanwhile. As shipped:
 * `npm run build && node --expose-gc --import tsx bench/soak.ts [--seconds 600]`. A line every tenth of the time: what
 * otrace says it holds (`otrace_self_bytes`), its files, the drift of its live bytes from the truth, the process.
 */
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import type { HeapTracer } from '../src/heap/tracer.js';
import type { Recorder } from '../src/recorder/recorder.js';
import { type SoakSample, soak } from '../test/soak/soak.js';

const at = process.argv.indexOf('--seconds');
const seconds = at < 0 ? 600 : Number(process.argv[at + 1]);
const packagePath = fileURLToPath(new URL('../dist/cjs/index.js', import.meta.url));
const { trace, heap } = createRequire(import.meta.url)(packagePath) as { trace: Recorder; heap: HeapTracer };

const folder = mkdtempSync(join(tmpdir(), 'otrace-soak-'));
const programs = mkdtempSync(join(tmpdir(), 'otrace-soak-'));
const workerProgram = join(programs, 'worker.cjs');
writeFileSync(
  workerProgram,
  `const { trace } = require(${JSON.stringify(packagePath)});
   let n = 0;
   setInterval(() => { for (let i = 0; i < 50; i++) trace.instant('in a worker', { n: n++ }); }, 5);`,
);

const MIB = 1024 * 1024;
const mib = (bytes: number): string => `${(bytes / MIB).toFixed(1)} MiB`;
const show = (sample: SoakSample): void => {
  globalThis.gc?.();
  const { second, operations, selfBytes, diskBytes, driftBytes } = sample;
  const { heapUsed, rss } = process.memoryUsage();
  console.log(
    `${String(second).padStart(5)} s  ${String(operations).padStart(9)} operations  otrace ${mib(selfBytes)}  ` +
      `files ${mib(diskBytes)}  drift ${driftBytes} B  heap ${mib(heapUsed)}  rss ${mib(rss)}`,
  );
};
try {
  const every = Math.max(1, Math.floor(seconds / 10));
  const onSample = (sample: SoakSample): void => {
    if (sample.second % every === 0) show(sample);
  };
  const samples = await soak({ trace, heap, folder, seconds, workerProgram, onSample });
  const drift = Math.max(...samples.map(({ driftBytes }) => Math.abs(driftBytes)));
  const disk = Math.max(...samples.map(({ diskBytes }) => diskBytes));
  console.log(`most drift ${drift} B; most on disk ${mib(disk)}`);
} finally {
  rmSync(folder, { recursive: true, force: true });
  rmSync(programs, { recursive: true, force: true });
}
