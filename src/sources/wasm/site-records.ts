/**
 * What the cells of a ledger stand for: each has the number of a record, which says where in the module and behind
 * which JavaScript the allocations of the cell were made.
 */
import type { Frame } from '../../heap/frame.js';
import { UNCAPTURED } from '../../heap/live-sites.js';
import type { SiteTable } from '../../heap/sites.js';

/** The JavaScript that called a module. */
export interface Caller {
  readonly frames: readonly Frame[];
  /** The share of its calls that may have been made by somebody else; 0 for what was captured. */
  readonly doubt: number;
}

export const NOBODY: Caller = { frames: [], doubt: 0 };

export class SiteRecords {
  readonly #sites: SiteTable;
  /** By number; 0 is what was not captured. */
  readonly #siteOf: number[] = [UNCAPTURED];
  readonly #callers: Caller[] = [NOBODY];

  constructor(sites: SiteTable) {
    this.#sites = sites;
  }

  /** @returns the number of a new record */
  add(inside: readonly Frame[], caller: Caller): number {
    this.#callers.push(caller);
    return this.#siteOf.push(this.#sites.siteOf([...inside, ...caller.frames])) - 1;
  }

  siteOf(record: number): number {
    return this.#siteOf[record] ?? UNCAPTURED;
  }

  doubtOf(record: number): number {
    return this.#callers[record]?.doubt ?? 0;
  }
}
