/**
 * The call sites of one source, numbered densely from 0: their frames, their hash, and how much each has allocated
 * in all. Two stacks with the same hash are one site.
 *
 * Site 0 is the group of allocations whose stack was not captured; it also takes what comes after `limit` sites,
 * so a program that makes code at run time can't fill the memory.
 *
 * Memory: 16 bytes of totals for a site, 40 of what is live (`live-sites.ts`), and its frames, which stacks share
 * (`stack.ts`).
 */
import { type Frame, hashStack } from './frame.js';
import { LiveSites, UNCAPTURED } from './live-sites.js';
import type { SourceName } from './snapshot.js';

const FIRST_CAPACITY = 64;
const DEFAULT_LIMIT = 65_536;
const NO_FRAMES: readonly Frame[] = [];

export class SiteTable {
  readonly source: SourceName;
  /** Bytes ever allocated, by site. */
  totalBytes: Float64Array = new Float64Array(FIRST_CAPACITY);
  /** Blocks ever allocated, by site. */
  totalBlocks: Float64Array = new Float64Array(FIRST_CAPACITY);
  readonly live = new LiveSites();

  readonly #limit: number;
  readonly #frames: (readonly Frame[])[] = [];
  readonly #hashes: string[] = [];
  readonly #byHash = new Map<string, number>();
  /** Stacks met before, by identity: `StackCapture` returns the same array for the same stack. */
  readonly #byStack = new WeakMap<readonly Frame[], number>();

  /** @param limit most sites kept apart, the uncaptured one included */
  constructor(source: SourceName, limit = DEFAULT_LIMIT) {
    this.source = source;
    this.#limit = limit;
    this.#add(hashStack(source, NO_FRAMES), NO_FRAMES);
  }

  get count(): number {
    return this.#frames.length;
  }

  /** The site of a stack; `UNCAPTURED` for an empty one and when there is room for no more. */
  siteOf(frames: readonly Frame[]): number {
    const known = this.#byStack.get(frames);
    if (known !== undefined) return known;
    const hash = hashStack(this.source, frames);
    let site = this.#byHash.get(hash);
    if (site === undefined) {
      if (this.#frames.length >= this.#limit) return UNCAPTURED;
      site = this.#add(hash, frames);
    }
    this.#byStack.set(frames, site);
    return site;
  }

  framesOf(site: number): readonly Frame[] {
    return this.#frames[site] ?? NO_FRAMES;
  }

  hashOf(site: number): string {
    return this.#hashes[site]!;
  }

  /** Forgets the totals and the peak and keeps the numbers, so that sites known to a caller stay valid. */
  resetTotals(): void {
    this.totalBytes.fill(0);
    this.totalBlocks.fill(0);
    this.live.restartPeak();
  }

  #add(hash: string, frames: readonly Frame[]): number {
    const site = this.#frames.length;
    if (site >= this.totalBytes.length) {
      this.totalBytes = doubled(this.totalBytes);
      this.totalBlocks = doubled(this.totalBlocks);
    }
    this.live.reserve(site + 1);
    this.#frames.push(frames);
    this.#hashes.push(hash);
    this.#byHash.set(hash, site);
    return site;
  }
}

function doubled(old: Float64Array): Float64Array {
  const grown = new Float64Array(old.length * 2);
  grown.set(old);
  return grown;
}
