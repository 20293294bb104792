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
  minifySyntax: true, // puts constants in place; otherwise each is a variable of the bundle, loaded at every use
});
const run = spawnSync(process.execPath, ['--expose-gc', outfile], { stdio: 'inherit' });
rmSync(folder, { recursive: true });
process.exit(run.status ?? 1);
