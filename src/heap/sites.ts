/**
 * The call sites of one source, numbered densely from 0: their frames, their hash, and how much each has allocated
 * in all. Two stacks with the same hash are one site.
 *
 * Site 0 is the group of allocations whose stack was not captured. What comes after `limit` sites is one more, which
 * says so, so a program that makes code at run time can't fill the memory.
 *
 * Memory: 16 bytes of totals for a site, 40 of what is live (`live-sites.ts`), and its frames, which stacks share
 * (`stack.ts`).
 */
import { type Frame, hashStack, NO_FRAMES } from './frame.js';
import { LiveSites, type SiteFigures, UNCAPTURED } from './live-sites.js';
import type { SiteUsage, SourceName } from './snapshot.js';

const FIRST_CAPACITY = 64;
const DEFAULT_LIMIT = 65_536;
/** The site of all stacks that came too late for one of their own. */
const OVERFLOW: readonly Frame[] = [
  { name: '(more call sites than otrace keeps)', file: '', line: 0, column: 0 },
];
/** A site's share of the maps and lists beside its totals, and the list of its frames, which are counted where they are shared. */
const SITE_BYTES = 280;

/** What keeps sites of one stack apart. */
export type SiteTags = Pick<SiteUsage, 'label' | 'className'>;

const NO_TAGS: SiteTags = {};

export class SiteTable {
  readonly source: SourceName;
  readonly live = new LiveSites();

  /** Bytes and blocks ever allocated, by site; those of the uncaptured site, which most allocations count in, apart. */
  #totalBytes: Float64Array = new Float64Array(FIRST_CAPACITY);
  #totalBlocks: Float64Array = new Float64Array(FIRST_CAPACITY);
  #uncapturedBytes = 0;
  #uncapturedBlocks = 0;
  readonly #limit: number;
  readonly #frames: (readonly Frame[])[] = [];
  readonly #hashes: string[] = [];
  readonly #byHash = new Map<string, number>();
  /** Stacks met before, by identity: `StackCapture` returns the same array for the same stack. */
  readonly #byStack = new WeakMap<readonly Frame[], number>();
  /** The same for each label and class. */
  readonly #byTag = new Map<string, WeakMap<readonly Frame[], number>>();
  readonly #tags = new Map<number, SiteTags>();

  /** @param limit most sites kept apart, the uncaptured one included, the one for the rest not */
  constructor(source: SourceName, limit = DEFAULT_LIMIT) {
    this.source = source;
    this.#limit = limit;
    this.#add(hashStack(source, NO_FRAMES), NO_FRAMES);
  }

  get count(): number {
    return this.#frames.length;
  }

  /** Memory held, in bytes, about. */
  get selfBytes(): number {
    return this.#totalBytes.byteLength * 2 + this.live.selfBytes + this.count * SITE_BYTES;
  }

  /**
   * The site of a stack, apart from that of the same stack with another label or class; the uncaptured one for an
   * empty stack without either, and a common one when there is room for no more.
   */
  siteOf(frames: readonly Frame[], label?: string, className?: string): number {
    const isTagged = label !== undefined || className !== undefined;
    const tag = isTagged ? `\n${className ?? ''}\n${label ?? ''}` : '';
    const stacks = isTagged ? this.#stacksOf(tag) : this.#byStack;
    const known = stacks?.get(frames);
    if (known !== undefined) return known;
    const hash = hashStack(this.source + tag, frames);
    let site = this.#byHash.get(hash);
    if (site === undefined) {
      if (this.#frames.length >= this.#limit) return this.#overflow();
      site = this.#add(hash, frames);
      if (isTagged) this.#tags.set(site, tagsOf(label, className));
    }
    stacks?.set(frames, site);
    return site;
  }

  /** The label and the class that make this site another than its stack alone. */
  tagsOf(site: number): SiteTags {
    return this.#tags.get(site) ?? NO_TAGS;
  }

  /** Counts an allocation in the totals. REQUIRES: a site of this table */
  allocated(site: number, bytes: number): void {
    if (site === UNCAPTURED) {
      this.#uncapturedBytes += bytes;
      this.#uncapturedBlocks++;
    } else {
      this.#totalBytes[site]! += bytes;
      this.#totalBlocks[site]! += 1;
    }
  }

  /** Counts allocations whose stack was not captured in the totals. */
  allocatedWithoutStack(blocks: number, bytes: number): void {
    this.#uncapturedBlocks += blocks;
    this.#uncapturedBytes += bytes;
  }

  /** How many those were. */
  get blocksWithoutStack(): number {
    return this.#uncapturedBlocks;
  }

  /** What was ever allocated at each site. */
  totals(): SiteFigures {
    const bytes = this.#totalBytes.slice(0, this.count);
    const blocks = this.#totalBlocks.slice(0, this.count);
    bytes[UNCAPTURED] = this.#uncapturedBytes;
    blocks[UNCAPTURED] = this.#uncapturedBlocks;
    return { bytes, blocks };
  }

  framesOf(site: number): readonly Frame[] {
    return this.#frames[site] ?? NO_FRAMES;
  }

  hashOf(site: number): string {
    return this.#hashes[site]!;
  }

  /** Forgets the totals and the peak and keeps the numbers, so that sites known to a caller stay valid. */
  resetTotals(): void {
    this.#totalBytes.fill(0);
    this.#totalBlocks.fill(0);
    this.#uncapturedBytes = 0;
    this.#uncapturedBlocks = 0;
    this.live.restartPeak();
  }

  #overflow(): number {
    const hash = hashStack(this.source, OVERFLOW);
    return this.#byHash.get(hash) ?? this.#add(hash, OVERFLOW);
  }

  /** Undefined when there are too many labels: they are then found by their hash. */
  #stacksOf(tag: string): WeakMap<readonly Frame[], number> | undefined {
    let stacks = this.#byTag.get(tag);
    if (stacks === undefined && this.#byTag.size < this.#limit) {
      stacks = new WeakMap();
      this.#byTag.set(tag, stacks);
    }
    return stacks;
  }

  #add(hash: string, frames: readonly Frame[]): number {
    const site = this.#frames.length;
    if (site >= this.#totalBytes.length) {
      this.#totalBytes = doubled(this.#totalBytes);
      this.#totalBlocks = doubled(this.#totalBlocks);
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

function tagsOf(label: string | undefined, className: string | undefined): SiteTags {
  return { ...(label !== undefined && { label }), ...(className !== undefined && { className }) };
}
