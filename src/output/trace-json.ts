/**
 * Events to Chrome Trace Event JSON, byte by byte. What Perfetto's importer can't read is never written: see
 * docs/trace-format.md for the list and the reasons.
 */
import type { Annex } from '../recorder/annexes.js';
import { assignLanes, type LaneMemory, type Lanes, laneTid } from '../recorder/lanes.js';
import { textJson } from '../recorder/safe-json.js';
import type { TraceContents } from '../recorder/trace-output.js';
import { EventJson } from './event-json.js';
import { type ByteSink, JsonBytes } from './json-bytes.js';
import { putMicroseconds } from './json-digits.js';

/** What a file that grows batch by batch has to know of the batches before. */
export interface GrowingFile {
  readonly lanes: LaneMemory;
  /** Names of processes and threads that the file has: entries as they were written. */
  readonly names: Set<string>;
}

/**
 * Writes the pieces of a file: `begin`, any number of `events`, `end`. After `end` the next `begin` starts another
 * file with more of the same contents' events, which is how a trace is split by size.
 *
 * Or the pieces of a file that is there already: `goOn`, any number of `events`.
 */
export class TraceJsonWriter {
  readonly #contents: TraceContents;
  readonly #out: JsonBytes;
  readonly #events: EventJson;
  readonly #lanes: Lanes;
  readonly #file: GrowingFile | undefined;

  /** @param file the file that these contents are added to */
  constructor(contents: TraceContents, sink: ByteSink, file?: GrowingFile) {
    this.#contents = contents;
    this.#out = new JsonBytes(sink);
    this.#lanes = assignLanes(contents.batch, file?.lanes);
    this.#events = new EventJson(contents, this.#lanes, this.#out);
    this.#file = file;
  }

  /**
   * Opens a file and names its process and threads.
   *
   * @param isFirst whether this is the first file of these contents: what was lost is told once
   */
  begin(isFirst: boolean): void {
    const { batch, annexes, forgottenEvents } = this.#contents;
    const lost = isFirst ? batch.lostEvents : batch.lostEvents.map(() => 0);
    const lostEvents = lost.reduce((sum, count) => sum + count, isFirst ? forgottenEvents : 0);
    this.#out.text(objectHead(this.#contents, lostEvents));
    // The first entry of the list has no comma before it, so it is one that is always there.
    this.#out.text(this.#processName());
    this.#threadNames();
    this.#lossNotes(lost);
    if (isFirst) for (const annex of annexes) this.#annex(annex);
  }

  /**
   * Goes on with a file that has a first entry: names what it does not name yet.
   *
   * @param isFirst whether these contents begin here: what was lost is told once
   */
  goOn(isFirst: boolean): void {
    this.#name(this.#processName());
    this.#threadNames();
    if (!isFirst) return;
    this.#lossNotes(this.#contents.batch.lostEvents);
    for (const annex of this.#contents.annexes) this.#annex(annex);
  }

  /** Writes entries `from` (included) to `to` (not included) of the batch. */
  events(from: number, to: number): void {
    this.#events.write(from, to);
  }

  /** Closes the file. */
  end(): void {
    this.#out.reserve();
    this.#out.ascii('\n]}\n');
    this.#out.finish();
  }

  /** Bytes written so far. */
  get bytes(): number {
    return this.#out.handedOn;
  }

  /** Hands the bytes written so far to the sink. */
  handOn(): void {
    this.#out.finish();
  }

  #processName(): string {
    const { pid, processName } = this.#contents;
    return metadata('process_name', pid, 0, `"name":${textJson(processName || `process ${pid}`)}`);
  }

  #threadNames(): void {
    const { batch, pid } = this.#contents;
    batch.logs.forEach(({ identity }, index) => {
      const { tid, name, sortIndex } = identity;
      if (name !== '') this.#name(metadata('thread_name', pid, tid, `"name":${textJson(name)}`));
      if (sortIndex !== 0) this.#name(metadata('thread_sort_index', pid, tid, `"sort_index":${sortIndex}`));
      for (let lane = 1; lane <= this.#lanes.extraLanes[index]!; lane++) {
        const laneName = textJson(`${name || `thread ${tid}`}, overlapping ${lane}`);
        const laneId = laneTid(this.#lanes.numbers[index]!, lane);
        this.#name(metadata('thread_name', pid, laneId, `"name":${laneName}`));
      }
    });
  }

  /** A name, unless the file has it. */
  #name(json: string): void {
    if (this.#file?.names.has(json) === true) return;
    this.#file?.names.add(json);
    this.#next(json);
  }

  #lossNotes(lost: readonly number[]): void {
    lost.forEach((count, index) => {
      if (count > 0) this.#lossNote(index, count);
    });
  }

  #annex({ name, timeUs, argsJson }: Annex): void {
    this.#next(`{"name":${textJson(name)},"ph":"M","ts":`);
    this.#microseconds(Math.round(timeUs * 1000));
    this.#out.text(`,"pid":${this.#contents.pid},"tid":0,"args":${argsJson}}`);
  }

  #microseconds(ns: number): void {
    const out = this.#out;
    out.reserve();
    out.at = putMicroseconds(out.view, out.at, Float64Array.of(ns), 0);
  }

  /** Another entry of the list of events. */
  #next(json: string): void {
    this.#out.text(`,\n${json}`);
  }

  /** Tells, where a thread's events begin, how many older ones its ring no longer had. */
  #lossNote(logIndex: number, lost: number): void {
    const { batch, pid } = this.#contents;
    const first = batch.logIndexes.indexOf(logIndex);
    const { tid } = batch.logs[logIndex]!.identity;
    this.#next('{"name":"events_lost","cat":"otrace","ph":"I","s":"t","ts":');
    this.#microseconds(first < 0 ? 0 : Math.max(0, batch.startsNs[first]! - 1));
    this.#out.text(
      `,"pid":${pid},"tid":${tid},"args":{"lost_events":${lost},"reason":"the ring overwrote its oldest events"}}`,
    );
  }
}

/** What an object begins with, up to its first entry. */
export function objectHead(
  contents: Pick<TraceContents, 'anchorUs' | 'rejectedValues'>,
  lostEvents: number,
): string {
  const facts = {
    tool: 'otrace',
    clock_anchor_unix_us: contents.anchorUs,
    lost_events: lostEvents,
    rejected_values: contents.rejectedValues,
  };
  return `{"displayTimeUnit":"ms","otherData":${JSON.stringify(facts)},"traceEvents":[\n`;
}

/** @param args JSON without its braces */
export function metadata(name: string, pid: number, tid: number, args: string): string {
  return `{"name":"${name}","ph":"M","ts":0,"pid":${pid},"tid":${tid},"args":{${args}}}`;
}

/** Writes a whole trace. @returns the number of bytes */
export function writeTraceJson(contents: TraceContents, sink: ByteSink): number {
  const writer = new TraceJsonWriter(contents, sink);
  writer.begin(true);
  writer.events(0, contents.batch.count);
  writer.end();
  return writer.bytes;
}
