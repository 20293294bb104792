/**
 * One address space whose every allocation and free passes through here: a program's own keys, or the linear memory
 * of one WebAssembly instance. Keeps what is live (table), what was allocated in all (site table), and the sums.
 *
 *     alloc -> guard -> sampler -> (stack -> site) -> live table, totals, sums -> throttle -> counter point
 *
 * Invariants, between calls:
 *  1. `liveBytes` is the sum of the bytes in the live table, and each block in it is counted in `sites.live`.
 *  2. Every allocation counts exactly once in the totals of one site, sampled or not.
 *  3. While the guard is busy nothing is added and no free counts as unmatched; blocks already known may be freed.
 *
 * Not here: which source the stream belongs to, and whether that is armed.
 */

import { FREED } from './block-words.js';
import { type Frame, NO_FRAMES } from './frame.js';
import type { Guard } from './guard.js';
import type { Labels } from './labels.js';
import { UNCAPTURED } from './live-sites.js';
import { LiveTable } from './live-table.js';
import type { ReplayEngine } from './replay-memory.js';
import type { Sampler } from './sampler.js';
import type { SiteTable } from './sites.js';
import type { EntryFunction, StackCapture } from './stack.js';
import type { Throttle } from './throttle.js';

/** What the streams of one tracer share. */
export interface StreamHost {
  readonly guard: Guard;
  readonly sampler: Sampler;
  readonly stacks: StackCapture;
  readonly throttle: Throttle;
  readonly labels: Labels;
  /** Shards of a live table: a power of two. */
  readonly shards: number;
  /** Replays journals faster than JavaScript; undefined where there is no WebAssembly. */
  readonly replay?: ReplayEngine | undefined;
  /** Forces a garbage collection, after which no WeakRef has what is garbage; undefined where that can't be done. */
  readonly collect?: (() => void) | undefined;
  /** Tells the user, once, that something is wrong and what to do. */
  readonly warn: (message: string) => void;
}

/** A table for keys of any kind. */
export function addressTable(host: StreamHost): LiveTable {
  const { guard, shards, replay } = host;
  return new LiveTable({
    shards,
    allocate: (words) => guard.run(() => new Int32Array(words)),
    openReplay: (words) => replay?.open(guard, words),
  });
}

/** Keeps what is live by key; see `LiveTable`, which is one. */
export type BlockTable = Pick<
  LiveTable,
  'size' | 'slotBytes' | 'site' | 'put' | 'take' | 'has' | 'forEach' | 'clear'
>;

export class AllocationStream<Table extends BlockTable = BlockTable> {
  liveBytes = 0;
  /** Frees of keys that were not live: allocated before the tracer was armed, or freed twice. */
  unmatchedFrees = 0;
  /** Allocations at a key that was live, whose earlier block counts as freed. */
  impliedFrees = 0;
  /** Whether there was no memory to go on, so that only frees are taken. */
  stopped = false;

  readonly #host: StreamHost;
  readonly #sites: SiteTable;
  readonly #table: Table;
  readonly #sampler: Sampler;
  readonly #throttle: Throttle;
  readonly #labels: Labels;
  readonly #guard: Guard;

  /**
   * @param sites may be shared with other streams of the same source
   * @param table keeps what is live
   */
  constructor(host: StreamHost, sites: SiteTable, table: Table) {
    this.#host = host;
    this.#sites = sites;
    this.#sampler = host.sampler;
    this.#throttle = host.throttle;
    this.#labels = host.labels;
    this.#guard = host.guard;
    this.#table = table;
  }

  get liveBlocks(): number {
    return this.#table.size;
  }

  /** Memory held by the live table, in bytes. */
  get tableBytes(): number {
    return this.#table.slotBytes;
  }

  has(key: number): boolean {
    return this.#table.has(key);
  }

