/**
 * The events of a batch as JSON. Not here: what stands around them in a file (`trace-json.ts`).
 */
import type { EventBatch } from '../recorder/batch.js';
import * as EventKind from '../recorder/event-kind.js';
import { RAW_SHAPE } from '../recorder/event-ring.js';
import { type Lanes, laneTid } from '../recorder/lanes.js';
import { Tag } from '../recorder/payload.js';
import { textJson } from '../recorder/safe-json.js';
import type { TraceContents } from '../recorder/trace-output.js';
import { type JsonBytes, LAST_START, MARGIN_BYTES, phrase, putPhrase, putPlain } from './json-bytes.js';
import { DIGITS, putDecimal, putMicroseconds, putNumber } from './json-digits.js';
import { LogPhrases } from './log-phrases.js';

const DURATION = phrase(',"dur":');
const FLOW_ID = phrase(',"id":');
const CLOSING_BRACE = 0x7d;

export class EventJson {
  readonly #batch: EventBatch;
  readonly #logs: readonly LogPhrases[];
  readonly #lanes: Lanes;
  readonly #out: JsonBytes;

  constructor({ batch, pid }: Pick<TraceContents, 'batch' | 'pid'>, lanes: Lanes, out: JsonBytes) {
    this.#batch = batch;
    this.#logs = batch.logs.map((log) => new LogPhrases(log, pid));
    this.#lanes = lanes;
    this.#out = out;
  }

  /**
   * Writes entries `from` (included) to `to` (not included) of the batch.
   *
   * An event is a list of fields, each a phrase and its value: the opening and the start; a duration or a flow's id; a
   * name that is no interned one; the arguments. One loop for all, because what is called from a single place is
   * put in place by the compiler.
   */
  write(from: number, to: number): void {
    const { logIndexes, slots, startsNs, durationsNs } = this.#batch;
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
