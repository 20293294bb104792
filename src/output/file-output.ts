/** A recorder's output on disk: one file that each flush rewrites, or numbered files with a size limit. */
import type { FlushResult, RotationLimits, TraceContents, TraceOutput } from '../recorder/recorder.js';
import { Rotation } from './rotation.js';
import { TraceFile } from './trace-file.js';
import { TraceJsonWriter, writeTraceJson } from './trace-json.js';

const DEFAULT_PATH = 'trace.json';
/** Events tried at once in a numbered file; halved where they alone would pass the limit. */
const STEP_EVENTS = 1024;
/** Room kept for what closes a file. */
const FOOTER_BYTES = 512;

export class FileOutput implements TraceOutput {
  readonly #warn: (message: string) => void;
  readonly #warned = new Set<string>();
  #path = DEFAULT_PATH;
  #rotation: Rotation | undefined;

  constructor(warn: (message: string) => void) {
    this.#warn = warn;
  }

  /** The file that the next flush writes; `undefined` while files are numbered. */
  get path(): string | undefined {
    return this.#rotation === undefined ? this.#path : undefined;
  }

  get incremental(): boolean {
    return this.#rotation !== undefined;
  }

  setPath(path: string): void {
    this.#path = path === '' ? DEFAULT_PATH : path;
    this.#rotation = undefined;
  }

  setPattern(pattern: string, limits: RotationLimits): void {
    this.#rotation = new Rotation(pattern, limits);
  }

  write(contents: TraceContents, path: string | undefined): FlushResult {
    try {
      if (this.#rotation !== undefined && path === undefined) return writeNumbered(contents, this.#rotation);
      return writeOne(contents, path ?? this.#path);
    } catch (error) {
      const reason = error instanceof Error ? error.message : String(error);
      if (!this.#warned.has(reason)) this.#warn(reason);
      this.#warned.add(reason);
      return { written: false, reason };
    }
  }
}

function writeOne(contents: TraceContents, path: string): FlushResult {
  const file = new TraceFile(path);
  try {
    writeTraceJson(contents, (chunk) => file.write(chunk));
    file.commit();
  } catch (error) {
    file.abort();
    throw error;
  }
  return { written: true, path, events: contents.batch.count, bytes: file.bytes };
}

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
  let file = new TraceFile(rotation.next());
  let bytes = 0;
  try {
    file.write(render(() => writer.begin()));
    let inFile = 0;
    let step = STEP_EVENTS;
    for (let from = 0; from < count; ) {
      const to = Math.min(count, from + step);
      const piece = render(() => writer.events(from, to));
      const stored = file.stored(piece);
      const fits = file.bytes + stored.length + FOOTER_BYTES <= rotation.maxBytes;
      if (!fits && to - from > 1) {
        step = (to - from) >>> 1;
        continue;
      }
      if (!fits && inFile > 0) {
        file.write(render(() => writer.end()));
        file.commit();
        bytes += file.bytes;
        file = new TraceFile(rotation.next());
        file.write(render(() => writer.begin()));
        inFile = 0;
        step = STEP_EVENTS;
        continue;
      }
      file.writeStored(piece, stored);
      inFile += to - from;
      from = to;
    }
    file.write(render(() => writer.end()));
    file.commit();
  } catch (error) {
    file.abort();
    throw error;
  }
  rotation.removeOld();
  return { written: true, path: file.path, events: count, bytes: bytes + file.bytes };
}
