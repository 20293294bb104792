/**
 * Numbered files: which name comes next and which old files go. Numbering goes on after the files that are there,
 * so that the run after a crash does not overwrite what led to it.
 */
import { readdirSync, unlinkSync } from 'node:fs';
import { basename, dirname, join } from 'node:path';
import { OtraceError } from '../errors.js';
import type { RotationLimits } from '../recorder/trace-output.js';

const INDEX = /%(0?)(\d*)[du]/;
const DEFAULT_MAX_BYTES = 64 * 1024 * 1024;
const DEFAULT_MAX_FILES = 8;

export class Rotation {
  readonly maxBytes: number;
  readonly #maxFiles: number;
  readonly #folder: string;
  readonly #before: string;
  readonly #after: string;
  readonly #width: number;
  readonly #fill: string;
  #next: number | undefined;

  /** @throws OtraceError `OTRACE_BAD_OPTION` for a pattern without an index, or limits that are no positive numbers */
  constructor(pattern: string, limits: RotationLimits) {
    const name = basename(pattern);
    const match = INDEX.exec(name);
    if (match === null) {
      throw new OtraceError(
        'OTRACE_BAD_OPTION',
        `the output pattern ${pattern} has no index in its file name; write one, as in traces/run-%03u.json`,
      );
    }
    this.maxBytes = positive(limits.maxBytes ?? DEFAULT_MAX_BYTES, 'maxBytes');
    this.#maxFiles = positive(limits.maxFiles ?? DEFAULT_MAX_FILES, 'maxFiles');
    this.#folder = dirname(pattern);
    this.#before = name.slice(0, match.index);
    this.#after = name.slice(match.index + match[0].length);
    this.#width = Number(match[2] || 0);
    this.#fill = match[1] === '0' ? '0' : ' ';
  }

  /** The path of the file that comes `ahead` files after the next one. */
  path(ahead: number): string {
    this.#next ??= 1 + Math.max(-1, ...this.#existing().keys());
    return join(this.#folder, this.#name(this.#next + ahead));
  }

  /** The path of the newest file that is there. */
  newest(): string | undefined {
    const found = this.#existing();
    return found.size === 0 ? undefined : join(this.#folder, found.get(Math.max(...found.keys()))!);
  }

  /** Tells that so many files were written; the oldest ones go until the number allowed is left. */
  advance(written: number): void {
    this.#next = (this.#next ?? 0) + written;
    const files = [...this.#existing()].sort(([a], [b]) => a - b);
    for (const [, name] of files.slice(0, Math.max(0, files.length - this.#maxFiles))) {
      try {
        unlinkSync(join(this.#folder, name));
      } catch {
        // Somebody else removed it, or forbids it: one file more than wanted does no harm.
      }
    }
  }

  #name(index: number): string {
    return `${this.#before}${String(index).padStart(this.#width, this.#fill)}${this.#after}`;
  }

  /** The files of this pattern that are there, by their index. */
  #existing(): Map<number, string> {
    const found = new Map<number, string>();
    let names: string[];
    try {
      names = readdirSync(this.#folder);
    } catch {
      return found; // no folder yet
    }
    for (const name of names) {
      if (!name.startsWith(this.#before) || !name.endsWith(this.#after)) continue;
      const index = Number(name.slice(this.#before.length, name.length - this.#after.length));
      // Only a name that this pattern makes: `run-007.json` is not a file of `run-%d.json`.
      if (Number.isSafeInteger(index) && index >= 0 && this.#name(index) === name) found.set(index, name);
    }
    return found;
  }
}

/** @throws OtraceError `OTRACE_BAD_OPTION` */
export function positive(value: number, option: string): number {
  if (!(value > 0)) {
    throw new OtraceError('OTRACE_BAD_OPTION', `${option} takes a number above 0, not ${value}`);
  }
  return value;
}
