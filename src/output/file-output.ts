/**
 * A recorder's output on disk: one file that each flush rewrites, or numbered files with a size limit. Either may be
 * durable: it then grows as the run goes on (`durable-output.ts`).
 */
import { statSync } from 'node:fs';
import { reasonOf } from '../recorder/safe-json.js';
import type {
  FlushResult,
  GrowingOutput,
  OutputOptions,
  RotationLimits,
  TraceContents,
  TraceOutput,
} from '../recorder/trace-output.js';
import { DurableOutput } from './durable-output.js';
import { Rotation } from './rotation.js';
import { TraceFile } from './trace-file.js';
import { TraceJsonWriter, writeTraceJson } from './trace-json.js';

const DEFAULT_PATH = 'trace.json';
/** Events tried at once in a numbered file; halved where they alone would pass the limit. */
const STEP_EVENTS = 1024;
/** Room kept for what closes a file. */
const FOOTER_BYTES = 64;

export class FileOutput implements TraceOutput {
  readonly #warn: (message: string) => void;
  readonly #warned = new Set<string>();
  #path = DEFAULT_PATH;
  #rotation: Rotation | undefined;
  #growing: DurableOutput | undefined;

  constructor(warn: (message: string) => void) {
    this.#warn = warn;
  }

  /** The file that the next flush writes; `undefined` while files are numbered. */
  get path(): string | undefined {
    return this.#rotation === undefined ? this.#path : undefined;
  }

  get incremental(): boolean {
    return this.#rotation !== undefined || this.#growing?.isRewritable === false;
  }

  get durable(): GrowingOutput | undefined {
    const growing = this.#growing;
    if (growing === undefined) return undefined;
    return { append: (contents, isFlush) => this.#attempt(() => growing.append(contents, isFlush)) };
  }

  setPath(path: string, options: OutputOptions = {}): void {
    const name = path === '' ? DEFAULT_PATH : path;
    // A device or a pipe can't be written over, so it is written at flushes only.
    const growing =
      options.durable === true && !isSpecial(name) ? DurableOutput.single(name, options.maxBytes) : undefined;
    this.#become(growing);
    this.#path = name;
    this.#rotation = undefined;
  }

  setPattern(pattern: string, limits: RotationLimits): void {
    const rotation = new Rotation(pattern, limits);
    this.#become(limits.durable === true ? DurableOutput.numbered(rotation) : undefined);
    this.#rotation = rotation;
  }

  write(contents: TraceContents, path: string | undefined): FlushResult {
    return this.#attempt(() => {
      if (path !== undefined) return writeOne(contents, path);
      if (this.#rotation !== undefined) return writeNumbered(contents, this.#rotation);
      return this.#growing?.rewrite(contents) ?? writeOne(contents, this.#path);
    });
  }

  #become(growing: DurableOutput | undefined): void {
    this.#growing?.close();
    this.#growing = growing;
  }

  #attempt(write: () => FlushResult): FlushResult {
    try {
      return write();
    } catch (error) {
      const reason = reasonOf(error);
      if (!this.#warned.has(reason)) this.#warn(reason);
      this.#warned.add(reason);
      return { written: false, reason };
    }
  }
}

function isSpecial(path: string): boolean {
  try {
    const there = statSync(path);
    return !there.isFile() && !there.isDirectory();
  } catch {
    return false; // not there yet
  }
}

function writeOne(contents: TraceContents, path: string): FlushResult {
  const file = new TraceFile(path);
  try {
    writeTraceJson(contents, (chunk) => file.write(chunk));
    file.close();
    file.commit();
  } catch (error) {
    file.abort();
    throw error;
  }
  return { written: true, path, events: contents.batch.count, bytes: file.bytes };
}

/** All files of a flush take their places together at its end, so that a flush that fails leaves none. */
function writeNumbered(contents: TraceContents, rotation: Rotation): FlushResult {
  const { count } = contents.batch;
  if (count === 0) return { written: false, reason: 'there is nothing new to write' };
  let pieces: Uint8Array[] = [];
  const writer = new TraceJsonWriter(contents, (chunk) => pieces.push(chunk.slice()));
  const render = (write: () => void): Uint8Array => {
    pieces = [];
    write();
    writer.handOn();
    return Buffer.concat(pieces);
  };
  const files: TraceFile[] = [];
  const open = (): TraceFile => {
    const file = new TraceFile(rotation.path(files.length));
    files.push(file);
    file.write(render(() => writer.begin(files.length === 1)));
    return file;
  };
  const close = (file: TraceFile): void => {
    file.write(render(() => writer.end()));
    file.close();
  };
  try {
    let file = open();
    let inFile = 0;
    let step = STEP_EVENTS;
    for (let from = 0; from < count; ) {
      const to = Math.min(count, from + step);
      const piece = render(() => writer.events(from, to));
      const stored = file.stored(piece);
      const fits = file.bytes + stored.length + FOOTER_BYTES <= rotation.maxBytes;
      if (!fits && to - from > 1) {
        step = (to - from) >>> 1;
      } else if (!fits && inFile > 0) {
        close(file);
        file = open();
        inFile = 0;
        step = STEP_EVENTS;
      } else {
        // A single event that is larger than a file may be gets a file of its own.
        file.writeStored(piece, stored);
        inFile += to - from;
        from = to;
      }
    }
    close(file);
    for (const whole of files) whole.commit();
  } catch (error) {
    for (const file of files) file.abort();
    throw error;
  }
  rotation.advance(files.length);
  const bytes = files.reduce((sum, file) => sum + file.bytes, 0);
  return { written: true, path: files.at(-1)!.path, events: count, bytes };
}
