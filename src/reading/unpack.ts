/**
 * The bytes of a file, unpacked when they are gzip: recognised by content, never by the file's name, with several
 * members after each other as rotation and `cat a.gz b.gz` make them. What was unpacked before gzip data ends
 * early or turns out damaged is handed out all the same.
 */
import { createReadStream } from 'node:fs';
import { createGunzip } from 'node:zlib';
import { OtraceError } from '../errors.js';

const FILE_CHUNK_BYTES = 256 * 1024;
/** Bytes of gzip data unpacked at a time: they may become a thousand times as many. */
const PACKED_CHUNK_BYTES = 16 * 1024;
/** What is lost before damaged gzip data is at most one such piece. */
const UNPACKED_PIECE_BYTES = 64 * 1024;

/** How a file ended. */
export interface Unpacked {
  readonly gzip: boolean;
  /** Bytes of the file itself. */
  readonly fileBytes: number;
  /** Why unpacking stopped early; null when it did not. */
  readonly problem: string | null;
}

/**
 * Reads a file from beginning to end.
 *
 * @param onBytes takes each chunk, and must be done with it when it returns
 * @throws OtraceError OTRACE_INPUT when the file can't be opened or read
 */
export async function unpackFile(path: string, onBytes: (chunk: Buffer) => void): Promise<Unpacked> {
  let fileBytes = 0;
  let gunzip: Gunzip | null = null;
  let head = Buffer.alloc(0);
  let started = false;
  try {
    for await (const chunk of createReadStream(path, { highWaterMark: FILE_CHUNK_BYTES })) {
      let bytes = chunk as Buffer;
      fileBytes += bytes.length;
      if (!started) {
        head = bytes = Buffer.concat([head, bytes]);
        if (head.length < 2) continue;
        started = true;
        if (head[0] === 0x1f && head[1] === 0x8b) gunzip = new Gunzip(onBytes);
      }
      if (gunzip === null) onBytes(bytes);
      else if (!(await gunzip.write(bytes))) break;
    }
  } catch (error) {
    throw unreadable(path, error);
  }
  if (!started) onBytes(head);
  const problem = gunzip === null ? null : await gunzip.end();
  return { gzip: gunzip !== null, fileBytes, problem };
}

/** Node's gunzip with one write at a time, so that all it gave before an error is known to have been handed out. */
class Gunzip {
  readonly #stream = createGunzip({ chunkSize: UNPACKED_PIECE_BYTES });
  #problem: string | null = null;
  #settle: () => void = () => {};

  constructor(onBytes: (chunk: Buffer) => void) {
    this.#stream.on('data', onBytes);
    this.#stream.on('end', () => this.#settle());
    this.#stream.on('error', (error: NodeJS.ErrnoException) => {
      this.#problem =
        error.code === 'Z_BUF_ERROR'
          ? 'the gzip data is cut short'
          : `the gzip data is damaged (${error.message})`;
      this.#settle();
    });
  }

  /** False when unpacking can't go on. */
  async write(packed: Buffer): Promise<boolean> {
    for (let from = 0; from < packed.length && this.#problem === null; from += PACKED_CHUNK_BYTES) {
      await new Promise<void>((resolve) => {
        this.#settle = resolve;
        this.#stream.write(packed.subarray(from, from + PACKED_CHUNK_BYTES), () => resolve());
      });
    }
    return this.#problem === null;
  }

  /** Why unpacking stopped early; null when it came to the end. */
  async end(): Promise<string | null> {
    if (this.#problem === null) {
      await new Promise<void>((resolve) => {
        this.#settle = resolve;
        this.#stream.end();
      });
    }
    return this.#problem;
  }
}

function unreadable(path: string, error: unknown): OtraceError {
  const { code, message } = error as NodeJS.ErrnoException;
  const said =
    code === 'ENOENT' || code === 'ENOTDIR'
      ? `${path} does not exist; check the path, or write a trace first with "otrace run --out ${path} -- app.js"`
      : code === 'EISDIR'
        ? `${path} is a directory; name one trace file in it`
        : code === 'EACCES' || code === 'EPERM'
          ? `${path} may not be read by this user; change its permissions or copy it`
          : `${path} could not be read (${message}); copy it to a local disk and try again`;
  return new OtraceError('OTRACE_INPUT', said, { cause: error });
}
