/** A folder of its own for a test, removed at its end; and a recorder that writes real files. */
import { spawnSync } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, type TestContext } from 'node:test';
import { gunzipSync } from 'node:zlib';
import { FileOutput } from '../../src/output/file-output.js';
import { eventsOf, parse, Rig, type TraceEvent } from '../recorder/rig.js';

/** REQUIRES: called inside a test or a suite. */
export function scratchFolder(): string {
  const folder = mkdtempSync(join(tmpdir(), 'otrace-test-'));
  after(() => rmSync(folder, { recursive: true, force: true }));
  return folder;
}

/** A recorder with files, recording. Its warnings are those of the rig. */
export function fileRig(capacity = 1024): Rig {
  const warnings: string[] = [];
  const output = new FileOutput((message) => warnings.push(message));
  const rig = new Rig({ output, warn: (message) => warnings.push(message) });
  warnings.length = 0;
  Object.defineProperty(rig, 'warnings', { value: warnings });
  rig.trace.setCapacity(capacity);
  rig.trace.enable();
  return rig;
}

/** A file system that is small or read-only; `undefined`, and the test skipped, where this user may not make one. */
export function smallDisk(t: TestContext, options: string): string | undefined {
  const folder = mkdtempSync(join(tmpdir(), 'otrace-test-disk-'));
  const mounted =
    process.getuid?.() === 0 &&
    spawnSync('mount', ['-t', 'tmpfs', '-o', options, 'tmpfs', folder]).status === 0;
  after(() => {
    if (mounted) spawnSync('umount', [folder]);
    rmSync(folder, { recursive: true, force: true });
  });
  if (mounted) return folder;
  t.skip('only root can mount a small file system');
  return undefined;
}

export function readEvents(path: string): TraceEvent[] {
  const bytes = readFileSync(path);
  return eventsOf(parse(path.endsWith('.gz') ? gunzipSync(bytes) : bytes));
}
