/**
 * The events of a batch as JSON. Not here: what stands around them in a file (`trace-json.ts`).
 */
import type { EventBatch } from '../recorder/batch.js';
import { KINDS, LABELS, PAYLOAD, RAW_SHAPE, recordWord, SHAPE } from '../recorder/event-ring.js';
import { type Lanes, laneTid } from '../recorder/lanes.js';
import { BOX, Tag } from '../recorder/payload.js';
import { textJson } from '../recorder/safe-json.js';
import type { TraceContents } from '../recorder/trace-output.js';
import { type JsonBytes, LAST_START, MARGIN_BYTES, putPlain } from './json-bytes.js';
import { DIGITS, putDecimal, putMicroseconds, putNumber } from './json-digits.js';
import { LogPhrases } from './log-phrases.js';

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

  /** Writes entries `from` (included) to `to` (not included) of the batch. */
  write(from: number, to: number): void {
    for (let i = from; i < to; ) i = this.#writeRun(i, to);
  }

  /**
   * Writes entries from `from` on for as long as they are of one log: all that is the log's is at hand then.
   *
   * An event is a list of fields, each a phrase and its value: the opening and the start; a duration or a flow's id; a
   * name that is no interned one; the arguments. One loop for all, because what is called from a single place is
   * put in place by the compiler.
   *
   * @returns the first entry that is not written
   */
  #writeRun(from: number, to: number): number {
    const { logIndexes, slots, startsNs, durationsNs } = this.#batch;
    const { laneOf, numbers } = this.#lanes;
    const out = this.#out;
    const { view } = out;
    const digits = DIGITS;
    const logIndex = logIndexes[from]!;
    const phrases = this.#logs[logIndex]!;
    const { reader } = phrases;
    const { tid: ownTid } = phrases.log.identity;
    const { words, halves, payloadBase, payloadMask } = phrases.log.ring;
    let { at } = out;
    let i = from;
    for (; i < to && logIndexes[i] === logIndex; i++) {
      const record = recordWord(slots[i]!);
      const half = record << 1;
      const shape = halves[half + SHAPE]!;
      const lane = laneOf[i]!;
      const tid = lane === 0 ? ownTid : laneTid(numbers[logIndex]!, lane);
      const form = phrases.form(halves[half + LABELS]!, halves[half + KINDS]!, shape, tid);
      const { text, lengths, firstValue } = form;
      let position = halves[half + PAYLOAD]! | 0;
      let textWord = 0;
      for (let field = 0; field < lengths.length; field++) {
        const length = lengths[field]!;
        if (at > LAST_START || length > MARGIN_BYTES) {
          out.at = at;
          out.words(text, textWord, length);
          at = out.at;
          textWord += (length + 7) >>> 3;
        } else {
          const end = at + length;
          for (; at < end; at += 8) view.setFloat64(at, text[textWord++]!, true);
          at = end;
        }
        let whole: number;
        let thousandths = 0;
        if (field < firstValue && (field === 0 || form.isSlice)) {
          const times = field === 0 ? startsNs : durationsNs;
          const ns = times[i]!;
          if (ns >= 1e12) {
            at = putMicroseconds(view, at, times, i);
            continue;
          }
          whole = (ns / 1000) | 0;
          thousandths = ns - whole * 1000;
        } else {
          let word = record + 1;
          if (field >= firstValue) {
            word = payloadBase + (position & payloadMask);
            const tagged = halves[(word << 1) + 1]!;
            if (tagged >= BOX) {
              if ((tagged & 0xff) === Tag.text) {
                const units = halves[word << 1]!;
                const end = putPlain(view, at, reader, ((position + 1) << 2) & reader.mask, units);
                if (end > 0) {
                  at = end;
                  position += 1 + ((units + 3) >>> 2);
                  continue;
                }
              }
              reader.seek(position);
              at = this.#value(phrases, at);
              position = reader.position;
              continue;
            }
            position++;
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
        reader.seek(position);
        at = this.#rawArguments(phrases, at);
      } else if (shape !== 0) {
        view.setUint8(at++, CLOSING_BRACE);
      }
      view.setUint8(at++, CLOSING_BRACE);
    }
    out.at = at;
    return i;
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

  /** The value that comes next, which is no number and no plain text. Leaves room for what closes an event. @returns where it ends */
  #value(phrases: LogPhrases, at: number): number {
    const out = this.#out;
    out.at = at;
    this.#tagged(phrases, phrases.reader.next());
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
