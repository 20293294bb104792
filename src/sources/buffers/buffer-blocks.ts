/**
 * The memory of buffers as blocks: one for each `ArrayBuffer`, `SharedArrayBuffer` or `Blob` that the hooks report,
 * whoever views it, from then until the collector takes that object.
 *
 * An object carries its block's token in a private field, which no program can see, which costs a fifth of what a
 * WeakMap does, and which tells at once whether a buffer is counted already.
 *
 * Not here: which calls make memory (`constructors.ts`, `buffer-functions.ts`, `methods.ts`).
 */
import type { Frame } from '../../heap/frame.js';
import { NumberedTable } from '../../heap/numbered-table.js';
import type { SiteTable } from '../../heap/sites.js';
import type { SiteUsage } from '../../heap/snapshot.js';
import type { EntryFunction } from '../../heap/stack.js';
import { AllocationStream, type StreamHost } from '../../heap/stream.js';
import { type BlockToken, WeakBlocks } from '../../heap/weak-blocks.js';
import { SMALL_BYTES, SmallStacks } from './small-stacks.js';

/** A constructor that makes the object it is given, so that a class derived from it adds its fields to that. */
function given(object: object): object {
  return object;
}
const Given = given as unknown as new (object: object) => object;

class Carrier extends Given {
  #token: BlockToken;

  constructor(object: object, token: BlockToken) {
    super(object);
    this.#token = token;
  }

  static tokenOf(object: object): BlockToken | undefined {
    return #token in object ? object.#token : undefined;
  }

  static setToken(object: object, token: BlockToken): void {
    if (#token in object) object.#token = token;
    else new Carrier(object, token);
  }
}

/** V8 keeps the data of a typed array of up to so many bytes in its own heap; the `js` source sees it. */
export const MOST_IN_JS_HEAP = 64;

/** Stands for small blocks that have no stack of their own, until a snapshot divides them among those that do. */
const SMALL_BLOCKS: readonly Frame[] = [{ name: '(small buffers)', file: '', line: 0, column: 0 }];

export class BufferBlocks {
  /** Whether the hooks report at all. */
  recording = false;
  readonly stream: AllocationStream;
  /** Allocations that are counted in the totals only, see `MOST_IN_A_JOB`. */
  notFollowed = 0;
  readonly #host: StreamHost;
  readonly #blocks: WeakBlocks;
  /** For what is over as soon as it is counted. */
  readonly #unfollowed: AllocationStream;
  readonly #stackBytes: number;
  readonly #small: SmallStacks;
  /** The site of small blocks without a stack of their own; undefined while there are none. */
  #smallSite: number | undefined;
  readonly #sites: SiteTable;

  /** @param stackBytes from this size on each block is worth a stack */
  constructor(host: StreamHost, sites: SiteTable, stackBytes: number) {
    this.#host = host;
    this.#sites = sites;
    this.#stackBytes = Math.min(stackBytes, SMALL_BYTES);
    this.#small = new SmallStacks(host);
    this.#unfollowed = new AllocationStream(host, sites, new NumberedTable(host.guard));
    this.stream = new AllocationStream(host, sites, new NumberedTable(host.guard));
    this.#blocks = new WeakBlocks((number) => this.#free(number));
  }

  /** Whether there is anything whose end only a collection can tell. */
  get any(): boolean {
    return this.#blocks.count > 0;
  }

  /** Memory held, in bytes, about; that of the call sites not included. */
  get selfBytes(): number {
    return this.#blocks.selfBytes + this.stream.tableBytes + this.#small.selfBytes;
  }

  /** Counts the memory of an object, unless that was done. */
  made(owner: object, bytes: number, entry: EntryFunction): void {
    if (bytes === 0 || this.#host.guard.busy) return;
    const known = Carrier.tokenOf(owner);
    if (known === undefined || known.number < 0) this.#add(owner, bytes, entry);
  }

  /** Whether the memory of this object is counted now. */
  isCounted(owner: object): boolean {
    const token = Carrier.tokenOf(owner);
    return token !== undefined && token.number >= 0;
  }

  /** Counts a change of size; nothing for an object that is not counted. */
  resized(owner: object, bytes: number, entry: EntryFunction): void {
    if (!this.isCounted(owner) || this.#host.guard.busy) return;
    this.left(owner);
    if (bytes > 0) this.#add(owner, bytes, entry);
  }

  /** Counts the end of a block whose memory has gone to another object. */
  left(owner: object): void {
    const token = Carrier.tokenOf(owner);
    if (token === undefined || token.number < 0) return;
    this.#free(token.number);
    this.#blocks.end(token);
  }

  /** Counts the ends of all blocks that the collector has taken. */
  sweep(): void {
    this.#blocks.sweep();
  }

  /** Whether there were so many small buffers that not each was worth a stack. */
  get stacksInProportion(): boolean {
    return this.#smallSite !== undefined;
  }

  /** What a snapshot shows of the sites: those without a stack of their own divided among those that have one. */
  divided(sites: readonly SiteUsage[]): readonly SiteUsage[] {
    if (this.#smallSite === undefined) return sites;
    const hash = this.#sites.hashOf(this.#smallSite);
    const all = sites.find((site) => site.hash === hash);
    if (all === undefined) return sites;
    const keyOf = ({ hash, label }: SiteUsage): string => `${hash} ${label ?? ''}`;
    const joined = new Map(sites.filter((site) => site !== all).map((site) => [keyOf(site), site]));
    for (const share of this.#small.divided(all)) {
      if (share.totalBlocks === 0 && share.liveBlocks === 0) continue;
      const own = joined.get(keyOf(share));
      joined.set(keyOf(share), own === undefined ? share : plus(own, share));
    }
    return [...joined.values()];
  }

  reset(): void {
    this.#smallSite = undefined;
    this.#small.reset();
    this.#blocks.reset();
    this.stream.reset();
    this.notFollowed = 0;
  }

  #add(owner: object, bytes: number, entry: EntryFunction): void {
    const token = this.#blocks.follow();
    if (token !== undefined) {
      Carrier.setToken(owner, token);
      this.#count(token.number, bytes, entry);
      return;
    }
    // It would never be known to end: it counts in the totals alone.
    this.notFollowed++;
    this.#unfollowed.alloc(0, bytes, entry);
    this.#unfollowed.free(0);
  }

  #count(number: number, bytes: number, entry: EntryFunction): void {
    if (bytes >= this.#stackBytes || this.#small.takeFirst()) {
      this.stream.alloc(number, bytes, entry);
      return;
    }
    this.#smallSite ??= this.#host.guard.run(() => this.#sites.siteOf(SMALL_BLOCKS));
    this.stream.put(number, bytes, this.#smallSite);
    this.#small.made(number, bytes, entry);
  }

  #free(number: number): void {
    this.stream.free(number);
    if (this.#smallSite !== undefined) this.#small.ended(number);
  }
}

function plus(a: SiteUsage, b: SiteUsage): SiteUsage {
  return {
    ...a,
    liveBytes: a.liveBytes + b.liveBytes,
    liveBlocks: a.liveBlocks + b.liveBlocks,
    totalBytes: a.totalBytes + b.totalBytes,
    totalBlocks: a.totalBlocks + b.totalBlocks,
    peakBytes: (a.peakBytes ?? 0) + (b.peakBytes ?? 0),
    peakBlocks: (a.peakBlocks ?? 0) + (b.peakBlocks ?? 0),
    estimated: true,
  };
}
