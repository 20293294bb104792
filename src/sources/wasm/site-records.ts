/**
 * What the cells of a ledger stand for: each has the number of a record, which says where in the module and behind
 * which JavaScript the allocations of the cell were made.
 */
import type { Frame } from '../../heap/frame.js';
import { UNCAPTURED } from '../../heap/live-sites.js';
import type { SiteTable } from '../../heap/sites.js';

/** JavaScript that is not known for certain: `frames` is what it is taken for, as far as is known by now. */
export interface AssumedCaller {
  readonly frames: readonly Frame[];
}

interface SiteRecord {
  readonly inside: readonly Frame[];
  readonly caller: AssumedCaller;
  /** What `caller.frames` were when the site was looked up. */
  frames: readonly Frame[];
  site: number;
}

export class SiteRecords {
  readonly #sites: SiteTable;
  /** From number 1 on: 0 is what was not captured. */
  readonly #records: SiteRecord[] = [];

  constructor(sites: SiteTable) {
    this.#sites = sites;
  }

  /** @returns the number of a new record */
  add(inside: readonly Frame[], caller: AssumedCaller): number {
    const { frames } = caller;
    return this.#records.push({ inside, caller, frames, site: this.#sites.siteOf([...inside, ...frames]) });
  }

  /** Looks up what may have changed; @returns the number of sites there are then */
  settle(): number {
    for (let number = 1; number <= this.#records.length; number++) this.siteOf(number);
    return this.#sites.count;
  }

  /** The site of a record as it is known now. */
  siteOf(number: number): number {
    const record = this.#records[number - 1];
    if (record === undefined) return UNCAPTURED;
    const { inside, caller } = record;
    if (record.frames !== caller.frames) {
      record.frames = caller.frames;
      record.site = this.#sites.siteOf([...inside, ...caller.frames]);
    }
    return record.site;
  }
}
