/**
 * The heap that the program itself describes: pools, GPU buffers, native handles, objects of a class. Feeds
 * `heap.alloc`, `free`, `realloc` and `track`.
 *
 * Three address spaces, so that a number, the id of another key and that of a tracked object never meet:
 *
 *     number 0 .. 2^32 - 1 ---------------- journal -----> stream of numbers
 *     other numbers, strings, bigints, symbols -- Map ---> id -+
 *     objects, functions ------------------- WeakMap ----> id -+-> stream of ids
 *     tracked objects ---------------------- WeakMap ----> token ---> stream of what ends by collection
 *
 * The journal is settled before anything else is counted, so that the peak is that of the order in which things happened.
 *
 * Ids rise and are not used again (they wrap after 2^32).
 */

import { Journal } from '../heap/journal.js';
import type { LiveTable } from '../heap/live-table.js';
import { NumberedTable } from '../heap/numbered-table.js';
import type { HeapKey, ManualHeap } from '../heap/program-blocks.js';
import { SiteTable } from '../heap/sites.js';
import type { SourceSnapshot } from '../heap/snapshot.js';
import type { EntryFunction } from '../heap/stack.js';
import { AllocationStream, addressTable, type StreamHost } from '../heap/stream.js';
import { snapshotStreams } from '../heap/stream-snapshot.js';
import { type BlockToken, WeakBlocks } from '../heap/weak-blocks.js';

/** An entry of the map of keys. */
const KEY_BYTES = 60;

export class ManualSource implements ManualHeap {
  readonly name = 'manual';
  readonly #host: StreamHost;
  readonly #sites = new SiteTable('manual');
  readonly #numbers: AllocationStream<LiveTable>;
  readonly #journal: Journal;
  readonly #others: AllocationStream<LiveTable>;
  readonly #tracked: AllocationStream;
  readonly #blocks: WeakBlocks;
  #tokens = new WeakMap<object, BlockToken>();
  #ids = new Map<unknown, number>();
  #objectIds = new WeakMap<object, number>();
  #nextId = 0;
  #armed = false;
  #warned = false;

