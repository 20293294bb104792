/**
 * The sources of one tracer: which are attached, which are armed, and what happens when one fails. A source that
 * throws is taken out with one warning; the program and the other sources go on.
 */
import { OtraceError } from '../errors.js';
import type { Guard } from './guard.js';
import { SOURCE_NAMES, type SourceName } from './snapshot.js';
import type { HeapSource } from './source.js';

export class SourceList {
  /** In the order of `SOURCE_NAMES`. Kept when all are disarmed, so that what was collected can still be shown. */
  armed: readonly HeapSource[] = [];

  readonly #attached = new Map<SourceName, HeapSource>();
  readonly #guard: Guard;
  readonly #warn: (message: string) => void;

  constructor(guard: Guard, warn: (message: string) => void) {
    this.#guard = guard;
    this.#warn = warn;
  }

  /** The names of those that can be armed. */
  get attached(): readonly SourceName[] {
    return SOURCE_NAMES.filter((name) => this.#attached.has(name));
  }

  /** An attached source by its name. */
  get(name: SourceName): HeapSource | undefined {
    return this.#attached.get(name);
  }

  /** Adds a source, unless there is one of the same name. */
  attach(source: HeapSource): void {
    if (!this.#attached.has(source.name)) this.#attached.set(source.name, source);
  }

  /** @throws OtraceError `OTRACE_BAD_OPTION` for a name that is none of the four, or a source that is not attached */
  requireAttached(name: string): void {
    if (!(SOURCE_NAMES as readonly string[]).includes(name)) {
      const accepted = SOURCE_NAMES.join(', ');
      throw new OtraceError(
        'OTRACE_BAD_OPTION',
        `"${name}" is not a heap source; the sources are ${accepted}`,
      );
    }
    if (!this.#attached.has(name as SourceName)) {
      throw new OtraceError(
        'OTRACE_BAD_OPTION',
        `heap source "${name}" is not attached; import 'otrace/hooks' before enabling it`,
      );
    }
  }

  /**
   * Arms the wanted sources that are not `recording` already, and disarms those that are not wanted.
   *
   * @param wanted undefined for all that are attached
   */
  arm(wanted: readonly SourceName[] | undefined, recording: readonly HeapSource[]): void {
    const names = SOURCE_NAMES.filter((name) => wanted?.includes(name) ?? true);
    const chosen = names.map((name) => this.#attached.get(name)).filter((source) => source !== undefined);
    this.armed = chosen;
    for (const source of recording) {
      if (!chosen.includes(source)) this.attempt(source, () => source.disarm());
    }
    for (const source of chosen) {
      if (!recording.includes(source)) this.attempt(source, () => source.arm());
    }
  }

  disarm(): void {
    for (const source of this.armed) this.attempt(source, () => source.disarm());
  }

  /** Forgets what every source has collected, armed or not. */
  reset(): void {
    for (const source of [...this.#attached.values()]) this.attempt(source, () => source.reset());
  }

  /** Runs the work of a source under the guard; undefined when it failed and the source is out. */
  attempt<T>(source: HeapSource, work: () => T): T | undefined {
    try {
      return this.#guard.run(work);
    } catch (error) {
      if (this.#attached.get(source.name) !== source) return undefined; // out already: its disarm failed too
      this.#attached.delete(source.name);
      this.armed = this.armed.filter((other) => other !== source);
      const reason = error instanceof Error ? error.message : String(error);
      this.#warn(
        `otrace: heap source "${source.name}" failed (${reason}) and is off; the other sources go on, ` +
          'name them in heap.enable([...]) or OTRACE_HEAP to leave it out',
      );
      this.attempt(source, () => source.disarm());
      return undefined;
    }
  }
}
