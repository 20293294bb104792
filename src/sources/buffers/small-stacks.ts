/**
 * Stacks of small buffers, of which a program may make a million a second while a stack costs thirty times what the
 * buffer does: the first ones each have theirs, and then as many as take a twentieth of the time. Each of those stands
 * for all that were made since the one before, in proportion to their number.
 *
 *     all small buffers, exact:    bytes, blocks
 *     stacks kept:                 site A (stands for 900 blocks), site B (stands for 1100)
 *     shown:                       the exact bytes and blocks, divided among A and B
 *
 * So sums are exact and only the division is an estimate, which the sites say. How many a stack stands for is drawn
 * anew each time (a geometric distribution, by a mean that follows the program's pace), so that no rhythm of the
 * program's can hide from it.
 *
 * Memory: 12 bytes for each block in use at once, 32 a site beside those of `SiteTable`.
 */
import { NumberedTable } from '../../heap/numbered-table.js';
import { SiteTable } from '../../heap/sites.js';
import type { SiteUsage } from '../../heap/snapshot.js';
import type { EntryFunction } from '../../heap/stack.js';
import type { StreamHost } from '../../heap/stream.js';

const FIRST_STACKS = 1_000;
/** Stacks may take one part in so many of the time. */
const BUDGET = 20;
/** More than a stack takes: the process was kept waiting meanwhile. */
const LONGEST_STACK_MS = 0.1;
/** The pace is that of about so many stacks. */
const REMEMBERED = 16;
const LONGEST_GAP = 100_000;
/** Blocks from this size on are not small. */
export const SMALL_BYTES = 2 ** 24;
/** What a stack stands for is kept in fractions of a block. */
const FRACTION = 1024;

interface Sums {
  readonly bytes: Float64Array;
  readonly blocks: Float64Array;
}

export class SmallStacks {
  readonly #host: StreamHost;
  readonly #sites = new SiteTable('buffers');
  readonly #kept: NumberedTable;
  #live: Sums = sums(64);
  #total: Sums = sums(64);
  #first = FIRST_STACKS;
  /** Blocks until the next stack, and how many that stands for. */
  #left = 1;
  #gap = 1;
  #lastMs = 0;
  /** Of the last stacks: blocks, and milliseconds in all and for the stacks alone. */
  #pace = { blocks: 0, ms: 0, stackMs: 0 };

  constructor(host: StreamHost) {
    this.#host = host;
    this.#kept = new NumberedTable(host.guard);
  }

  /** Whether the next small block still has a stack of its own. */
  takeFirst(): boolean {
    return this.#first > 0 && this.#first-- > 0;
  }

  get selfBytes(): number {
    return this.#kept.slotBytes + this.#sites.selfBytes + 4 * this.#live.bytes.byteLength;
  }

