/**
 * A trace file that is on disk, whole, as far as it goes at every moment, whatever becomes of the process:
 *
 *     array    | `[` first entry, spaces to 512 bytes          | entries ... | `]`  |
 *     object   | `{ ... "traceEvents":[` first entry, spaces   | entries ... | `]}` |   when it is finished
 *
 * Entries are written over the closing bracket, and a new one behind them. A process killed in the middle of that
 * leaves an array without its end, which is the one form that Perfetto reads when it is cut short; killed at any
 * other moment it leaves valid JSON. A finished file is an object, as every other trace is: only its head, which has
 * room for both forms, and its end are written again.
 *
 * Compressed (`.gz`) each part is a gzip member of its own, the head's stored without compression, so that it stays
 * as long as it is. Killed in the middle of a write, such a file ends in half a member: `otrace report` and `gunzip`
 * read what is before it.
 *
 * The file takes the place of an earlier one with its first entries, by a rename. Not here: what is in it
 * (`growing-trace.ts`). No `fsync`: it outlives the process, not the machine.
 */
import { closeSync, fstatSync, ftruncateSync, openSync, renameSync, unlinkSync, writeSync } from 'node:fs';
import { createRequire } from 'node:module';
import { explained, placeOf } from './trace-file.js';

const HEAD_BYTES = 512;
const ARRAY_HEAD = '[\n';
const ARRAY_END = '\n]\n';
const OBJECT_END = '\n]}\n';

type Encode = (bytes: Uint8Array) => Uint8Array;

const encoder = new TextEncoder();

export class DurableFile {
  readonly path: string;
  /** Where it goes: links are followed. */
  readonly target: string;
  readonly #temporary: string;
  readonly #encode: Encode;
  readonly #encodeHead: Encode;
  readonly #firstEntry: string;
  #fd: number | undefined;
  #isInPlace = false;
  #isFinished = false;
  /** Where the entries end that are closed by a bracket, and where the next bytes go. */
  #sealedAt = 0;
  #at = 0;
  /** Length of the file, where known; what is behind the closing bracket is cut off. */
  #length = 0;

  /**
   * @param firstEntry JSON of at most 200 bytes
   * @throws OtraceError `OTRACE_OUTPUT` when the file can't be made
   */
  constructor(path: string, firstEntry: string) {
    this.path = path;
    const isGzip = path.endsWith('.gz');
    this.#encode = isGzip ? gzipMember : asItIs;
    this.#encodeHead = isGzip ? storedGzipMember : asItIs;
    this.#firstEntry = firstEntry;
    try {
      const { target, temporary } = placeOf(path);
      this.target = target;
      this.#temporary = temporary;
      this.#fd = openSync(temporary, 'w');
      this.#at = this.#putHead(ARRAY_HEAD);
      this.#end(ARRAY_END);
    } catch (error) {
      this.abort();
      throw explained(path, error);
    }
  }

  /** Bytes on disk. */
  get bytes(): number {
    return this.#length;
  }

  /** What a piece will be on disk. */
  stored(piece: Uint8Array): Uint8Array {
    return this.#encode(piece);
  }

  /** Adds entries that `stored` has prepared, each with a comma before it; they count once they are sealed. */
  write(stored: Uint8Array): void {
    try {
      if (this.#isFinished) {
        this.#putHead(ARRAY_HEAD);
        this.#isFinished = false;
      }
      this.#put(stored, this.#at);
      this.#at += stored.length;
    } catch (error) {
      this.#restore();
      throw explained(this.path, error);
    }
  }

  /** Closes the file behind what was written; the first time it takes its place. */
  seal(): void {
    this.#end(ARRAY_END);
    if (this.#isInPlace || this.#temporary === this.path) return;
    try {
      renameSync(this.#temporary, this.target);
      this.#isInPlace = true;
    } catch (error) {
      throw explained(this.path, error);
    }
  }

  /** Makes it an object. @param head what that begins with, at most 300 bytes. REQUIRES: sealed */
  finish(head: string): void {
    this.#end(OBJECT_END);
    try {
      this.#putHead(head);
      this.#isFinished = true;
    } catch (error) {
      throw explained(this.path, error);
    }
  }

  /** Whether somebody has removed the file: what is written to it goes nowhere. */
  get isGone(): boolean {
    try {
      return this.#fd === undefined || fstatSync(this.#fd).nlink === 0;
    } catch {
      return false; // nothing is known of it; writing will tell
    }
  }

  /** Lets go of the file, which stays as it is. Never throws. */
  close(): void {
    const fd = this.#fd;
    this.#fd = undefined;
    try {
      if (fd !== undefined) closeSync(fd);
    } catch {
      // Gone already.
    }
  }

  /** Lets go of the file, and removes it where it has not taken its place. Never throws. */
  abort(): void {
    this.close();
    if (this.#isInPlace || this.#temporary === undefined || this.#temporary === this.path) return;
    try {
      unlinkSync(this.#temporary);
    } catch {
      // Gone already.
    }
  }

  #end(end: string): void {
    const closing = this.#encode(encoder.encode(end));
    try {
      this.#put(closing, this.#at);
      this.#sealedAt = this.#at;
      this.#cutAt(this.#at + closing.length);
    } catch (error) {
      this.#restore();
      throw explained(this.path, error);
    }
  }

  /** After a failure: everything sealed, and no half entry behind it. The bracket's place on disk is there already. */
  #restore(): void {
    this.#at = this.#sealedAt;
    try {
      const closing = this.#encode(encoder.encode(ARRAY_END));
      this.#put(closing, this.#at);
      this.#cutAt(this.#at + closing.length);
    } catch {
      // The disk takes nothing at all: the file is an array without its end.
    }
  }

  /** @returns its length on disk */
  #putHead(head: string): number {
    const bytes = new Uint8Array(HEAD_BYTES).fill(0x20);
    encoder.encodeInto(head + this.#firstEntry, bytes);
    const stored = this.#encodeHead(bytes);
    this.#put(stored, 0);
    return stored.length;
  }

  #put(bytes: Uint8Array, at: number): void {
    for (let done = 0; done < bytes.length; ) {
      const length = bytes.length - done;
      const count = writeSync(this.#fd!, bytes, done, length, at + done);
      done += count;
      this.#length = Math.max(this.#length, at + done);
    }
  }

  #cutAt(length: number): void {
    if (this.#length > length) ftruncateSync(this.#fd!, length);
    this.#length = length;
  }
}

function asItIs(bytes: Uint8Array): Uint8Array {
  return bytes;
}

/** Loaded when needed: see `gzip.ts`. */
function zlib(): typeof import('node:zlib') {
  return createRequire(import.meta.url)('node:zlib') as typeof import('node:zlib');
}

function gzipMember(bytes: Uint8Array): Uint8Array {
  return zlib().gzipSync(bytes);
}

function storedGzipMember(bytes: Uint8Array): Uint8Array {
  return zlib().gzipSync(bytes, { level: 0 });
}
