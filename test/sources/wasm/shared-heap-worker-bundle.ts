/** The worker program, bundled: a worker has no loader for TypeScript on every Node. */
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { build } from 'esbuild';

const folder = mkdtempSync(join(tmpdir(), 'otrace-shared-heap-'));

export const WORKER_PROGRAM = join(folder, 'worker.mjs');

await build({
  entryPoints: [fileURLToPath(new URL('programs/shared-heap-worker.ts', import.meta.url))],
  outfile: WORKER_PROGRAM,
  bundle: true,
  platform: 'node',
  format: 'esm',
  target: 'node20',
});

process.on('exit', () => rmSync(folder, { recursive: true, force: true }));
