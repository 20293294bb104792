/**
 * The folder in which the hooks keep their bytecode from run to run (`node/compiled-bundle.ts`): one for each user, in
 * the system's folder for temporary files. What is in it is run, so it must be a folder that nobody else can write to.
 */
import { lstatSync, mkdirSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

const OTHERS_MAY = 0o077;

/** @returns its path; `undefined` where there can be none */
export function bytecodeFolder(): string | undefined {
  const user = process.getuid?.();
  if (user === undefined) return undefined;
  const folder = join(tmpdir(), `otrace-bytecode-${user}`);
  try {
    mkdirSync(folder, { recursive: true, mode: 0o700 });
    const found = lstatSync(folder);
    const isOurs = found.isDirectory() && found.uid === user && (found.mode & OTHERS_MAY) === 0;
    return isOurs ? folder : undefined;
  } catch {
    return undefined;
  }
}
