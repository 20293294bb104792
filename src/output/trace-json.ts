/**
 * Events to Chrome Trace Event JSON, byte by byte. What Perfetto's importer can't read is never written: see
 * docs/trace-format.md for the list and the reasons.
 */
import { KEY_SEPARATOR } from '../recorder/arguments.js';
import { EventKind, RAW_SHAPE } from '../recorder/event-ring.js';
import { assignLanes } from '../recorder/lanes.js';
import { PayloadReader, Tag } from '../recorder/payload.js';
import type { TraceContents } from '../recorder/recorder.js';
import { textJson } from '../recorder/safe-json.js';
import type { ReadableLog } from '../recorder/thread-log.js';
import { type ByteSink, JsonBytes } from './json-bytes.js';

/** The `ph` field, and what goes with it, for each kind of event. */
const PHASES: Readonly<Record<EventKind, string>> = {
  [EventKind.complete]: '"ph":"X"',
  [EventKind.instant]: '"ph":"I","s":"t"',
  [EventKind.begin]: '"ph":"B"',
  [EventKind.end]: '"ph":"E"',
  [EventKind.counter]: '"ph":"C"',
  [EventKind.flowStart]: '"ph":"s"',
  [EventKind.flowStep]: '"ph":"t"',
  [EventKind.flowEnd]: '"ph":"f","bp":"e"',
};

/** Lanes of a thread get thread ids far from those the system gives out. */
const LANE_TID_BASE = 1 << 30;
const MAX_LANES = 256;

const encoder = new TextEncoder();

/** The caches of one log: each string is escaped and encoded once a file. */
class LogWriter {
  readonly log: ReadableLog;
  readonly reader: PayloadReader;
  readonly #quoted: Uint8Array[] = [];
  readonly #keys: Uint8Array[][] = [];

  constructor(log: ReadableLog) {
    this.log = log;
    this.reader = new PayloadReader(log.ring);
  }

  quoted(id: number): Uint8Array {
    let bytes = this.#quoted[id];
    if (bytes === undefined) {
      bytes = encoder.encode(textJson(this.log.text(id)));
      this.#quoted[id] = bytes;
    }
    return bytes;
  }

  /** The keys of a shape, as `"key":`, each but the first after a comma. */
  keys(shape: number): readonly Uint8Array[] {
    let list = this.#keys[shape];
    if (list === undefined) {
      const keys = this.log.text(shape).split(KEY_SEPARATOR);
      list = keys.map((key, i) => encoder.encode(`${i === 0 ? '' : ','}${textJson(key)}:`));
      this.#keys[shape] = list;
    }
    return list;
  }
}

/**
 * Writes the pieces of a file: `begin`, any number of `events`, `end`. After `end` the next `begin` starts another
 * file with the same contents' events, which is how a trace is split by size.
 */
export class TraceJsonWriter {
  readonly #contents: TraceContents;
  readonly #out: JsonBytes;
  readonly #logs: readonly LogWriter[];
  readonly #laneOf: Uint16Array;
  readonly #extraLanes: readonly number[];
  #first = true;

  constructor(contents: TraceContents, sink: ByteSink) {
    this.#contents = contents;
    this.#out = new JsonBytes(sink);
    this.#logs = contents.batch.logs.map((log) => new LogWriter(log));
    const lanes = assignLanes(contents.batch);
    this.#laneOf = lanes.laneOf;
    this.#extraLanes = lanes.extraLanes;
  }

  /** Opens the file and names its process and threads. */
  begin(): void {
    const { pid, processName, batch } = this.#contents;
    this.#first = true;
    this.#out.ascii('{"traceEvents":[');
    if (processName !== '') this.#metadata('process_name', 0, `"name":${textJson(processName)}`);
    batch.logs.forEach(({ identity }, index) => {
      if (identity.name !== '')
        this.#metadata('thread_name', identity.tid, `"name":${textJson(identity.name)}`);
      if (identity.sortIndex !== 0) {
        this.#metadata('thread_sort_index', identity.tid, `"sort_index":${identity.sortIndex}`);
      }
      for (let lane = 1; lane <= this.#extraLanes[index]!; lane++) {
        const name = `${identity.name || `thread ${identity.tid}`}, overlapping ${lane}`;
        this.#metadata('thread_name', laneTid(index, lane), `"name":${textJson(name)}`);
      }
    });
    batch.logs.forEach((log, index) => {
      const lost = batch.lostEvents[index]!;
      if (lost > 0) this.#lossNote(log, index, pid, lost);
    });
  }

