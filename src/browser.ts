/**
 * `otrace` in a browser: the same recorder and heap tracer, with a download in place of a file. No hooks: the page's
 * own `heap.alloc`, `heap.free` and `heap.track` calls are counted.
 */
import { heapEvents } from './heap/heap-events.js';
import { ReplayEngine } from './heap/replay-memory.js';
import { replayProgram } from './heap/replay-program.js';
import { HeapTracer } from './heap/tracer.js';
import { writeTraceJson } from './output/trace-json.js';
import { Clock } from './recorder/clock.js';
import { Recorder } from './recorder/recorder.js';
import type { FlushResult, TraceContents, TraceOutput } from './recorder/trace-output.js';
import { ManualSource } from './sources/manual.js';

export * from './api.js';

/** Offers the trace as a download, under the name that the path ends with. */
class DownloadOutput implements TraceOutput {
  readonly incremental = false;
  #name = 'trace.json';

  setPath(path: string): void {
    this.#name = path.slice(path.lastIndexOf('/') + 1) || 'trace.json';
  }

  setPattern(pattern: string): void {
    this.setPath(pattern);
  }

  write(contents: TraceContents, path: string | undefined): FlushResult {
    if (typeof document === 'undefined') {
      return { written: false, reason: 'there is no document to download from; use traceBlob() and send it' };
    }
    if (path !== undefined) this.setPath(path);
    const blob = toBlob(contents);
    const link = document.createElement('a');
    link.href = URL.createObjectURL(blob);
    link.download = this.#name;
    link.click();
    URL.revokeObjectURL(link.href);
    return { written: true, path: this.#name, events: contents.batch.count, bytes: blob.size };
  }
}

function warn(message: string): void {
  console.warn(`otrace: ${message}`);
}

export const trace = new Recorder({
  clock: new Clock(performance),
  output: new DownloadOutput(),
  pid: 1,
  tid: 1,
  threadName: typeof document === 'undefined' ? 'worker' : 'page',
  warn,
});

export const heap = new HeapTracer(heapEvents(trace), {
  manual: (host) => new ManualSource(host),
  ...(typeof WebAssembly === 'object' && { replay: new ReplayEngine(WebAssembly, replayProgram) }),
  warn: (line) => console.warn(line),
});
trace.onFlush(() => heap.addPoint());

/** The trace as it is now, to be kept or sent. @example await fetch('/traces', { method: 'POST', body: traceBlob() }); */
export function traceBlob(): Blob {
  return toBlob(trace.contents());
}

function toBlob(contents: TraceContents): Blob {
  const chunks: BlobPart[] = [];
  writeTraceJson(contents, (chunk) => chunks.push(chunk.slice()));
  return new Blob(chunks, { type: 'application/json' });
}
