/**
 * One file being written under a temporary name beside its place: it takes the place of an older file only when it
 * is whole. Compressed when its name ends in `.gz`. Missing folders are created.
 */
import { closeSync, mkdirSync, openSync, renameSync, statSync, unlinkSync, writeSync } from 'node:fs';
import { dirname } from 'node:path';
import { OtraceError } from '../errors.js';
import { GzipEncoder } from './gzip.js';

export class TraceFile {
  readonly path: string;
  /** Bytes on disk so far. */
  bytes = 0;
  readonly #temporary: string;
  readonly #fd: number;
  readonly #gzip: GzipEncoder | undefined;

  /** @throws OtraceError `OTRACE_OUTPUT` when the file can't be made */
  constructor(path: string) {
    this.path = path;
    this.#temporary = `${path}.${process.pid}.tmp`;
    this.#gzip = path.endsWith('.gz') ? new GzipEncoder() : undefined;
    if (isDirectory(path)) throw failure(path, 'it is a directory', 'name a file in it');
    try {
      mkdirSync(dirname(path), { recursive: true });
      this.#fd = openSync(this.#temporary, 'w');
    } catch (error) {
      throw explain(path, error);
    }
    if (this.#gzip !== undefined) this.#put(this.#gzip.header());
  }

  /** Adds bytes of the trace. */
  write(piece: Uint8Array): void {
    this.#put(this.stored(piece));
    this.#gzip?.add(piece);
  }

  /** Adds a piece that `stored` has already prepared. */
  writeStored(piece: Uint8Array, stored: Uint8Array): void {
    this.#put(stored);
    this.#gzip?.add(piece);
  }

  /** What a piece will be on disk. */
  stored(piece: Uint8Array): Uint8Array {
    return this.#gzip === undefined ? piece : this.#gzip.deflate(piece);
  }

  /** Puts the whole file in its place. */
  commit(): void {
    try {
      if (this.#gzip !== undefined) this.#put(this.#gzip.trailer());
      closeSync(this.#fd);
      renameSync(this.#temporary, this.path);
    } catch (error) {
      this.abort();
      throw explain(this.path, error);
    }
  }

  /** Leaves everything as it was before. Never throws. */
  abort(): void {
    for (const undo of [() => closeSync(this.#fd), () => unlinkSync(this.#temporary)]) {
      try {
        undo();
      } catch {
        // Closed or gone already.
      }
    }
  }

  #put(bytes: Uint8Array): void {
    try {
      for (let done = 0; done < bytes.length; ) done += writeSync(this.#fd, bytes, done);
    } catch (error) {
      this.abort();
      throw explain(this.path, error);
    }
    this.bytes += bytes.length;
  }
}

function isDirectory(path: string): boolean {
  return statSync(path, { throwIfNoEntry: false })?.isDirectory() ?? false;
}

function failure(path: string, problem: string, remedy: string, cause?: unknown): OtraceError {
  return new OtraceError('OTRACE_OUTPUT', `can't write the trace to ${path}: ${problem}; ${remedy}`, {
    cause,
  });
}

function explain(path: string, error: unknown): OtraceError {
  if (error instanceof OtraceError) return error;
  const code = error instanceof Error && 'code' in error ? String(error.code) : '';
  const [problem, remedy] = EXPLANATIONS[code] ?? [
    error instanceof Error ? error.message : String(error),
    'choose another path',
  ];
  return failure(path, problem!, remedy!, error);
}

const EXPLANATIONS: Readonly<Record<string, readonly [problem: string, remedy: string]>> = {
  EACCES: ['permission denied', 'choose a folder that this user may write to'],
  EPERM: ['permission denied', 'choose a folder that this user may write to'],
  EROFS: ['the file system is read-only', 'choose a folder on another one'],
  ENOSPC: ['no space left on the disk', 'free some or choose a folder on another disk'],
  EDQUOT: ['the disk quota is used up', 'free some or choose a folder on another disk'],
  EISDIR: ['it is a directory', 'name a file in it'],
  ENOTDIR: ['a part of the path is a file, not a folder', 'choose another path'],
  EEXIST: ['a part of the path is a file, not a folder', 'choose another path'],
  ENAMETOOLONG: ['the name is too long', 'choose a shorter one'],
  ERR_ACCESS_DENIED: ["Node's permission model forbids it", 'allow the folder with --allow-fs-write'],
};
