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
const UNPACKED_PIECE_BYTES = 64 * 1024;
/** A checksum and a length end each member. */
const CHECKSUM_BYTES = 8;

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
  for await (const chunk of chunksOf(path)) {
    fileBytes += chunk.length;
    let bytes = chunk;
    if (!started) {
      head = bytes = Buffer.concat([head, bytes]);
      if (head.length < 2) continue;
      started = true;
      if (head[0] === 0x1f && head[1] === 0x8b) gunzip = new Gunzip(onBytes);
    }
    if (gunzip === null) onBytes(bytes);
    else if (!(await gunzip.write(bytes))) break;
  }
  if (!started) onBytes(head);
  const problem = gunzip === null ? null : await gunzip.end();
  return { gzip: gunzip !== null, fileBytes, problem };
}

async function* chunksOf(path: string): AsyncGenerator<Buffer, void> {
  const stream = createReadStream(path, { highWaterMark: FILE_CHUNK_BYTES });
  const chunks: AsyncIterator<Buffer> = stream[Symbol.asyncIterator]();
  try {
    while (true) {
      const next = await chunks.next().catch((error: unknown) => {
        throw unreadable(path, error);
      });
      if (next.done) return;
      yield next.value;
    }
  } finally {
    stream.destroy();
  }
}

/** Node's gunzip with one write at a time, so that all it gave before an error is known to have been handed out. */
class Gunzip {
  readonly #stream = createGunzip({ chunkSize: UNPACKED_PIECE_BYTES });
  #problem: string | null = null;
  /** The stream has ended, perhaps before the file: what follows (zeroes, after a crash of the machine) it never takes. */
  #isOver = false;
  /** What `onBytes` threw. */
  #thrown: { readonly error: unknown } | null = null;
  #settle: () => void = () => {};
  #held = Buffer.alloc(0);

  constructor(onBytes: (chunk: Buffer) => void) {
    this.#stream.on('data', (bytes: Buffer) => {
      try {
        if (this.#thrown === null) onBytes(bytes);
      } catch (error) {
        this.#thrown = { error };
        this.#stream.destroy();
        this.#settle();
      }
    });
    this.#stream.on('end', () => {
      this.#isOver = true;
      this.#settle();
    });
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
    // An error loses what its write had unpacked, and the last bytes are a checksum: they go in by themselves.
    const bytes = Buffer.concat([this.#held, packed]);
    const held = Math.max(0, bytes.length - CHECKSUM_BYTES);
    this.#held = bytes.subarray(held);
    for (let from = 0; from < held; from += PACKED_CHUNK_BYTES) {
      await this.#settled((done) => {
        this.#stream.write(bytes.subarray(from, Math.min(held, from + PACKED_CHUNK_BYTES)), done);
      });
    }
    return this.#problem === null && !this.#isOver;
  }

  /** Why unpacking stopped early; null when it came to the end. */
  async end(): Promise<string | null> {
    await this.#settled((done) => this.#stream.write(this.#held, done));
    await this.#settled(() => this.#stream.end());
    return this.#problem;
  }

  /** Does one step, unless an earlier one failed, and waits until it is done, has failed or was the last. */
  async #settled(step: (done: () => void) => void): Promise<void> {
    if (this.#problem !== null || this.#isOver) return;
    await new Promise<void>((resolve) => {
      this.#settle = resolve;
      step(() => resolve());
    });
    if (this.#thrown !== null) throw this.#thrown.error;
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
