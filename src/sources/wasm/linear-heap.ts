/**
 * The heap in one linear memory: the blocks live in it and the hooks that tell of them. Addresses are 32-bit keys;
 * 64-bit ones are counted in units of 8 bytes, to which every allocator aligns, so that 32 GiB have distinct keys.
 *
 * It holds the memory weakly: who traces must not be who leaks.
 */

import type { SiteTable } from '../../heap/sites.js';
import type { StreamHost } from '../../heap/stream.js';
import { AllocationStream } from '../../heap/stream.js';
import type { CallSites } from './call-sites.js';
import type { ModuleIdentity } from './module-identity.js';

const WIDE_UNIT_BYTES = 8;
/** Allocators take memory ahead of need, Emscripten's a fifth more than there is. */
const LEAST_UNEXPLAINED_BYTES = 4 * 1024 * 1024;

/** The functions of the hook table; see `hook-table.ts`. */
export interface HookFunctions extends Record<string, (...values: number[]) => number | undefined> {}

export class LinearHeap {
  readonly stream: AllocationStream;
  /** Of the first module with an allocator that was instantiated on this memory. */
  readonly identity: ModuleIdentity;
  /** Size of the memory when the hooks came. */
  readonly bytesAtFirst: number;
  /** Most bytes that were live at once. */
  peakBytes = 0;
  readonly #memory: WeakRef<WebAssembly.Memory> | undefined;
  readonly #host: StreamHost;

  /** @param memory undefined for one that the module keeps to itself */
  constructor(
    host: StreamHost,
    sites: SiteTable,
    identity: ModuleIdentity,
    memory: WebAssembly.Memory | undefined,
  ) {
    this.#host = host;
    this.stream = new AllocationStream(host, sites);
    this.identity = identity;
    this.#memory = memory === undefined ? undefined : new WeakRef(memory);
    this.bytesAtFirst = this.memoryBytes;
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

  /** Hooks for one instance on this memory. */
  hookFunctions(identity: ModuleIdentity, callSites: CallSites): HookFunctions {
    const { contexts, wideAddresses } = identity;
    const { guard } = this.#host;
    const { stream } = this;
    const keyOf = (address: number): number =>
      wideAddresses ? (address / WIDE_UNIT_BYTES) >>> 0 : address >>> 0;
    const bytesOf = (size: number): number => (wideAddresses ? size : size >>> 0);
    const put = (key: number, bytes: number, site: number): void => {
      stream.put(key, bytes, site);
      if (stream.liveBytes > this.peakBytes) this.peakBytes = stream.liveBytes;
    };
    const freed = (address: number): undefined => {
      stream.free(keyOf(address));
    };
    if (!contexts) {
      const allocated = (address: number, size: number): undefined => {
        if (guard.busy) return;
        put(keyOf(address), bytesOf(size), callSites.sampledSite(allocated));
      };
      const reallocated = (from: number, size: number, address: number): undefined => {
        if (address === 0 && bytesOf(size) !== 0) return; // failed: the block stays as it was
        if (from !== 0) stream.free(keyOf(from));
        if (address === 0 || guard.busy) return;
        put(keyOf(address), bytesOf(size), callSites.sampledSite(reallocated));
      };
      return { allocated, freed, reallocated };
    }
    const allocated = (address: number, size: number, low: number, high: number, entry: number): number => {
      if (guard.busy) return entry;
      const entered = callSites.entryOf(entry, allocated);
      put(keyOf(address), bytesOf(size), callSites.siteOf(low, high, entered, allocated));
      return entered;
    };
    const reallocated = (
      from: number,
      size: number,
      address: number,
      low: number,
      high: number,
      entry: number,
    ): number => {
      if (address === 0 && bytesOf(size) !== 0) return entry;
      if (from !== 0) stream.free(keyOf(from));
      if (address === 0 || guard.busy) return entry;
      const entered = callSites.entryOf(entry, reallocated);
      put(keyOf(address), bytesOf(size), callSites.siteOf(low, high, entered, reallocated));
      return entered;
    };
    return { allocated, freed, reallocated };
  }
}
