/**
 * A durable file as a trace: batches of events go in as they come, in the order of each batch, with names said once
 * and lanes that hold from batch to batch. When it is finished it says how much was lost altogether.
 *
 * What an object tells at its head (`otherData`) an array has no place for: its first entry tells it, a metadata event
 * `otrace_file`, which viewers ignore.
 */
import { LaneMemory } from '../recorder/lanes.js';
import type { TraceContents } from '../recorder/trace-output.js';
import { DurableFile } from './durable-file.js';
import { type GrowingFile, metadata, objectHead, TraceJsonWriter } from './trace-json.js';

/** Events tried at once; halved where they would pass the limit. */
const STEP_EVENTS = 1024;
/** Room kept for what closes a file. */
const ENDING_BYTES = 64;
/** Names of threads that came and went are said again rather than kept for ever. */
const MOST_NAMES = 4096;

export class GrowingTrace {
  readonly path: string;
  /** Events in the file, the last batch included. */
  events = 0;
  readonly #file: DurableFile;
  readonly #known: GrowingFile;
  #lostEvents: number;

  /**
   * @param lostEvents lost before this file began
   * @throws OtraceError `OTRACE_OUTPUT` when the file can't be made
   */
  constructor(path: string, contents: TraceContents, lostEvents: number) {
    this.path = path;
    this.#known = { lanes: new LaneMemory(), names: new Set() };
    this.#lostEvents = lostEvents;
    const facts = `"tool":"otrace","clock_anchor_unix_us":${contents.anchorUs},"lost_before":${lostEvents}`;
    this.#file = new DurableFile(path, metadata('otrace_file', contents.pid, 0, facts));
  }

  /** The file that `path` leads to. */
  get target(): string {
    return this.#file.target;
  }

  get bytes(): number {
    return this.#file.bytes;
  }

  get isGone(): boolean {
    return this.#file.isGone;
  }

  /**
   * Adds the events of a batch from number `from` on, as many as the file has room for, but one at least; all or none
   * where writing fails.
   *
   * @param mostBytes the file's size on disk is to stay below
   * @returns the number of the first event that is not in the file
   * @throws OtraceError `OTRACE_OUTPUT` when they can't be written; the file then is as it was
   */
  add(contents: TraceContents, from: number, mostBytes: number): number {
    const { count } = contents.batch;
    const { names } = this.#known;
    if (names.size > MOST_NAMES) names.clear();
    const namesBefore = [...names];
    let pieces: Uint8Array[] = [];
    let to = from;
    try {
      const writer = new TraceJsonWriter(contents, (piece) => pieces.push(piece.slice()), this.#known);
      const stored = (write: () => void): Uint8Array => {
        pieces = [];
        write();
        writer.handOn();
        return this.#file.stored(Buffer.concat(pieces));
      };
      this.#file.write(stored(() => writer.goOn(from === 0)));
      for (let step = STEP_EVENTS; to < count; ) {
        const end = Math.min(count, to + step);
        const piece = stored(() => writer.events(to, end));
        const fits = this.#file.bytes + piece.length + ENDING_BYTES <= mostBytes;
        if (!fits && end - to > 1) step = (end - to) >>> 1;
        else if (!fits && this.events + to - from > 0) break;
        else {
          this.#file.write(piece);
          to = end;
        }
      }
      this.#file.seal();
    } catch (error) {
      names.clear();
      for (const name of namesBefore) names.add(name);
      throw error;
    }
    this.events += to - from;
    if (from === 0) this.#lostEvents += contents.batch.lostEvents.reduce((sum, lost) => sum + lost, 0);
    return to;
  }

  /** Leaves it as every other trace is: an object. It may be added to all the same. */
  finish(contents: TraceContents): void {
    this.#file.finish(objectHead(contents, this.#lostEvents + contents.forgottenEvents));
  }

  /** Lets go of the file. Never throws. */
  close(): void {
    this.#file.abort();
  }
}
