/** A recorder whose clock stands still until it is told to move, and whose file is read back from memory. */
import { writeTraceJson } from '../../src/output/trace-json.js';
import { Clock } from '../../src/recorder/clock.js';
import { Recorder, type RecorderParts } from '../../src/recorder/recorder.js';
import type { FlushResult, TraceContents, TraceOutput } from '../../src/recorder/trace-output.js';

export interface TraceEvent {
  readonly name: string;
  readonly ph: string;
  readonly cat?: string;
  readonly ts: number;
  readonly dur?: number;
  readonly pid: number;
  readonly tid: number;
  readonly s?: string;
  readonly id?: number;
  readonly bp?: string;
  readonly cname?: string;
  readonly args?: Readonly<Record<string, unknown>>;
}

export interface TraceDocument {
  readonly traceEvents: readonly TraceEvent[];
  readonly displayTimeUnit: string;
  readonly otherData: Readonly<Record<string, unknown>>;
}

export const PID = 4000;
export const TID = 4001;
/** Wall time of the clock's zero. */
export const ORIGIN_MS = 1_700_000_000_000;

class MemoryOutput implements TraceOutput {
  incremental = false;
  bytes: Buffer = Buffer.alloc(0);
  setPath(): void {}
  setPattern(): void {}
  write(contents: TraceContents, path: string | undefined): FlushResult {
    this.bytes = render(contents);
    return { written: true, path: path ?? '', events: contents.batch.count, bytes: this.bytes.length };
  }
}

export function render(contents: TraceContents): Buffer {
  const chunks: Uint8Array[] = [];
  writeTraceJson(contents, (chunk) => chunks.push(chunk.slice()));
  return Buffer.concat(chunks);
}

export function parse(bytes: Uint8Array): TraceDocument {
  return JSON.parse(new TextDecoder('utf-8', { fatal: true }).decode(bytes)) as TraceDocument;
}

/** The recorded events: without the names of processes and threads. */
export function eventsOf(document: TraceDocument): TraceEvent[] {
  return document.traceEvents.filter((event) => event.ph !== 'M');
}

export class Rig {
  readonly warnings: string[] = [];
  readonly output = new MemoryOutput();
  readonly trace: Recorder;
  /** Time of the next clock read, in microseconds. */
  nowUs = 0;
  /** How far the clock moves at each read. */
  stepUs = 1;

  constructor(parts: Partial<RecorderParts> = {}) {
    const now = (): number => {
      const ms = this.nowUs / 1000;
      this.nowUs += this.stepUs;
      return ms;
    };
    this.trace = new Recorder({
      clock: new Clock({ now, timeOrigin: ORIGIN_MS }),
      output: this.output,
      pid: PID,
      tid: TID,
      threadName: 'main',
      warn: (message) => this.warnings.push(message),
      ...parts,
    });
  }

  /** What a flush writes. */
  bytes(): Buffer {
    this.trace.flush();
    return this.output.bytes;
  }

  document(): TraceDocument {
    return parse(this.bytes());
  }

  events(): TraceEvent[] {
    return eventsOf(this.document());
  }

  names(): string[] {
    return this.events().map((event) => event.name);
  }
}

/** A rig that is recording. `capacity` is that of its ring. */
export function recording(capacity?: number, parts: Partial<RecorderParts> = {}): Rig {
  const rig = new Rig(parts);
  if (capacity !== undefined) rig.trace.setCapacity(capacity);
  rig.trace.enable();
  return rig;
}

/** Numbers in [0, 1) from a seed: mulberry32. */
export function seeded(seed: number): () => number {
  let state = seed | 0;
  return () => {
    state = (state + 0x6d2b79f5) | 0;
    let t = Math.imul(state ^ (state >>> 15), state | 1);
    t = (t + Math.imul(t ^ (t >>> 7), t | 61)) ^ t;
    return ((t ^ (t >>> 14)) >>> 0) / 2 ** 32;
  };
}
