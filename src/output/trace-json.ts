/**
 * Events to Chrome Trace Event JSON, byte by byte. What Perfetto's importer can't read is never written: see
 * docs/trace-format.md for the list and the reasons.
 */
import type { Annex } from '../recorder/annexes.js';
import { EventKind, RAW_SHAPE } from '../recorder/event-ring.js';
import { assignLanes, type LaneMemory, type Lanes, laneTid } from '../recorder/lanes.js';
import { Tag } from '../recorder/payload.js';
import { textJson } from '../recorder/safe-json.js';
import type { TraceContents } from '../recorder/trace-output.js';
import {
  type ByteSink,
  JsonBytes,
  LAST_START,
  MARGIN_BYTES,
  phrase,
  putPhrase,
  putPlain,
} from './json-bytes.js';
import { DIGITS, putDecimal, putMicroseconds, putNumber } from './json-digits.js';
import { LogPhrases } from './log-phrases.js';

const DURATION = phrase(',"dur":');
const FLOW_ID = phrase(',"id":');
const CLOSING_BRACE = 0x7d;

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
  readonly #logs: readonly LogPhrases[];
  readonly #lanes: Lanes;
  readonly #file: GrowingFile | undefined;

  /** @param file the file that these contents are added to */
  constructor(contents: TraceContents, sink: ByteSink, file?: GrowingFile) {
    this.#contents = contents;
    this.#out = new JsonBytes(sink);
    this.#logs = contents.batch.logs.map((log) => new LogPhrases(log, contents.pid));
    this.#lanes = assignLanes(contents.batch, file?.lanes);
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

  /**
   * Writes entries `from` (included) to `to` (not included) of the batch.
   *
   * An event is a list of fields, each a phrase and its value: the opening and the start; a duration or a flow's id; a
   * name that is no interned one; the arguments. One loop for all, because what is called from a single place is
   * put in place by the compiler.
   */
  events(from: number, to: number): void {
    const { logIndexes, slots, startsNs, durationsNs } = this.#contents.batch;
    const { laneOf, numbers } = this.#lanes;
    const out = this.#out;
    const { view } = out;
    const digits = DIGITS;
    let { at } = out;
    for (let i = from; i < to; i++) {
      const logIndex = logIndexes[i]!;
      const phrases = this.#logs[logIndex]!;
      const { reader } = phrases;
      const { ring, identity } = phrases.log;
      const { words } = ring;
      const slot = slots[i]!;
      const kinds = ring.kinds(slot);
      const labels = ring.labels(slot);
      const shape = ring.shape(slot);
      const kind = kinds & 0xffff;
      const lane = laneOf[i]!;
      const tid = lane === 0 ? identity.tid : laneTid(numbers[logIndex]!, lane);
      const opening = phrases.opening(labels, kinds, tid);
      const second =
        kind === EventKind.complete ? DURATION : kind >= EventKind.flowStart ? FLOW_ID : undefined;
      const keys = phrases.keys(shape, (labels & 0xffff) === 0);
      const firstKey = second === undefined ? 1 : 2;
      const fields = firstKey + keys.length;
      reader.seek(ring.payloadHalf(slot));
      for (let field = 0; field < fields; field++) {
        const phrase = field >= firstKey ? keys[field - firstKey]! : field === 0 ? opening : second!;
        if (at > LAST_START || phrase.length > MARGIN_BYTES) {
          out.at = at;
          out.phrase(phrase);
          at = out.at;
        } else {
          at = putPhrase(view, at, phrase);
        }
        let whole: number;
        let thousandths = 0;
        if (phrase === opening || phrase === DURATION) {
          const times = phrase === opening ? startsNs : durationsNs;
          const ns = times[i]!;
          if (ns >= 1e12) {
            at = putMicroseconds(view, at, times, i);
            continue;
          }
          whole = (ns / 1000) | 0;
          thousandths = ns - whole * 1000;
        } else {
          const word = phrase === FLOW_ID ? ring.durationWord(slot) : reader.number();
          if (word < 0) {
            at = this.#value(phrases, at);
            continue;
          }
          const value = words[word]!;
          whole = value | 0;
          if (whole !== value) {
            // Up to three decimals, as most measured values have. The quotient is rounded correctly, so where it is
            // the value, these digits are read back as the value.
            const scaled = (value * 1000 + 0.5) | 0;
            if (scaled <= 0 || scaled / 1000 !== value) {
              at = putNumber(view, at, words, word);
              continue;
            }
            thousandths = scaled - whole * 1000;
          } else if (whole < 0 || whole >= 1e9) {
            at = putNumber(view, at, words, word);
            continue;
          }
        }
        at = putDecimal(view, at, digits, whole, thousandths);
      }
      if (shape === RAW_SHAPE) {
        at = this.#rawArguments(phrases, at);
      } else if (shape !== 0) {
        view.setUint8(at++, CLOSING_BRACE);
      }
      view.setUint8(at++, CLOSING_BRACE);
    }
    out.at = at;
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

  /** Keys and values in one text; on a thread that can't spill it may have been cut, and is a text no more. */
  #rawArguments(phrases: LogPhrases, at: number): number {
    const out = this.#out;
    const { log, reader } = phrases;
    const tag = reader.next();
    const isWhole = tag === Tag.json || (tag === Tag.spilled && log.spill(reader.content) !== undefined);
    out.at = at;
    out.ascii(isWhole ? ',"args":' : ',"args":{"cut":');
    this.#tagged(phrases, tag);
    if (!isWhole) out.ascii('}');
    return out.at;
  }

  /** The value that comes next, which is no number. Leaves room for what closes an event. @returns where it ends */
  #value(phrases: LogPhrases, at: number): number {
    const { reader } = phrases;
    const tag = reader.next();
    const out = this.#out;
    if (tag === Tag.text) {
      const end = putPlain(out.view, at, reader);
      if (end > 0) return end;
    }
    out.at = at;
    this.#tagged(phrases, tag);
    return out.at;
  }

  /** The value that the reader is at, the long way. */
  #tagged({ log, reader }: LogPhrases, tag: Tag): void {
    const out = this.#out;
    switch (tag) {
      case Tag.boolean:
        out.ascii(reader.content === 1 ? 'true' : 'false');
        break;
      case Tag.text:
        out.quoted(reader);
        break;
      case Tag.json:
        out.unquoted(reader);
        break;
      case Tag.spilled: {
        const spill = log.spill(reader.content);
        if (spill === undefined) out.ascii('"[too long]"');
        else out.text(spill.json ? spill.text : textJson(spill.text));
      }
    }
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
