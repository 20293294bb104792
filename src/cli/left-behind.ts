/**
 * The trace that a program left which had no time for a last word: killed, aborted, out of memory. Its file is where
 * the output option says, when it is another one than before the program started.
 */
import { statSync } from 'node:fs';
import { Rotation } from '../output/rotation.js';

export class LeftBehind {
  readonly #out: string;
  readonly #before: string | undefined;

  /** REQUIRES: called before the program starts. @param out a path, or a pattern with an index */
  constructor(out: string) {
    this.#out = out;
    this.#before = identityOf(this.#newest());
  }

  /** The path of the program's file; `undefined` when it left none. */
  path(): string | undefined {
    const newest = this.#newest();
    const identity = identityOf(newest);
    return identity === undefined || identity === this.#before ? undefined : newest;
  }

  #newest(): string | undefined {
    return this.#out.includes('%') ? new Rotation(this.#out, {}).newest() : this.#out;
  }
}

/** A durable file is a new one each time, so its number on the disk is another, or its time. */
function identityOf(path: string | undefined): string | undefined {
  if (path === undefined) return undefined;
  try {
    const stats = statSync(path);
    return stats.isFile() ? `${stats.ino} ${stats.mtimeMs}` : undefined;
  } catch {
    return undefined; // not there
  }
}
