/**
 * The trace that a program left which had no time for a last word: killed, aborted, out of memory. Its file is where
 * the output option says, when it is another one than before the program started.
 */
import { statSync } from 'node:fs';
import { Rotation } from '../output/rotation.js';
import type { TraceReport } from '../reading/trace-report.js';

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

/** How the program ended, and what its trace lacks for that. */
export function whatIsMissing(report: TraceReport, signal: NodeJS.Signals | null): string {
  const last = report.reports.at(-1);
  const endUs = report.span?.toUs;
  const rows =
    last === undefined
      ? 'it had written no report (--report-every SECONDS writes some while it runs)'
      : `its last report was ${seconds((endUs ?? last.timeUs) - last.timeUs)} before its last event`;
  return `the program ${endOf(signal)}: events of its last second may be missing, and ${rows}`;
}

/** @returns the program's end, as a clause */
export function endOf(signal: NodeJS.Signals | null): string {
  if (signal === null) return 'ended before otrace was loaded, or by process.reallyExit';
  if (signal === 'SIGABRT') return 'was aborted (SIGABRT: V8 has no more heap, or process.abort)';
  return `was killed by ${signal}`;
}

function seconds(us: number): string {
  return `${(Math.max(0, us) / 1e6).toFixed(1)} s`;
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
