// What the hooks add to the start of a program: to its first line, and to the whole of an empty program.
//
//   npm run build && node --import tsx bench/startup.ts [runs]
//
// Variants run in turn; figures are medians in milliseconds, and of what each adds to a bare `node`.
import { spawnSync } from 'node:child_process';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { RUN_VARIABLE, TIMELINE_NAMES, writeRunOptions } from '../src/node/run-options.js';

const root = join(dirname(fileURLToPath(import.meta.url)), '..');
const hooks = join(root, 'dist/cjs/hooks.js');
const runs = Number(process.argv[2] ?? 31);

const folder = mkdtempSync(join(tmpdir(), 'otrace-startup-'));
const program = join(folder, 'first-line.cjs');
writeFileSync(program, 'process.stdout.write(String(performance.now()));\n');
const session = {
  OTRACE_OUT: join(folder, 'trace.json'),
  [RUN_VARIABLE]: writeRunOptions({
    top: 10,
    reportEverySeconds: 0,
    exact: false,
    retainers: false,
    checkpoints: false,
    timeline: TIMELINE_NAMES,
    httpAll: false,
    maxFileBytes: 2 ** 30,
    resultFile: join(folder, 'result.json'),
    bytecodeFolder: folder, // empty in the first round, which a median leaves out
  }),
};

interface Variant {
  readonly name: string;
  readonly args: readonly string[];
  readonly env: Readonly<Record<string, string>>;
}

const VARIANTS: readonly Variant[] = [
  { name: 'node', args: [program], env: {} },
  { name: 'node, again (noise)', args: [program], env: {} },
  { name: 'hooks preloaded, nothing armed', args: ['--require', hooks, program], env: {} },
  {
    name: 'as otrace run, heap js',
    args: ['--require', hooks, program],
    env: { ...session, OTRACE_HEAP: 'js' },
  },
];

const firstLineMs = new Map<string, number[]>(VARIANTS.map(({ name }) => [name, []]));
const wholeMs = new Map<string, number[]>(VARIANTS.map(({ name }) => [name, []]));
try {
  for (let run = 0; run < runs; run++) {
    for (const { name, args, env } of VARIANTS) {
      const startMs = performance.now();
      const { stdout } = spawnSync(process.execPath, args, {
        env: { ...process.env, ...env },
        encoding: 'utf8',
      });
      wholeMs.get(name)!.push(performance.now() - startMs);
      firstLineMs.get(name)!.push(Number(stdout));
    }
  }
} finally {
  rmSync(folder, { recursive: true, force: true });
}

console.log(`Node ${process.version}, ${runs} runs each`);
console.log(
  `${'variant'.padEnd(34)} ${'first line'.padStart(12)} ${'added'.padStart(7)} ${'whole'.padStart(8)} ${'added'.padStart(7)}`,
);
for (const { name } of VARIANTS) {
  const first = median(firstLineMs.get(name)!);
  const whole = median(wholeMs.get(name)!);
  const cells = [
    first,
    first - median(firstLineMs.get('node')!),
    whole,
    whole - median(wholeMs.get('node')!),
  ];
  const [a, b, c, d] = cells.map((ms) => ms.toFixed(1));
  console.log(`${name.padEnd(34)} ${a!.padStart(12)} ${b!.padStart(7)} ${c!.padStart(8)} ${d!.padStart(7)}`);
}

function median(values: readonly number[]): number {
  const sorted = [...values].sort((a, b) => a - b);
  return sorted[sorted.length >> 1]!;
}
