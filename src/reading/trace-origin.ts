/**
 * Where a trace lies in time: the wall clock at its timestamp 0, if the file says so. Otherwise its first timestamp is
 * all there is. A file that says so is read no further than needed: the facts stand before or among its first events.
 *
 * The facts are `otherData` of the object form, or in either form the arguments of a metadata event: `otrace_file` of a
 * durable file that was not finished, `otrace_metadata` of other tools.
 */
import { readTrace } from './read-trace.js';
import {
  argumentsOf,
  finiteNumber,
  isRecord,
  nameOf,
  phaseOf,
  type TraceEvent,
  timeUsOf,
} from './trace-event.js';
import { TraceParser } from './trace-parser.js';
import { unpackFile } from './unpack.js';

/** Names of the metadata event that carries what `otherData` would. */
const METADATA_EVENTS: readonly string[] = ['otrace_file', 'otrace_metadata'];

const ANCHOR = 'clock_anchor_unix_us';

export interface TraceOrigin {
  /** Wall time of timestamp 0, in microseconds since the Unix epoch; null when the file does not say. */
  readonly anchorUs: number | null;
  /** The earliest timestamp; null when the file was not read as far, or has none. */
  readonly firstUs: number | null;
  /** What the file says about itself. */
  readonly facts: Readonly<Record<string, unknown>>;
}

/** Ends the reading of a file early. */
class Enough {
  readonly origin: TraceOrigin;

  constructor(origin: TraceOrigin) {
    this.origin = origin;
  }
}

/**
 * Finds the origin of a trace.
 *
 * @throws OtraceError OTRACE_INPUT as `readTrace`
 */
export async function readOrigin(file: string): Promise<TraceOrigin> {
  const parser = new TraceParser((event) => {
    const facts = factsIn(event, parser.otherKey('otherData'));
    if (facts !== null) throw new Enough(facts);
  });
  try {
    await unpackFile(file, (chunk) => parser.push(chunk));
  } catch (found) {
    if (found instanceof Enough) return found.origin;
    throw found;
  }
  return readWhole(file);
}

/** Whether an event says of its file what `otherData` would. */
export function isAboutFile(event: TraceEvent): boolean {
  return phaseOf(event) === 'M' && METADATA_EVENTS.includes(nameOf(event) ?? '');
}

function factsIn(event: TraceEvent, otherData: unknown): TraceOrigin | null {
  const facts = isAboutFile(event) ? argumentsOf(event) : isRecord(otherData) ? otherData : {};
  const anchorUs = finiteNumber(facts[ANCHOR]);
  return anchorUs === null ? null : { anchorUs, firstUs: null, facts };
}

/** For a file without an anchor before its end, if anywhere. */
async function readWhole(file: string): Promise<TraceOrigin> {
  let firstUs: number | null = null;
  const { otherKeys } = await readTrace(file, (event) => {
    const timeUs = phaseOf(event) === 'M' ? null : timeUsOf(event);
    if (timeUs !== null && (firstUs === null || timeUs < firstUs)) firstUs = timeUs;
  });
  const facts = isRecord(otherKeys['otherData']) ? otherKeys['otherData'] : {};
  return { anchorUs: finiteNumber(facts[ANCHOR]), firstUs, facts };
}
