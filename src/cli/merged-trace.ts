/**
 * Several trace files as one, on one clock. Each file says what wall time its timestamp 0 is; the earliest of these is
 * the new zero, and every event is moved by the difference. Events keep the order of their files, one after the other;
 * viewers sort by time.
 *
 * A file that does not say begins where the earliest one does. Where none says, all are taken to be on one clock, as
 * the traces of one browser are.
 *
 * Memory: one event, a chunk of output, and the ids (`merged-ids.ts`).
 */
import { REPORT_DATA_EVENT } from '../heap/report-data.js';
import { TraceFile } from '../output/trace-file.js';
import type { Damage } from '../reading/damage.js';
import { eventJson } from '../reading/event-json.js';
import { readTrace } from '../reading/read-trace.js';
import {
  argumentsOf,
  finiteNumber,
  nameOf,
  phaseOf,
  processOf,
  type TraceEvent,
  timeUsOf,
} from '../reading/trace-event.js';
import { isAboutFile, type TraceOrigin } from '../reading/trace-origin.js';
import { MergedIds, type Renumbered } from './merged-ids.js';

/** A file to be merged. */
export interface MergeInput {
  readonly file: string;
  readonly origin: TraceOrigin;
}

/** What became of it. */
export interface MergedFile {
  readonly file: string;
  readonly events: number;
  /** Whether the file says when it was recorded. */
  readonly hasAnchor: boolean;
  /** What was added to its timestamps. */
  readonly offsetUs: number;
  readonly damage: Damage | null;
  readonly renumbered: readonly Renumbered[];
}

export interface MergedTrace {
  readonly path: string;
  readonly events: number;
  readonly bytes: number;
  readonly processes: number;
  readonly files: readonly MergedFile[];
}

const CHUNK_CHARACTERS = 256 * 1024;
/** Figures of a file about itself that are added up. */
const SUMS = ['lost_events', 'rejected_values'];
/** Events whose `id` joins them to others: flows and async slices, in their old and new forms. */
const JOINED = new Set(['s', 't', 'f', 'b', 'n', 'e', 'S', 'T', 'p', 'F']);

/**
 * Writes the merged file.
 *
 * @throws OtraceError `OTRACE_OUTPUT` when it can't be written, `OTRACE_INPUT` when a file can't be read any more
 */
export async function mergeTraces(inputs: readonly MergeInput[], path: string): Promise<MergedTrace> {
  const anchors = inputs.map(({ origin }) => origin.anchorUs).filter((anchor) => anchor !== null);
  const zeroUs = anchors.length > 0 ? Math.min(...anchors) : null;
  const ids = new MergedIds();
  const output = new TraceFile(path);
  const files: MergedFile[] = [];
  let pending = `{"displayTimeUnit":"ms","otherData":${eventJson(factsOf(inputs, zeroUs))},"traceEvents":[`;
  let separator = '\n';
  const write = (event: TraceEvent): void => {
    pending += separator + eventJson(event);
    separator = ',\n';
    if (pending.length < CHUNK_CHARACTERS) return;
    output.write(Buffer.from(pending));
    pending = '';
  };
  try {
    for (const [index, { file, origin }] of inputs.entries()) {
      const offsetUs = offsetOf(origin, zeroUs);
      const owner = origin.anchorUs === null ? `file ${index}` : `clock ${origin.anchorUs}`;
      let events = 0;
      const { damage } = await readTrace(file, (event) => {
        if (isAboutFile(event)) return;
        events++;
        write(moved(event, offsetUs, ids, owner, `file ${index}`));
      });
      const renumbered = ids.renumbered(owner);
      files.push({ file, events, hasAnchor: origin.anchorUs !== null, offsetUs, damage, renumbered });
    }
    output.write(Buffer.from(`${pending}\n]}\n`));
    output.close();
    output.commit();
  } catch (error) {
    output.abort();
    throw error;
  }
  const events = files.reduce((sum, file) => sum + file.events, 0);
  return { path, events, bytes: output.bytes, processes: ids.processCount, files };
}

function factsOf(inputs: readonly MergeInput[], zeroUs: number | null): Record<string, unknown> {
  const facts: Record<string, unknown> = { tool: 'otrace', merged_files: inputs.length };
  if (zeroUs !== null) facts['clock_anchor_unix_us'] = zeroUs;
  for (const name of SUMS) {
    facts[name] = inputs.reduce((sum, { origin }) => sum + (finiteNumber(origin.facts[name]) ?? 0), 0);
  }
  return facts;
}

function offsetOf({ anchorUs, firstUs }: TraceOrigin, zeroUs: number | null): number {
  if (zeroUs === null) return 0;
  return anchorUs === null ? -(firstUs ?? 0) : anchorUs - zeroUs;
}

function moved(event: TraceEvent, offsetUs: number, ids: MergedIds, owner: string, file: string): TraceEvent {
  const out: Record<string, unknown> = { ...event, pid: ids.processId(processOf(event), owner) };
  const phase = phaseOf(event);
  const isReport = phase === 'M' && nameOf(event) === REPORT_DATA_EVENT;
  const timeUs = phase === 'M' && !isReport ? null : timeUsOf(event);
  if (timeUs !== null) out['ts'] = later(timeUs, offsetUs);
  if (isReport) {
    const args = argumentsOf(event);
    out['args'] = { ...args, time_us: later(finiteNumber(args['time_us']) ?? 0, offsetUs) };
  }
  if (JOINED.has(phase) && event['id'] !== undefined) out['id'] = ids.flowId(event['id'], file);
  if (event['bind_id'] !== undefined) out['bind_id'] = ids.flowId(event['bind_id'], file);
  return out;
}

/** To the nanosecond, which is all that a file shows: the sum of two doubles has digits of its own. */
function later(timeUs: number, offsetUs: number): number {
  return Math.round((timeUs + offsetUs) * 1000) / 1000;
}