  /** A small block that has no stack of its own. REQUIRES: `bytes` below `SMALL_BYTES` */
  made(number: number, bytes: number, entry: EntryFunction): void {
    if (--this.#left > 0) return;
    const startMs = performance.now();
    const site = this.#host.sampler.next() ? this.#siteOf(entry) : 0;
    this.#count(number, bytes, site);
    this.#setPace(startMs, performance.now());
  }

  /** A block has ended. Nothing for one without a stack here. */
  ended(number: number): void {
    const packed = this.#kept.take(number);
    if (packed < 0) return;
    const blocks = Math.floor(packed / SMALL_BYTES) / FRACTION;
    this.#live.blocks[this.#kept.site]! -= blocks;
    this.#live.bytes[this.#kept.site]! -= blocks * (packed % SMALL_BYTES);
  }

  reset(): void {
    this.#kept.clear();
    this.#live = sums(this.#live.bytes.length);
    this.#total = sums(this.#live.bytes.length);
    this.#first = FIRST_STACKS;
    this.#left = 1;
    this.#gap = 1;
    this.#pace = { blocks: 0, ms: 0, stackMs: 0 };
  }

  /** @param all the small blocks without a stack of their own, as one. @returns them by site */
  divided(all: SiteUsage): SiteUsage[] {
    const { count } = this.#sites;
    const [liveBytes, liveBlocks] = [
      divide(all.liveBytes, this.#live.bytes),
      divide(all.liveBlocks, this.#live.blocks),
    ];
    const [totalBytes, totalBlocks] = [
      divide(all.totalBytes, this.#total.bytes),
      divide(all.totalBlocks, this.#total.blocks),
    ];
    const [peakBytes, peakBlocks] = [
      divide(all.peakBytes ?? 0, this.#total.bytes),
      divide(all.peakBlocks ?? 0, this.#total.blocks),
    ];
    return Array.from({ length: count }, (_, site) => ({
      source: all.source,
      hash: this.#sites.hashOf(site),
      frames: this.#sites.framesOf(site),
      ...this.#sites.tagsOf(site),
      liveBytes: liveBytes[site]!,
      liveBlocks: liveBlocks[site]!,
      totalBytes: totalBytes[site]!,
      totalBlocks: totalBlocks[site]!,
      peakBytes: peakBytes[site]!,
      peakBlocks: peakBlocks[site]!,
      estimated: true,
    }));
  }

  #siteOf(entry: EntryFunction): number {
    const { guard, stacks, labels } = this.#host;
    return guard.run(() => this.#sites.siteOf(stacks.capture(entry), labels.current));
  }

  #count(number: number, bytes: number, site: number): void {
    if (site >= this.#live.bytes.length) {
      this.#host.guard.run(() => {
        this.#live = grown(this.#live);
        this.#total = grown(this.#total);
      });
    }
    for (const { bytes: sumBytes, blocks } of [this.#live, this.#total]) {
      sumBytes[site]! += this.#gap * bytes;
      blocks[site]! += this.#gap;
    }
    this.#kept.put(number, this.#gap * FRACTION * SMALL_BYTES + bytes, site);
  }

  #setPace(startMs: number, endMs: number): void {
    const { blocks, ms, stackMs } = this.#pace;
    const keep = 1 - 1 / REMEMBERED;
    const pace = {
      blocks: keep * blocks + this.#gap,
      ms: keep * ms + (this.#lastMs === 0 ? 0 : endMs - this.#lastMs),
      stackMs: keep * stackMs + Math.min(LONGEST_STACK_MS, endMs - startMs),
    };
    // Of the time between two stacks all but the stacks themselves belongs to the blocks.
    const ownMs = Math.max(pace.ms - pace.stackMs, 1e-3);
    const mean = Math.min(
      LONGEST_GAP,
      Math.max(1, (BUDGET * pace.stackMs * pace.blocks * (1 - keep)) / ownMs),
    );
    this.#pace = pace;
    this.#lastMs = endMs;
    this.#gap = Math.round(FRACTION / -Math.expm1(-1 / mean)) / FRACTION; // the mean of what is drawn here
    this.#left = Math.ceil(-Math.log(1 - Math.random()) * mean);
  }
}

/** Divides a whole number in proportion to `parts`, in whole numbers with the same sum. */
function divide(whole: number, parts: Float64Array): Float64Array {
  const all = parts.reduce((sum, part) => sum + Math.max(0, part), 0);
  const shares = new Float64Array(parts.length);
  let [before, partsBefore] = [0, 0];
  for (let i = 0; i < parts.length && all > 0; i++) {
    partsBefore += Math.max(0, parts[i]!);
    const upTo = Math.round((whole * partsBefore) / all);
    shares[i] = upTo - before;
    before = upTo;
  }
  // Nothing to go by: it stays without a stack.
  shares[0]! += whole - before;
  return shares;
}

function sums(sites: number): Sums {
  return { bytes: new Float64Array(sites), blocks: new Float64Array(sites) };
}

function grown(old: Sums): Sums {
  const made = sums(2 * old.bytes.length);
  made.bytes.set(old.bytes);
  made.blocks.set(old.blocks);
  return made;
}
