/**
 * A trace file -> its events, one at a time: the way in for every command that reads traces. Files of any size are
 * read in the memory of one event; damage is described and read around. What the events mean is decided elsewhere
 * (`heap-reports.ts`, `live-history.ts`).
 */
import { OtraceError } from '../errors.js';
import type { TraceEvent } from './trace-event.js';
import { type TraceOutline, TraceParser } from './trace-parser.js';
import { unpackFile } from './unpack.js';

/** A trace file that was read. `damage` in it says what could not be. */
export interface ReadTrace extends TraceOutline {
  readonly file: string;
  readonly gzip: boolean;
  readonly fileBytes: number;
}

/**
 * Reads a Chrome trace, plain or gzip, as an object or a bare array, whole or damaged.
 *
 * @param onEvent called for each event in the order of the file
 * @throws OtraceError OTRACE_INPUT when there is nothing to read: no such file, a directory, an empty file, not
 * JSON, JSON without an event. A file cut short before its first event is damaged, not refused.
 * @example
 * const names = new Set<string>();
 * const { damage } = await readTrace('trace.json.gz', (event) => names.add(nameOf(event)));
 */
export async function readTrace(file: string, onEvent: (event: TraceEvent) => void): Promise<ReadTrace> {
  const parser = new TraceParser(onEvent);
  const { gzip, fileBytes, problem } = await unpackFile(file, (chunk) => parser.push(chunk));
  const outline = parser.end(problem);
  if (outline.eventCount === 0) refuseWithoutEvents(file, fileBytes, outline);
  return { file, gzip, fileBytes, ...outline };
}

function refuseWithoutEvents(file: string, fileBytes: number, outline: TraceOutline): void {
  const again = 'write it again (a program stopped before its first flush leaves such a file)';
  const { damage } = outline;
  if (fileBytes === 0) throw new OtraceError('OTRACE_INPUT', `${file} is empty; ${again}`);
  if (damage?.kind === 'cut-short' || damage?.kind === 'gzip') return;
  if (damage?.kind === 'malformed') {
    throw new OtraceError(
      'OTRACE_INPUT',
      `${file} is not a trace: ${damage.message}; give a file in Chrome Trace Event JSON, plain or gzip`,
    );
  }
  if (outline.form === null)
    throw new OtraceError('OTRACE_INPUT', `${file} holds nothing but space; ${again}`);
  throw new OtraceError(
    'OTRACE_INPUT',
    `${file} is JSON but holds no trace events; give a file in Chrome Trace Event JSON: an array of events, ` +
      'or an object with one in "traceEvents"',
  );
}
