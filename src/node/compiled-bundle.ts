/**
 * Runs a bundle from the bytecode that V8 made of it in an earlier run. To compile the hooks, function by function as
 * they are first called, takes longer than all else that they do in a short program.
 *
 * A file holds the bytecode twice, since V8 runs what it is given unseen: halves that differ are a damaged file. V8
 * itself refuses what another version of it has made, or other flags; both are in the file's name, and so is the
 * bundle's digest, of which V8 knows the length only. Frames have the path under which the bytecode was made, so each
 * place where the bundle is installed has a file of its own. Whatever fails here, the bundle is compiled.
 *
 *     path \0 bytecode | path \0 bytecode
 */
import { readFileSync, renameSync, statSync, writeFileSync } from 'node:fs';

/** Later V8 has let go of the bytecode of what ran at the start. */
const STILL_COMPLETE_MS = 10_000;
/** The run that left the bytecode may not have called all that others do. */
const MADE_ANEW_AFTER_MS = 24 * 60 * 60 * 1000;

type Load = (exports: object, require: NodeJS.Require, module: object, file: string, folder: string) => void;

/**
 * Runs a CommonJS bundle, and leaves its bytecode when the process ends, if there was none or old one.
 *
 * @param bundle its path; the text is ASCII
 * @param digest of its text
 * @param folder where the bytecode is kept. REQUIRES: nobody else can write to it
 * @throws when the bundle can't be read, or throws itself
 */
export function runCompiled(bundle: string, digest: string, folder: string): void {
  // Loaded here: they take milliseconds, and few processes come to this.
  const { createRequire } = require('node:module') as typeof import('node:module');
  const { basename, dirname, join } = require('node:path') as typeof import('node:path');
  const { cachedDataVersionTag } = require('node:v8') as typeof import('node:v8');
  const { Script } = require('node:vm') as typeof import('node:vm');
  const kept = join(
    folder,
    `${basename(bundle)}-${digest}-${placeOf(bundle)}-${cachedDataVersionTag().toString(16)}`,
  );
  const place = Buffer.from(`${bundle}\0`);
  const text = readFileSync(bundle, 'latin1');
  const cachedData = readTwice(kept, place);
  const script = new Script(`(function (exports, require, module, __filename, __dirname) {${text}\n})`, {
    filename: bundle,
    ...(cachedData !== undefined && { cachedData }),
  });
  const module = { exports: {} };
  (script.runInThisContext() as Load)(module.exports, createRequire(bundle), module, bundle, dirname(bundle));
  if (cachedData !== undefined && script.cachedDataRejected !== true && isOfToday(kept)) return;
  process.once('exit', () => {
    if (performance.now() < STILL_COMPLETE_MS) writeTwice(kept, place, script.createCachedData());
  });
}

function isOfToday(file: string): boolean {
  const madeMs = statSync(file, { throwIfNoEntry: false })?.mtimeMs ?? 0;
  return Date.now() - madeMs < MADE_ANEW_AFTER_MS;
}

/** A few characters for a path, of which several may have the same. */
function placeOf(path: string): string {
  let hash = 0;
  for (let i = 0; i < path.length; i++) hash = (Math.imul(hash, 31) + path.charCodeAt(i)) | 0;
  return (hash >>> 0).toString(16);
}

function readTwice(file: string, place: Buffer): Buffer | undefined {
  try {
    const bytes = readFileSync(file);
    const half = bytes.subarray(0, bytes.length >>> 1);
    const isWhole = half.equals(bytes.subarray(half.length));
    return isWhole && half.subarray(0, place.length).equals(place) ? half.subarray(place.length) : undefined;
  } catch {
    return undefined; // there is none yet
  }
}

function writeTwice(file: string, place: Buffer, bytecode: Buffer): void {
  const unfinished = `${file}.${process.pid}.tmp`;
  try {
    writeFileSync(unfinished, Buffer.concat([place, bytecode, place, bytecode]), { mode: 0o600 });
    renameSync(unfinished, file);
  } catch {
    // The next run compiles again.
  }
}