  /** Writes entries `from` (included) to `to` (not included) of the batch. */
  events(from: number, to: number): void {
    const { batch, pid } = this.#contents;
    const out = this.#out;
    const pidText = `,"pid":${pid},"tid":`;
    for (let i = from; i < to; i++) {
      const logIndex = batch.logIndexes[i]!;
      const writer = this.#logs[logIndex]!;
      const { ring, identity } = writer.log;
      const slot = batch.slots[i]!;
      const kind = ring.kind(slot);
      const nameId = ring.nameId(slot);
      const categoryId = ring.categoryId(slot);
      const colourId = ring.colourId(slot);
      const shape = ring.shape(slot);
      if (shape !== 0 || nameId === 0) writer.reader.seek(ring.payloadStart(slot));
      this.#separate();
      out.ascii('{"name":');
      if (nameId === 0) this.#value(writer);
      else out.raw(writer.quoted(nameId));
      if (categoryId !== 0) {
        out.ascii(',"cat":');
        out.raw(writer.quoted(categoryId));
      }
      out.ascii(',');
      out.ascii(PHASES[kind]);
      out.ascii(',"ts":');
      out.microseconds(ring.startUs(slot));
      if (kind === EventKind.complete) {
        out.ascii(',"dur":');
        out.microseconds(ring.durationUs(slot));
      } else if (kind >= EventKind.flowStart) {
        out.ascii(',"id":');
        out.number(ring.durationUs(slot));
      }
      out.ascii(pidText);
      const lane = this.#laneOf[i]!;
      out.number(lane === 0 ? identity.tid : laneTid(logIndex, lane));
      if (colourId !== 0) {
        out.ascii(',"cname":');
        out.raw(writer.quoted(colourId));
      }
      if (shape !== 0) this.#arguments(writer, shape);
      out.ascii('}');
    }
  }

  /** Bytes written so far. */
  get bytes(): number {
    return this.#out.handedOn;
  }

  /** Hands the bytes written so far to the sink. */
  handOn(): void {
    this.#out.finish();
  }

  /** Closes the file. */
  end(): void {
    const { anchorUs, batch, rejectedValues } = this.#contents;
    const lost = batch.lostEvents.reduce((sum, count) => sum + count, 0);
    const facts = {
      tool: 'otrace',
      clock_anchor_unix_us: anchorUs,
      lost_events: lost,
      rejected_values: rejectedValues,
    };
    this.#out.reserve();
    this.#out.ascii(`\n],"displayTimeUnit":"ms","otherData":${JSON.stringify(facts)}}\n`);
    this.#out.finish();
  }

  #separate(): void {
    this.#out.reserve();
    this.#out.ascii(this.#first ? '\n' : ',\n');
    this.#first = false;
  }

  #metadata(name: string, tid: number, args: string): void {
    this.#separate();
    this.#out.raw(
      encoder.encode(
        `{"name":"${name}","ph":"M","ts":0,"pid":${this.#contents.pid},"tid":${tid},"args":{${args}}}`,
      ),
    );
  }

  /** Tells, where a thread's events begin, how many older ones its ring no longer had. */
  #lossNote(log: ReadableLog, index: number, pid: number, lost: number): void {
    const { batch } = this.#contents;
    const first = batch.logIndexes.indexOf(index);
    const us = first < 0 ? 0 : log.ring.startUs(batch.slots[first]!);
    this.#separate();
    this.#out.ascii('{"name":"events_lost","cat":"otrace","ph":"I","s":"t","ts":');
    this.#out.microseconds(Math.max(0, us - 0.001));
    this.#out.ascii(`,"pid":${pid},"tid":${log.identity.tid},"args":{"lost_events":${lost},`);
    this.#out.ascii('"reason":"the ring overwrote its oldest events"}}');
  }

  #arguments(writer: LogWriter, shape: number): void {
    this.#out.ascii(',"args":');
    if (shape === RAW_SHAPE) {
      this.#value(writer);
      return;
    }
    this.#out.ascii('{');
    for (const key of writer.keys(shape)) {
      this.#out.raw(key);
      this.#value(writer);
    }
    this.#out.ascii('}');
  }

  #value(writer: LogWriter): void {
    const { reader } = writer;
    const out = this.#out;
    out.reserve();
    const tag = reader.next();
    const content = reader.content;
    switch (tag) {
      case Tag.number:
        out.number(content);
        break;
      case Tag.boolean:
        out.ascii(content === 1 ? 'true' : 'false');
        break;
      case Tag.text:
        out.ascii('"');
        for (let i = 0; i < content; i++) {
          if ((i & 63) === 0) out.reserve();
          out.quotedUnit(reader.unit(i));
        }
        out.endText();
        out.ascii('"');
        break;
      case Tag.json:
        for (let i = 0; i < content; i++) {
          if ((i & 63) === 0) out.reserve();
          out.unit(reader.unit(i));
        }
        out.endText();
        break;
      case Tag.spilled: {
        const spill = writer.log.spill(content);
        if (spill === undefined) out.ascii('"[lost]"');
        else out.raw(encoder.encode(spill.json ? spill.text : textJson(spill.text)));
      }
    }
  }
}

/** Writes a whole trace. @returns the number of bytes */
export function writeTraceJson(contents: TraceContents, sink: ByteSink): number {
  const writer = new TraceJsonWriter(contents, sink);
  writer.begin();
  writer.events(0, contents.batch.count);
  writer.end();
  return writer.bytes;
}

function laneTid(logIndex: number, lane: number): number {
  return LANE_TID_BASE + logIndex * MAX_LANES + lane;
}
