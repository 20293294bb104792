/**
 * One file being written under a temporary name beside its place: it takes the place of an older file only when it
 * is whole. Compressed when its name ends in `.gz`. Missing folders are created, links are followed. What is no
 * file (`/dev/null`, a pipe) is written as it is: renaming a file over it would replace the device.
 */
import {
  closeSync,
  mkdirSync,
  openSync,
  realpathSync,
  renameSync,
  type Stats,
  statSync,
  unlinkSync,
  writeSync,
} from 'node:fs';
import { dirname } from 'node:path';
import { OtraceError } from '../errors.js';
import { reasonOf } from '../recorder/safe-json.js';
import { GzipEncoder } from './gzip.js';

export class TraceFile {
  readonly path: string;
  /** Bytes on disk so far. */
  bytes = 0;
  /** Where the file goes in the end; where it is written. The same for what is no file. */
  readonly #target: string;
  readonly #temporary: string;
  readonly #gzip: GzipEncoder | undefined;
  #fd: number | undefined;
  #isCommitted = false;

  /** @throws OtraceError `OTRACE_OUTPUT` when the file can't be made */
  constructor(path: string) {
    this.path = path;
    this.#gzip = path.endsWith('.gz') ? new GzipEncoder() : undefined;
    try {
      const { target, temporary } = placeOf(path);
      this.#target = target;
      this.#temporary = temporary;
      this.#fd = openSync(this.#temporary, 'w');
    } catch (error) {
      throw explained(path, error);
    }
    if (this.#gzip !== undefined) this.#put(this.#gzip.header());
  }

  /** Adds bytes of the trace. */
  write(piece: Uint8Array): void {
    this.writeStored(piece, this.stored(piece));
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

  /** Ends the file, still under its temporary name. */
  close(): void {
    if (this.#gzip !== undefined) this.#put(this.#gzip.trailer());
    try {
      this.#closeFd();
    } catch (error) {
      this.abort();
      throw explained(this.path, error);
    }
  }

  /** Puts the file in its place. REQUIRES: closed. */
  commit(): void {
    try {
      if (this.#temporary !== this.path) renameSync(this.#temporary, this.#target);
      this.#isCommitted = true;
    } catch (error) {
      this.abort();
      throw explained(this.path, error);
    }
  }

  /** Leaves everything as it was before. Never throws. */
  abort(): void {
    for (const undo of [() => this.#closeFd(), () => this.#remove()]) {
      try {
        undo();
      } catch {
        // Gone already.
      }
    }
  }

  #put(bytes: Uint8Array): void {
    try {
      for (let done = 0; done < bytes.length; ) done += writeSync(this.#fd!, bytes, done);
    } catch (error) {
      this.abort();
      throw explained(this.path, error);
    }
    this.bytes += bytes.length;
  }

  /** Once only: by the second time the number may be somebody else's file. */
  #closeFd(): void {
    const fd = this.#fd;
    this.#fd = undefined;
    if (fd !== undefined) closeSync(fd);
  }

  #remove(): void {
    if (this.#temporary !== this.path) unlinkSync(this.#isCommitted ? this.#target : this.#temporary);
  }
}

/** Where a file goes in the end, and where it is written until it is whole. Makes the folder. */
export interface Place {
  readonly target: string;
  /** The same as the path that was asked for where that is no file. */
  readonly temporary: string;
}

export function placeOf(path: string): Place {
  const there = existing(path);
  if (there?.isDirectory() === true) throw failure(path, 'it is a directory', 'name a file in it');
  const target = there === undefined ? path : realpathSync(path);
  const temporary = there === undefined || there.isFile() ? `${target}.${process.pid}.tmp` : path;
  mkdirSync(dirname(temporary), { recursive: true });
  return { target, temporary };
}

function existing(path: string): Stats | undefined {
  try {
    return statSync(path);
  } catch {
    return undefined; // not there yet, or a reason that making the file will tell better
  }
}

function failure(path: string, problem: string, remedy: string, cause?: unknown): OtraceError {
  return new OtraceError('OTRACE_OUTPUT', `can't write the trace to ${path}: ${problem}; ${remedy}`, {
    cause,
  });
}

/** What went wrong with a file, and what to do. */
export function explained(path: string, error: unknown): OtraceError {
  if (error instanceof OtraceError) return error;
  const code = error instanceof Error && 'code' in error ? String(error.code) : '';
  const [problem, remedy] = EXPLANATIONS[code] ?? [reasonOf(error), 'choose another path'];
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
