/**
 * What the cells of a ledger stand for: each has the number of a record, which says where in the module and behind
 * which JavaScript the allocations of the cell were made.
 */
import type { Frame } from '../../heap/frame.js';
import { UNCAPTURED } from '../../heap/live-sites.js';
import type { SiteTable } from '../../heap/sites.js';
import type { Ledger } from './ledger.js';

/** The JavaScript that called a module. */
export interface Caller {
  readonly frames: readonly Frame[];
  /** The share of its calls that may have been made by somebody else; 0 for what was captured. */
  readonly doubt: number;
  /** See `heap/labels.ts`. */
  readonly label?: string | undefined;
}

export const NOBODY: Caller = { frames: [], doubt: 0 };

export interface Records {
  /** @returns the number of a new record */
  add(inside: readonly Frame[], caller: Caller): number;
  siteOf(record: number): number;
  /** The share of what is on record there that may be somebody else's. */
  doubtOf(record: number): number;
}

/** The records of one thread. */
export class SiteRecords implements Records {
  readonly #sites: SiteTable;
  /** By number; 0 is what was not captured. */
  readonly #siteOf: number[] = [UNCAPTURED];
  readonly #callers: Caller[] = [NOBODY];

  constructor(sites: SiteTable) {
    this.#sites = sites;
  }

  add(inside: readonly Frame[], caller: Caller): number {
    this.#callers.push(caller);
    return this.#siteOf.push(this.#sites.siteOf([...inside, ...caller.frames], caller.label)) - 1;
  }

  siteOf(record: number): number {
    return this.#siteOf[record] ?? UNCAPTURED;
  }

  doubtOf(record: number): number {
    return this.#callers[record]?.doubt ?? 0;
  }
}

interface WrittenSite {
  readonly frames: readonly Frame[];
  readonly label?: string | undefined;
}

/** Records that threads make for one another: each is a text in the memory of the ledger, by its address. */
export class SharedRecords implements Records {
  readonly #ledger: Ledger;
  readonly #sites: SiteTable;
  readonly #siteOf = new Map<number, number>([[0, UNCAPTURED]]);

  constructor(ledger: Ledger, sites: SiteTable) {
    this.#ledger = ledger;
    this.#sites = sites;
  }

  add(inside: readonly Frame[], caller: Caller): number {
    const site: WrittenSite = { frames: [...inside, ...caller.frames], label: caller.label };
    return this.#ledger.write(JSON.stringify(site));
  }

  siteOf(record: number): number {
    let site = this.#siteOf.get(record);
    if (site === undefined) {
      const { frames, label } = JSON.parse(this.#ledger.read(record)) as WrittenSite;
      site = this.#sites.siteOf(frames, label);
      this.#siteOf.set(record, site);
    }
    return site;
  }

  doubtOf(): number {
    return 0;
  }
}
