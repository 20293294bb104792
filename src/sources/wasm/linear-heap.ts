/**
 * The heap in one linear memory: the blocks live in it, which the ledger keeps, and the hooks that tell of them.
 *
 * It holds the memory weakly: who traces must not be who leaks.
 */

import { LONGEST_SKIP } from '../../heap/sampler.js';
import type { StreamHost } from '../../heap/stream.js';
import type { CallSites } from './call-sites.js';
import type { Ledger, LedgerInstance } from './ledger.js';
import type { ModuleIdentity } from './module-identity.js';
import type { WaitingGlobals } from './waiting-block.js';

/** Allocators take memory ahead of need, Emscripten's a fifth more than there is. */
const LEAST_UNEXPLAINED_BYTES = 4 * 1024 * 1024;

export class LinearHeap {
  readonly ledger: Ledger;
  /** Of the first module with an allocator that was instantiated on this memory. */
  readonly identity: ModuleIdentity;
  /** Size of the memory when the hooks came. */
  readonly bytesAtFirst: number;
  readonly #memory: WeakRef<WebAssembly.Memory> | undefined;
  readonly #host: StreamHost;
  /** Address of the heap in the ledger. */
  readonly #at: number;
  #isOpen: boolean;
  readonly #instances: LedgerInstance[] = [];
  /** Draws that were cut short, by instance. */
  readonly #cut = new WeakSet<LedgerInstance>();

  /**
   * @param memory undefined for one that the module keeps to itself
   * @param at where the heap is, if it is there already
   */
  constructor(
    host: StreamHost,
    ledger: Ledger,
    identity: ModuleIdentity,
    memory: WebAssembly.Memory | undefined,
    at?: number,
  ) {
    this.#host = host;
    this.ledger = ledger;
    this.identity = identity;
    this.#memory = memory === undefined ? undefined : new WeakRef(memory);
    this.bytesAtFirst = this.memoryBytes;
    this.#isOpen = at !== undefined;
    this.#at = at ?? ledger.newHeap();
  }

  get liveBytes(): number {
    return this.ledger.heapCount(this.#at, 'liveBytes');
  }

  get liveBlocks(): number {
    return this.ledger.heapBlocks(this.#at);
  }

  /** Most bytes that were live at once. */
  get peakBytes(): number {
    return this.ledger.heapCount(this.#at, 'peakBytes');
  }

  /** Frees of blocks that were not known: allocated before the tracer was armed, or freed twice. */
  get unmatchedFrees(): number {
    return this.ledger.heapCount(this.#at, 'unmatchedFrees');
  }

  /** Allocations at an address that was live, whose earlier block counts as freed. */
  get impliedFrees(): number {
    return this.ledger.heapCount(this.#at, 'impliedFrees');
  }

  /** 0 for a memory that can't be seen, or is gone. */
  get memoryBytes(): number {
    return this.#memory?.deref()?.buffer.byteLength ?? 0;
  }

  /** How much more the memory grew than the most that was ever live, with room for the allocator's own needs. */
  get unexplainedGrowthBytes(): number {
    const grownBytes = this.memoryBytes - this.bytesAtFirst;
    const unexplained = grownBytes - 2 * this.peakBytes;
    return unexplained > LEAST_UNEXPLAINED_BYTES ? unexplained : 0;
  }

  /**
   * Hooks for one instance on this memory, by the names of `HOOK_SLOTS`.
   *
   * @param waiting the instance's globals
   * @param settle sets right what a trap left behind in the instance; called now and then, when none of its code runs
   */
  hookFunctions(
    identity: ModuleIdentity,
    callSites: CallSites,
    waiting: WaitingGlobals<WebAssembly.Global>,
    settle: () => void,
  ): LedgerInstance {
    let settling = false;
    const settleSoon = (): void => {
      if (settling) return;
      settling = true;
      queueMicrotask(() => {
        settling = false;
        settle();
      });
    };
    const throttle = this.#host.throttle.fork();
    const discover = (low: number, high: number, entry: number): number => {
      settleSoon();
      return callSites.discover(low, high, entry, discover);
    };
    const enter = (gate: number): number =>
      this.#isTurn(instance) ? callSites.enter(gate, enter) : NOT_SAMPLED;
    const sampled = (): number => (this.#isTurn(instance) ? callSites.sampledRecord(sampled) : UNRECORDED);
    const pause = (): void => {
      settleSoon();
      throttle.read();
      instance.left.value = throttle.left;
    };
    const full = (): void => this.#warnOfFull();
    const calls = { discover, enter, sampled, pause, full };
    const instance = this.ledger.instance(identity, this.#at, callSites.salt, calls, waiting);
    if (!this.#isOpen) this.ledger.openHeap(instance);
    this.#isOpen = true;
    this.#instances.push(instance);
    this.#draw(instance);
    return instance;
  }

  /** The sampling rate has changed. */
  redraw(): void {
    for (const instance of this.#instances) this.#draw(instance);
  }

  /** From now on frees are not told. */
  doubt(): void {
    this.ledger.doubt(this.#at);
  }

  /** Forgets what is live; totals and peak belong to the ledger. */
  clear(): void {
    if (this.#instances[0] !== undefined) this.ledger.clear(this.#instances[0], false);
  }

  /** The memory is gone. */
  close(): void {
    if (this.#instances[0] !== undefined) this.ledger.clear(this.#instances[0], true);
    this.#instances.length = 0;
  }

  /** A countdown of the ledger's has ended: whether that makes it somebody's turn to be looked at. */
  #isTurn(instance: LedgerInstance): boolean {
    const isTurn = !this.#cut.has(instance);
    this.#draw(instance);
    return isTurn;
  }

  #draw(instance: LedgerInstance): void {
    const { sampler } = this.#host;
    const skip = sampler.drawSkip();
    if (skip > LONGEST_SKIP) this.#cut.add(instance);
    else this.#cut.delete(instance);
    instance.draw(Math.min(skip, LONGEST_SKIP), sampler.probability === 1 ? 1 : 0);
  }

  #warnOfFull(): void {
    this.#host.warn(
      `otrace: no memory for more live blocks of heap source "wasm" (${this.ledger.memoryBytes} bytes are taken); ` +
        'allocations from here on are not recorded, give the process more memory or leave the source out',
    );
  }
}

const NOT_SAMPLED = 1;
const UNRECORDED = 0;
