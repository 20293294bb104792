/** Runs a program of `programs/` as a plain script in a child process, with whatever flags Node gets. */
import { type SpawnSyncReturns, spawnSync } from 'node:child_process';
import { mkdtempSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { buildSync } from 'esbuild';

export function bundled(program: string): string {
  const outfile = join(mkdtempSync(join(tmpdir(), 'otrace-v8-')), `${program}.mjs`);
  const entry = fileURLToPath(new URL(`programs/${program}.ts`, import.meta.url));
  buildSync({ entryPoints: [entry], outfile, bundle: true, platform: 'node', format: 'esm' });
  return outfile;
}

export function run(
  script: string,
  flags: readonly string[],
  env: Record<string, string> = {},
): SpawnSyncReturns<string> {
  return spawnSync(process.execPath, [...flags, script], {
    encoding: 'utf8',
    env: { ...process.env, NODE_OPTIONS: '', ...env },
  });
}