  /**
   * Records an allocation, with its stack if it is its turn.
   *
   * @param key unsigned 32-bit integer
   * @param bytes whole number from 0 to 2^53 - 1
   * @param entry the function of otrace that the program called
   * @param className of what was allocated
   */
  alloc(key: number, bytes: number, entry: EntryFunction, className?: string): void {
    if (this.#guard.busy) return;
    if (this.#sampler.next()) this.#record(key, bytes, this.#siteOfCaller(entry, className));
    else if (className === undefined && !this.#labels.used) this.#record(key, bytes, UNCAPTURED);
    else this.#record(key, bytes, this.#siteWithoutStack(className));
  }

  /** Records an allocation that is not worth a stack. */
  allocWithoutStack(key: number, bytes: number, className?: string): void {
    if (!this.#guard.busy) this.#record(key, bytes, this.#siteWithoutStack(className));
  }

  /** Records an allocation whose site is known. */
  put(key: number, bytes: number, site: number): void {
    if (!this.#guard.busy) this.#record(key, bytes, site);
  }

  #record(key: number, bytes: number, site: number): void {
    if (this.stopped) return;
    const sites = this.#sites;
    sites.allocated(site, bytes);
    sites.live.add(site, bytes);
    this.liveBytes += bytes;
    try {
      const replaced = this.#table.put(key, bytes, site);
      if (replaced >= 0) {
        this.#left(replaced);
        this.impliedFrees++;
      }
    } catch (error) {
      this.#stop(error);
    }
    if (--this.#throttle.left < 0) this.#throttle.read();
  }

  /** Where a journal is kept; see `LiveTable.entries`. */
  entries(this: AllocationStream<LiveTable>): Int32Array {
    return this.#table.entries;
  }

  /**
   * Records what the journal holds: allocations without a stack, and frees.
   *
   * @param words of `entries` that are used, two for each entry
   * @returns the number of allocations
   */
  replay(this: AllocationStream<LiveTable>, words: number): number {
    const sites = this.#sites;
    const before = sites.live.bytes;
    const allocations = sites.blocksWithoutStack;
    try {
      this.#table.replay(words, sites, this);
    } catch (error) {
      this.#stop(error);
    }
    this.liveBytes += sites.live.bytes - before;
    const { entries, replayed } = this.#table;
    for (let at = replayed; at < words; at += 2) if (entries[at | 1] === FREED) this.free(entries[at]! >>> 0);
    this.#throttle.left -= words >> 1;
    if (this.#throttle.left < 0) this.#throttle.read();
    return sites.blocksWithoutStack - allocations;
  }

  /** Records a free. */
  free(key: number): void {
    const bytes = this.#table.take(key);
    if (bytes >= 0) this.#left(bytes);
    if (this.#guard.busy || this.stopped) return;
    if (bytes < 0) this.unmatchedFrees++;
    if (--this.#throttle.left < 0) this.#throttle.read();
  }

  /** Records that a block has a new size and perhaps a new key: a free and an allocation at the caller's site. */
  realloc(key: number, newKey: number, bytes: number, entry: EntryFunction): void {
    this.free(key);
    this.alloc(newKey, bytes, entry);
  }

  /** Gives memory of the table back if it is far too much; see `LiveTable.trim`. */
  trim(this: AllocationStream<LiveTable>): void {
    this.#table.trim();
  }

  /** Forgets what is live and the counts; totals and peak belong to the site table. */
  reset(): void {
    this.#table.forEach((_key, bytes, site) => {
      this.#sites.live.remove(site, bytes);
    });
    this.#table.clear();
    this.liveBytes = 0;
    this.unmatchedFrees = 0;
    this.impliedFrees = 0;
  }

  /** The table has just let a block of so many bytes go. */
  #left(bytes: number): void {
    this.liveBytes -= bytes;
    this.#sites.live.remove(this.#table.site, bytes);
  }

  #siteOfCaller(entry: EntryFunction, className: string | undefined): number {
    const { guard, stacks } = this.#host;
    return guard.run(() => this.#siteOf(stacks.capture(entry), className));
  }

  /** Not one of the uncaptured if it has a class or a label. */
  #siteWithoutStack(className: string | undefined): number {
    if (className === undefined && !this.#labels.used) return UNCAPTURED;
    return this.#host.guard.run(() => this.#siteOf(NO_FRAMES, className));
  }

  #siteOf(frames: readonly Frame[], className: string | undefined): number {
    return this.#sites.siteOf(frames, this.#labels.current, className);
  }

  /** The table can't grow. What was collected stays; frees are still taken. */
  #stop(error: unknown): void {
    this.stopped = true;
    const reason = error instanceof Error ? error.message : String(error);
    this.#host.warn(
      `otrace: no memory for more live blocks of heap source "${this.#sites.source}" (${reason}); ` +
        'allocations from here on are not recorded, give the process more memory or leave the source out',
    );
  }
}
