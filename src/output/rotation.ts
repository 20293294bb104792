/**
 * Numbered files: which name comes next and which old files go. Numbering goes on after the files that are there,
 * so that the run after a crash does not overwrite what led to it.
 */
import { readdirSync, unlinkSync } from 'node:fs';
import { basename, dirname, join } from 'node:path';
import { OtraceError } from '../errors.js';
import type { RotationLimits } from '../recorder/recorder.js';

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

  /** The path of the next file. */
  next(): string {
    this.#next ??= 1 + Math.max(-1, ...this.#existing().keys());
    const index = String(this.#next++).padStart(this.#width, this.#fill);
    return join(this.#folder, `${this.#before}${index}${this.#after}`);
  }

  /** Removes the oldest files until the number allowed is left. */
  removeOld(): void {
    const files = [...this.#existing()].sort(([a], [b]) => a - b);
    for (const [, name] of files.slice(0, Math.max(0, files.length - this.#maxFiles))) {
      unlinkSync(join(this.#folder, name));
    }
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
      const digits = name.slice(this.#before.length, name.length - this.#after.length).trim();
      if (/^\d{1,15}$/.test(digits)) found.set(Number(digits), name);
    }
    return found;
  }
}

function positive(value: number, option: string): number {
  if (!(value > 0)) {
    throw new OtraceError('OTRACE_BAD_OPTION', `${option} takes a number above 0, not ${value}`);
  }
  return value;
}
