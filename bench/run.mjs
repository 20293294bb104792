// Runs a bench as it is shipped: bundled like dist/, for this Node, with the collector at hand.
//   node bench/run.mjs recorder
//   node bench/run.mjs flush
import { spawnSync } from 'node:child_process';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { build } from 'esbuild';

const folder = mkdtempSync(join(tmpdir(), 'otrace-bench-'));
const outfile = join(folder, 'bench.mjs');
await build({
  entryPoints: [join(dirname(fileURLToPath(import.meta.url)), `${process.argv[2]}.ts`)],
  outfile,
  bundle: true,
  platform: 'node',
  format: 'esm',
  target: 'node20',
  alias: { otrace: join(dirname(fileURLToPath(import.meta.url)), '../src/index.ts') }, // of the macros
  minifySyntax: true, // puts constants in place; otherwise each is a variable of the bundle, loaded at every use
});
const run = spawnSync(process.execPath, ['--expose-gc', outfile], {
  stdio: 'inherit',
  env: { ...process.env, OTRACE_OUT: join(folder, 'trace.json') },
});
rmSync(folder, { recursive: true });
process.exit(run.status ?? 1);