  constructor(host: StreamHost) {
    this.#host = host;
    this.#numbers = new AllocationStream(host, this.#sites, addressTable(host));
    this.#journal = new Journal(host, this.#numbers);
    this.#others = new AllocationStream(host, this.#sites, addressTable(host));
    this.#tracked = new AllocationStream(host, this.#sites, new NumberedTable(host.guard));
    // Also when disarmed: an object that is gone is no leak, and nobody could say so later.
    this.#blocks = new WeakBlocks((number) => {
      this.#journal.settle();
      this.#tracked.free(number);
    });
  }

  get endsByCollection(): boolean {
    return this.#blocks.count > 0;
  }

  arm(): void {
    this.#armed = true;
  }

  disarm(): void {
    this.#journal.settle();
    this.#armed = false;
  }

  reset(): void {
    this.#journal.settle();
    this.#numbers.reset();
    this.#others.reset();
    this.#blocks.reset();
    this.#tracked.reset();
    this.#tokens = new WeakMap();
    this.#sites.resetTotals();
    this.#ids = new Map();
    this.#objectIds = new WeakMap();
  }

  liveBytes(): number {
    this.#journal.settle();
    return this.#sites.live.bytes;
  }

  selfBytes(): number {
    const tables = this.#numbers.tableBytes + this.#others.tableBytes + this.#tracked.tableBytes;
    return tables + this.#blocks.selfBytes + this.#sites.selfBytes + this.#ids.size * KEY_BYTES;
  }

  snapshot(): SourceSnapshot {
    this.#journal.settle();
    this.#blocks.sweep();
    this.#numbers.trim();
    this.#others.trim();
    return snapshotStreams(this.#sites, [this.#numbers, this.#others, this.#tracked]);
  }

  alloc(key: HeapKey, bytes: number, entry: EntryFunction): void {
    if (!this.#armed) return;
    // Nearly all calls: no more to check, and short enough to be compiled into the caller.
    if (isUint32(key) && isUint31(bytes)) this.#journal.alloc(key, bytes, entry);
    else this.#allocOther(key, bytes, entry);
  }

  free(key: HeapKey): void {
    if (!this.#armed) return;
    if (isUint32(key)) this.#journal.free(key);
    else this.#freeOther(key);
  }

  realloc(key: HeapKey, bytes: number, newKey: HeapKey, entry: EntryFunction): void {
    if (!this.#armed) return;
    if (!isByteCount(bytes)) {
      this.#refuse(bytes);
      return;
    }
    this.free(key);
    if (bytes > 0) this.alloc(newKey, bytes, entry);
  }

  track<T extends object>(object: T, bytes: number, entry: EntryFunction, className?: string): T {
    if (!this.#armed || this.#host.guard.busy) return object;
    this.#journal.settle();
    if (!isByteCount(bytes)) this.#refuse(bytes);
    else if (isObject(object)) {
      if (!this.#untrack(object) && this.#objectIds.has(object)) this.#freeOther(object);
      const token = this.#blocks.follow();
      if (token !== undefined) {
        this.#tokens.set(object, token);
        this.#tracked.alloc(token.number, Math.floor(bytes), entry, className);
      } else {
        // Too many in one job to be followed: it counts in the totals alone.
        const id = this.#nextId++ >>> 0;
        this.#others.alloc(id, Math.floor(bytes), entry, className);
        this.#others.free(id);
      }
    }
    return object;
  }

  /** Whether it was tracked. */
  #untrack(object: object): boolean {
    const token = this.#tokens.get(object);
    if (token === undefined || token.number < 0) return false;
    this.#tokens.delete(object);
    this.#tracked.free(token.number);
    this.#blocks.end(token);
    return true;
  }

  #allocOther(key: HeapKey, bytes: number, entry: EntryFunction): void {
    this.#journal.settle();
    if (!isByteCount(bytes)) this.#refuse(bytes);
    else if (isUint32(key)) this.#numbers.alloc(key, Math.floor(bytes), entry);
    else {
      if (isObject(key)) this.#untrack(key);
      this.#others.alloc(this.#idFor(key), Math.floor(bytes), entry);
    }
  }

  #idFor(key: unknown): number {
    let id = isObject(key) ? this.#objectIds.get(key) : this.#ids.get(key);
    if (id === undefined) {
      id = this.#nextId++ >>> 0;
      if (isObject(key)) this.#objectIds.set(key, id);
      else this.#ids.set(key, id);
    }
    return id;
  }

  #freeOther(key: unknown): void {
    this.#journal.settle();
    let id: number | undefined;
    if (isObject(key)) {
      if (this.#untrack(key)) return;
      id = this.#objectIds.get(key);
      this.#objectIds.delete(key);
    } else {
      id = this.#ids.get(key);
      this.#ids.delete(key);
    }
    if (id === undefined) this.#others.unmatchedFrees++;
    else this.#others.free(id);
  }

  #refuse(bytes: unknown): void {
    if (this.#warned) return;
    this.#warned = true;
    this.#host.warn(
      `otrace: heap.alloc, realloc or track was given ${describe(bytes)} as bytes, which is ignored; ` +
        'give a number from 0 to 2^53 - 1',
    );
  }
}

function isUint32(key: unknown): key is number {
  return typeof key === 'number' && key >>> 0 === key;
}

function isUint31(bytes: unknown): bytes is number {
  return typeof bytes === 'number' && (bytes & 0x7fff_ffff) === bytes;
}

function isByteCount(bytes: unknown): bytes is number {
  return typeof bytes === 'number' && bytes >= 0 && bytes <= Number.MAX_SAFE_INTEGER;
}

function isObject(key: unknown): key is object {
  return (typeof key === 'object' && key !== null) || typeof key === 'function';
}

function describe(value: unknown): string {
  return typeof value === 'number' ? String(value) : `a value of type ${typeof value}`;
}
