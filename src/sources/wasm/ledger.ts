/**
 * A ledger seen from JavaScript: its memory, the instances that write to it, and what its cells say. What they do is in
 * `ledger-code.ts`, where things stand in `ledger-layout.ts`.
 */
import type { SiteFigures } from '../../heap/live-sites.js';
import type { SiteSums } from '../../heap/stream-snapshot.js';
import { assembleText } from '../../wat/wat-assembler.js';
import { ledgerText } from './ledger-code.js';
import { CELL, CELL_BYTES, CHUNK_BYTES, HEAP, LEDGER, MOST_SHARED_HEAPS } from './ledger-layout.js';
import type { LedgerVariant } from './ledger-terms.js';
import type { Records } from './site-records.js';
import { noWaitingGlobals, type WaitingGlobals } from './waiting-block.js';

/** Makes modules and instances that the program's own hooks don't see. */
export interface Engine {
  plainModule(bytes: Uint8Array): WebAssembly.Module;
  plainInstance(module: WebAssembly.Module, imports: WebAssembly.Imports): WebAssembly.Instance;
  realExports(instance: WebAssembly.Instance): WebAssembly.Exports;
}

/** What an instance calls; said in `ledger-code.ts`. */
export interface LedgerCalls {
  discover(low: number, high: number, entry: number): number;
  enter(gate: number): number;
  sampled(): number;
  pause(): void;
  full(): void;
}

/** One instance of the ledger's code, for one module on one heap. */
export interface LedgerInstance {
  readonly allocated: unknown;
  readonly freed: unknown;
  readonly reallocated: unknown;
  readonly left: WebAssembly.Global<'i32'>;
  clear(close: number): void;
  /** @param skip allocations or entries until the next one that is sampled; not 0 in `always`: all are */
  draw(skip: number, always: number): void;
  forget(): void;
  open(): void;
  openHeap(): void;
  /** After it no block waits, nor will before the next call. */
  settle(): void;
  take(bytes: number): number;
}

export interface LedgerSums extends SiteSums {
  /** Live bytes at each site that may be somebody else's: see `entry-gate.ts`. */
  readonly doubtfulBytes: Float64Array;
}

const UNUSED = (): never => {
  throw new Error('a ledger that is only read allocates nothing');
};
const NO_CALLS: LedgerCalls = {
  discover: UNUSED,
  enter: UNUSED,
  sampled: UNUSED,
  pause: UNUSED,
  full: UNUSED,
};

/** A thread that is stopped in the middle of it must not stop the others. */
const MOST_SPINS = 10_000_000;

export class Ledger {
  /** Whether all threads of the process write to it. */
  readonly isShared: boolean;
  readonly #engine: Engine;
  readonly #memory: WebAssembly.Memory;
  readonly #busy: WebAssembly.Global<'i32'>;
  readonly #modules = new Map<string, WebAssembly.Module>();
  readonly #core: LedgerInstance;
  #words: Uint32Array;
  /** In whose module's globals blocks may wait; there are none in a shared ledger. */
  #holder: LedgerInstance | undefined;

