/**
 * What a recorder holds, as its outputs want it: everything, or what is new since the last time. Remembers what was
 * written, by the number of events of each log, so that a file that grows gets each event once.
 *
 * Not here: when something is written, and where to (`recorder.ts`, `output/`).
 */
import { Annexes } from './annexes.js';
import { type EventBatch, gather, type LogRange } from './batch.js';
import type { RecorderParts } from './recorder.js';
import { type SynthesisOptions, synthesize } from './synthesis.js';
import type { ReadableLog } from './thread-log.js';
import type { FlushResult, GrowingOutput, TraceContents } from './trace-output.js';

export class HeldEvents {
  readonly annexes = new Annexes();
  processName = '';
  /** Which tracks are made from events when they are written; undefined for none. */
  synthesis: SynthesisOptions | undefined;

  readonly #parts: RecorderParts;
  readonly #logs: () => readonly ReadableLog[];
  /** Events of each log that have been written. */
  #written = new WeakMap<ReadableLog, number>();
  /** Events of each log that synthetic tracks in the file were made from. */
  #synthesized = new WeakMap<ReadableLog, number>();
  /** Whether there were events that are in a file and nowhere else. */
  #hasLetGo = false;

  /** @param logs of all threads */
  constructor(parts: RecorderParts, logs: () => readonly ReadableLog[]) {
    this.#parts = parts;
    this.#logs = logs;
  }

  get hasUnwritten(): boolean {
    return this.#ranges(true).some(({ log, fromSequence }) => log.ring.written > fromSequence);
  }

  /** Whether a file can be written anew without losing anything that an earlier one had. */
  get isWhole(): boolean {
    if (this.#hasLetGo || (this.#parts.forgottenEvents?.() ?? 0) > 0) return false;
    return this.#logs().every(({ ring }) => ring.oldest === 0 && ring.wordsWritten <= ring.payloadWords);
  }

  contents(onlyNew: boolean): TraceContents {
    const ranges = this.#ranges(onlyNew);
    const batch = gather(ranges);
    const synthetic = this.synthesis === undefined ? undefined : synthesize(batch, this.synthesis);
    if (synthetic === undefined) return this.#contentsOf(batch, onlyNew);
    return this.#contentsOf(gather([...ranges, { log: synthetic, fromSequence: 0 }]), onlyNew);
  }

  /** Adds what is new to a durable file. @param isFlush also makes synthetic tracks, of what is held and had none */
  append(output: GrowingOutput, isFlush: boolean): FlushResult {
    const ranges = this.#ranges(true);
    let batch = gather(ranges);
    if (isFlush && this.synthesis !== undefined) {
      const had = this.#synthesized;
      const held = gather(ranges.map(({ log }) => ({ log, fromSequence: had.get(log) ?? 0 })));
      const synthetic = synthesize(held, this.synthesis);
      if (synthetic !== undefined) batch = gather([...ranges, { log: synthetic, fromSequence: 0 }]);
    }
    const contents = this.#contentsOf(batch, true);
    const result = output.append(contents, isFlush);
    if (!result.written) return result;
    this.written(contents);
    if (isFlush) for (const log of batch.logs) this.#synthesized.set(log, log.ring.written);
    if (this.synthesis === undefined)
      for (const log of batch.logs) this.#hasLetGo = this.#parts.letGo?.(log) || this.#hasLetGo;
    return result;
  }

  /** These are in a file. */
  written({ batch, annexes }: TraceContents): void {
    this.annexes.markWritten(annexes);
    for (const log of batch.logs) this.#written.set(log, log.ring.written);
  }

  /** There is another file, which has nothing yet. */
  forgetWritten(): void {
    this.#written = new WeakMap();
    this.annexes.forgetWritten();
  }

  #ranges(onlyNew: boolean): LogRange[] {
    return this.#logs().map((log) => ({ log, fromSequence: onlyNew ? (this.#written.get(log) ?? 0) : 0 }));
  }

  #contentsOf(batch: EventBatch, onlyNew: boolean): TraceContents {
    const { pid, clock, forgottenEvents, forgottenRejections } = this.#parts;
    return {
      pid,
      processName: this.processName,
      batch,
      annexes: this.annexes.list(onlyNew),
      anchorUs: clock.anchorUs,
      forgottenEvents: forgottenEvents?.() ?? 0,
      rejectedValues: batch.logs.reduce(
        (sum, { ring }) => sum + ring.rejectedValues,
        forgottenRejections?.() ?? 0,
      ),
    };
  }
}