  /**
   * @param busy not 0 while otrace itself works
   * @param shared a memory for all threads of the process; the first one opens it
   */
  constructor(engine: Engine, busy: WebAssembly.Global<'i32'>, shared?: WebAssembly.Memory) {
    this.#engine = engine;
    this.#busy = busy;
    this.isShared = shared !== undefined;
    this.#memory = shared ?? new WebAssembly.Memory({ initial: 1, maximum: 65_536 });
    this.#words = new Uint32Array(this.#memory.buffer);
    this.#core = this.instance({ wideAddresses: false, contexts: true }, 0, 0n, NO_CALLS);
    this.#alone(() => {
      if (this.#view()[LEDGER.top >> 2] === 0) this.#core.open();
    });
  }

  /** Whether a shared memory has been opened, by whatever thread. */
  static isOpen(memory: WebAssembly.Memory): boolean {
    return new Uint32Array(memory.buffer)[LEDGER.top >> 2] !== 0;
  }

  /** Makes room for one more heap, and says where. */
  newHeap(): number {
    const heap = this.#core.take(HEAP.bytes);
    if (heap === 0) throw new RangeError('no memory for another heap');
    return heap;
  }

  /** Makes the heap ready that an instance works on. */
  openHeap(instance: LedgerInstance): void {
    instance.openHeap();
    this.#core.settle();
  }

  /** A number for an entry that no thread has. */
  newEntry(): number {
    return Atomics.add(this.#view(), LEDGER.entries >> 2, 1) + 1;
  }

  /** Puts a text where all threads find it; 0 when there is no memory. */
  write(text: string): number {
    const bytes = new TextEncoder().encode(text);
    const at = this.#core.take(bytes.length + 4);
    if (at === 0) return 0;
    const memory = new Uint8Array(this.#memory.buffer);
    memory.set(bytes, at + 4);
    Atomics.store(this.#view(), at >> 2, bytes.length);
    return at;
  }

  read(at: number): string {
    // A copy: text that threads share can't be decoded.
    const bytes = new Uint8Array(this.#memory.buffer, at + 4, this.#view()[at >> 2]!).slice();
    return new TextDecoder().decode(bytes);
  }

  /** The heaps of all threads that work on shared memories. */
  get sharedHeaps(): readonly number[] {
    const count = this.isShared ? this.#view()[LEDGER.heaps >> 2]! : 0;
    return Array.from({ length: count }, (_, i) => LEDGER.end + i * HEAP.bytes);
  }

  /**
   * Finds the heap that `isIt`, or opens a new one and tells its number; one thread at a time.
   *
   * @returns its address; undefined when there are too many
   */
  sharedHeap(
    wideAddresses: boolean,
    isIt: (number: number) => boolean,
    opened: (number: number) => void,
  ): number | undefined {
    return this.#alone(() => {
      const heaps = this.sharedHeaps;
      const found = heaps.findIndex((_, number) => isIt(number));
      if (found >= 0) return heaps[found];
      if (heaps.length === MOST_SHARED_HEAPS) return undefined;
      const heap = LEDGER.end + heaps.length * HEAP.bytes;
      this.openHeap(this.instance({ wideAddresses, contexts: true }, heap, 0n, NO_CALLS));
      opened(heaps.length);
      Atomics.add(this.#view(), LEDGER.heaps >> 2, 1);
      return heap;
    });
  }

  /**
   * @param module a number that tells the module's contexts from those of other modules
   * @param waiting globals of the module's instance; left out where there is none
   */
  instance(
    variant: Omit<LedgerVariant, 'shared'>,
    heap: number,
    module: bigint,
    calls: LedgerCalls,
    waiting: WaitingGlobals<WebAssembly.Global> = noWaitingGlobals(variant.wideAddresses),
  ): LedgerInstance {
    const imports: Record<string, unknown> = {
      memory: this.#memory,
      heap,
      module, // a bigint, which the declarations of the DOM don't know as an import
      busy: this.#busy,
      ...(this.isShared && { mayWait: mayWait() ? 1 : 0 }),
      ...calls,
      hold: () => this.#hold(held),
      ...waiting,
    };
    const instance = this.#engine.plainInstance(
      this.#moduleOf({
        wideAddresses: variant.wideAddresses,
        contexts: variant.contexts,
        shared: this.isShared,
      }),
      {
        otrace: imports as WebAssembly.ModuleImports,
      },
    );
    const held = this.#engine.realExports(instance) as unknown as LedgerInstance;
    return held;
  }

  /** After it everything is counted. */
  settle(): void {
    if (this.isShared) this.#core.settle();
    else this.#hold(undefined);
  }

  #hold(next: LedgerInstance | undefined): void {
    const before = this.#holder;
    this.#holder = next;
    before?.settle();
  }

  /** From now on frees of blocks in this heap may be missed. */
  doubt(heap: number): void {
    this.settle();
    Atomics.store(this.#view(), (heap + HEAP.gaps) >> 2, 1);
  }

  clear(instance: LedgerInstance, close: boolean): void {
    this.settle();
    instance.clear(close ? 1 : 0);
  }

  get liveBytes(): number {
    this.settle();
    return this.#count(LEDGER.liveBytes);
  }

  get peakBytes(): number {
    this.settle();
    return this.#count(LEDGER.peakBytes);
  }

  /** Memory held, in bytes. */
  get memoryBytes(): number {
    return this.#memory.buffer.byteLength;
  }

  heapCount(heap: number, field: 'liveBytes' | 'peakBytes' | 'unmatchedFrees' | 'impliedFrees'): number {
    this.settle();
    return this.#count(heap + HEAP[field]);
  }

  heapBlocks(heap: number): number {
    this.settle();
    const words = this.#view();
    const bits = 32 - words[(heap + HEAP.directoryShift) >> 2]!;
    const directory = words[(heap + HEAP.directory) >> 2]! >> 2;
    let blocks = 0;
    for (let at = 0; at < 1 << bits; ) {
      const segment = words[directory + at]! >> 2;
      blocks += words[segment]!;
      at += 1 << (bits - words[segment + 1]!); // a segment may have several places in the directory
    }
    return blocks;
  }

  /** Forgets totals and peak. REQUIRES: every heap was cleared. */
  forget(): void {
    this.settle();
    this.#core.forget();
  }

  /** Forgets what is live in the heaps of all threads. */
  clearShared(): void {
    for (const heap of this.sharedHeaps) {
      const wideAddresses = this.#view()[(heap + HEAP.wide) >> 2] !== 0;
      this.clear(this.instance({ wideAddresses, contexts: true }, heap, 0n, NO_CALLS), false);
    }
  }

  /** From now on so many calls that arrive at this gate are taken for this entry. */
  assume(gate: number, entry: number, calls: number): void {
    const words = this.#view();
    words[(gate + CELL.assumedEntry) >> 2] = entry;
    words[(gate + CELL.assumedCalls) >> 2] = calls;
  }

  /** How many calls are still to be taken for the entry; -1 where there was no room for a gate. */
  assumedCalls(gate: number): number {
    const words = this.#view();
    const isFirst = gate === words[LEDGER.firstChunk >> 2]! + CELL_BYTES;
    return isFirst ? -1 : words[(gate + CELL.assumedCalls) >> 2]!;
  }

  /** Sees to it that all records have sites, before `addTo`. */
  completeRecords(records: Records): void {
    const words = this.#view();
    this.#forEachCell((cell) => records.siteOf(words[(cell + CELL.record) >> 2]!));
  }

  /** Adds what all cells of each site come to. */
  addTo({ live, peak, total, doubtfulBytes }: LedgerSums, records: Records): void {
    this.settle();
    const words = this.#view();
    const rising = words[LEDGER.rising >> 2] !== 0;
    const epoch = words[LEDGER.epoch >> 2];
    this.#forEachCell((cell) => {
      const allocatedBlocks = this.#count(cell + CELL.allocatedBlocks);
      const totalBlocks = allocatedBlocks + this.#count(cell + CELL.passedBlocks);
      if (totalBlocks === 0) return;
      const record = words[(cell + CELL.record) >> 2]!;
      const site = records.siteOf(record);
      const allocatedBytes = this.#count(cell + CELL.allocatedBytes);
      const totalBytes = allocatedBytes + this.#count(cell + CELL.passedBytes);
      const liveBytes = allocatedBytes - this.#count(cell + CELL.freedBytes);
      const liveBlocks = allocatedBlocks - this.#count(cell + CELL.freedBlocks);
      const isNoted = !rising && words[(cell + CELL.epoch) >> 2] === epoch;
      add(total, site, totalBytes, totalBlocks);
      add(live, site, liveBytes, liveBlocks);
      add(
        peak,
        site,
        isNoted ? this.#count(cell + CELL.markBytes) : liveBytes,
        isNoted ? this.#count(cell + CELL.markBlocks) : liveBlocks,
      );
      // What others have allocated may all be among what is live.
      doubtfulBytes[site]! += Math.min(liveBytes, records.doubtOf(record) * totalBytes);
    });
  }

  /** Runs something that no other thread does meanwhile. */
  #alone<T>(work: () => T): T {
    const words = new Int32Array(this.#memory.buffer);
    const lock = LEDGER.heapsLock >> 2;
    for (let spins = 0; Atomics.compareExchange(words, lock, 0, 1) !== 0 && spins < MOST_SPINS; spins++);
    try {
      return work();
    } finally {
      Atomics.store(new Int32Array(this.#memory.buffer), lock, 0);
    }
  }

  #forEachCell(visit: (cell: number) => void): void {
    const words = this.#view();
    const end = words[LEDGER.nextCell >> 2]!;
    for (let chunk = words[LEDGER.firstChunk >> 2]!; chunk !== 0; chunk = words[chunk >> 2]!) {
      for (let cell = chunk + CELL_BYTES; cell < chunk + CHUNK_BYTES; cell += CELL_BYTES) {
        if (cell === end) return;
        visit(cell);
      }
    }
  }

  /** An i64 that is no larger than 2^53. */
  #count(at: number): number {
    const words = this.#view();
    return words[at >> 2]! + words[(at >> 2) + 1]! * 0x1_0000_0000;
  }

  /** The memory as it is now: growing it makes a new buffer. */
  #view(): Uint32Array {
    const { buffer } = this.#memory;
    if (this.#words.buffer !== buffer) this.#words = new Uint32Array(buffer);
    return this.#words;
  }

  #moduleOf(variant: LedgerVariant): WebAssembly.Module {
    const key = `${variant.wideAddresses} ${variant.contexts} ${variant.shared}`;
    let module = this.#modules.get(key);
    if (module === undefined) {
      module = this.#engine.plainModule(assembleText(ledgerText(variant)));
      this.#modules.set(key, module);
    }
    return module;
  }
}

/** A browser's main thread must not wait. */
function mayWait(): boolean {
  try {
    Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 1, 0);
    return true;
  } catch {
    return false;
  }
}

/** Sums of nothing yet. */
export function emptySums(sites: number): LedgerSums {
  const [live, peak, total] = [emptyFigures(sites), emptyFigures(sites), emptyFigures(sites)];
  return { live, peak, total, doubtfulBytes: new Float64Array(sites) };
}

function emptyFigures(sites: number): SiteFigures {
  return { bytes: new Float64Array(sites), blocks: new Float64Array(sites) };
}

function add(figures: SiteFigures, site: number, bytes: number, blocks: number): void {
  figures.bytes[site]! += bytes;
  figures.blocks[site]! += blocks;
}
