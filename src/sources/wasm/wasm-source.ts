/**
 * The heap source `wasm`: every WebAssembly module that the program instantiates after `install()`, each linear
 * memory its own address space. Exact in blocks and bytes; what it can't see, it says.
 *
 *   bytes -> ModulePreparation -> engine -> instance -> LinearHeap <- hooks <- malloc, free, ...
 *                                                          |
 *                                             CallSites -> SiteTable -> snapshot
 *
 * While it is not armed the hooks are in place but silent: a comparison in each allocation.
 */
import { SiteTable } from '../../heap/sites.js';
import type { SourceSnapshot } from '../../heap/snapshot.js';
import type { HeapSource } from '../../heap/source.js';
import type { StreamHost } from '../../heap/stream.js';
import { snapshotStreams } from '../../heap/stream-snapshot.js';
import type { AllocatorNames } from './allocator-finder.js';
import { CallSites } from './call-sites.js';
import { coverageFacts } from './coverage.js';
import { hookFunctionsModule } from './hook-functions.js';
import { HOOK_SLOTS } from './hook-table.js';
import { functionNames, insideOf, memoryOf } from './instance-parts.js';
import { LinearHeap } from './linear-heap.js';
import type { ModuleIdentity } from './module-identity.js';
import { callerLabel, isNodesOwn, labelOfUrl } from './module-label.js';
import { ModulePreparation } from './module-preparation.js';
import type { OffsetMap } from './offset-map.js';
import { ADDED_EXPORTS } from './rewrite.js';
import { WasmFrames } from './wasm-frames.js';
import { type Announced, WebAssemblyHooks } from './web-assembly.js';

export interface WasmSourceOptions {
  /** Which functions allocate and free, for modules where they can't be found: `--wasm-alloc malloc=xa,free=ya`. */
  readonly names?: AllocatorNames;
  /** False to leave the code of modules as it is but for the allocator: `--no-wasm-context`. */
  readonly contexts?: boolean;
  /** False to leave C++ and Rust symbols mangled. */
  readonly demangle?: boolean;
  /** Whether a script (path or URL) is part of otrace: modules are called after the program's own that brings them. */
  readonly isOwnFrame?: (script: string) => boolean;
  /** Told the bytes of all linear memories, when they change: counter `wasm_memory_bytes`. */
  readonly onMemoryBytes?: (bytes: number) => void;
}

export class WasmSource implements HeapSource {
  readonly name = 'wasm';
  readonly #host: StreamHost;
  readonly #names: AllocatorNames;
  readonly #sites = new SiteTable('wasm');
  readonly #frames: WasmFrames;
  readonly #preparation: ModulePreparation;
  readonly #hooks: WebAssemblyHooks;
  readonly #onMemoryBytes: (bytes: number) => void;

  readonly #heaps = new Set<LinearHeap>();
  readonly #heapOfMemory = new WeakMap<WebAssembly.Memory, LinearHeap>();
  readonly #callSites = new Map<string, CallSites>();
  /** Instances with hooks; none is kept alive by this. */
  readonly #instances = new Set<WeakRef<WebAssembly.Instance>>();
  /** Memories of modules without hooks. */
  readonly #otherMemories = new Set<WeakRef<WebAssembly.Memory>>();
  readonly #helpers = new Map<string, WebAssembly.Module>();
  readonly #collected = new FinalizationRegistry<LinearHeap>((heap) => this.#collect(heap));
  readonly #gone = { instances: 0, blocks: 0, bytes: 0 };
  #armed = false;
  #installed = false;
  #memoryBytes = 0;
  #warnedOfNames = false;
  readonly #warnedOfGrowth = new WeakSet<LinearHeap>();

  constructor(host: StreamHost, options: WasmSourceOptions = {}) {
    const isOwnFrame = options.isOwnFrame ?? (() => false);
    this.#host = host;
    this.#names = options.names ?? {};
    this.#frames = new WasmFrames(options.demangle ?? true);
    this.#onMemoryBytes = options.onMemoryBytes ?? (() => {});
    this.#preparation = new ModulePreparation({
      names: this.#names,
      contexts: options.contexts ?? true,
      warn: host.warn,
      leaveAlone: isNodesOwn,
    });
    this.#hooks = new WebAssemblyHooks({
      // While otrace works, the modules are its own: those in which allocators are tried.
      prepare: (bytes, url) =>
        host.guard.busy
          ? undefined
          : host.guard.run(() =>
              this.#preparation.prepare(bytes, () => labelOfUrl(url) ?? callerLabel(isOwnFrame)),
            ),
      instantiated: (announced) => {
        if (host.guard.busy) return;
        try {
          this.#instantiated(announced);
        } catch (error) {
          const reason = error instanceof Error ? error.message : String(error);
          host.warn(
            `otrace: a WebAssembly instance could not be hooked (${reason}); its allocations are not counted, please report this`,
          );
        }
      },
    });
  }

  /** Hooks `WebAssembly`. Modules instantiated before are not seen. Does nothing when called again. */
  install(): void {
    if (this.#installed) return;
    this.#installed = true;
    this.#hooks.install();
  }

  arm(): void {
    this.install();
    this.#tell(true);
  }

  disarm(): void {
    this.#tell(false);
  }

  reset(): void {
    for (const heap of this.#heaps) {
      heap.stream.reset();
      heap.peakBytes = 0;
    }
    this.#sites.resetTotals();
    Object.assign(this.#gone, { instances: 0, blocks: 0, bytes: 0 });
  }

  liveBytes(): number {
    this.#pollMemories();
    let bytes = 0;
    for (const heap of this.#heaps) bytes += heap.stream.liveBytes;
    return bytes;
  }

  selfBytes(): number {
    let bytes = this.#sites.selfBytes;
    for (const heap of this.#heaps) bytes += heap.stream.tableBytes;
    return bytes;
  }

  snapshot(): SourceSnapshot {
    this.#pollMemories();
    this.#checkNames();
    const streams = [...this.#heaps].map((heap) => heap.stream);
    return snapshotStreams(this.#sites, streams, {
      memory_bytes: String(this.#memoryBytes),
      ...coverageFacts(this.#heaps, this.#gone, this.#preparation.untraced),
    });
  }

  #tell(armed: boolean): void {
    this.#armed = armed;
    for (const reference of this.#instances) {
      const instance = reference.deref();
      if (instance === undefined) this.#instances.delete(reference);
      else insideOf(this.#hooks.realExports(instance)).value = armed ? 0 : -1;
    }
  }

  #instantiated({ instance, realExports, module, imports, identity, offsets }: Announced): void {
    const memory = memoryOf(module, realExports, imports);
    if (identity === undefined) {
      if (memory !== undefined && !this.#heapOfMemory.has(memory)) {
        this.#otherMemories.add(new WeakRef(memory));
      }
      return;
    }
    const heap = this.#heapFor(memory, instance, identity);
    const functions = heap.hookFunctions(identity, this.#callSitesOf(identity, module, offsets));
    const helper = this.#hooks.plainInstance(this.#helperOf(identity), { otrace: functions });
    const exported = this.#hooks.realExports(helper);
    const table = realExports[ADDED_EXPORTS.hooks] as WebAssembly.Table;
    HOOK_SLOTS.forEach((slot, i) => {
      table.set(i, exported[slot]);
    });
    this.#instances.add(new WeakRef(instance));
    insideOf(realExports).value = this.#armed ? 0 : -1;
  }

  #heapFor(
    memory: WebAssembly.Memory | undefined,
    instance: WebAssembly.Instance,
    identity: ModuleIdentity,
  ): LinearHeap {
    const known = memory === undefined ? undefined : this.#heapOfMemory.get(memory);
    if (known !== undefined) return known;
    const heap = new LinearHeap(this.#host, this.#sites, identity, memory);
    this.#heaps.add(heap);
    if (memory !== undefined) this.#heapOfMemory.set(memory, heap);
    this.#collected.register(memory ?? instance, heap);
    return heap;
  }

  /** The memory is gone, and with it every block in it: nobody can free them any more, and nobody has to. */
  #collect(heap: LinearHeap): void {
    if (!this.#heaps.delete(heap)) return;
    this.#gone.instances++;
    this.#gone.blocks += heap.stream.liveBlocks;
    this.#gone.bytes += heap.stream.liveBytes;
    heap.stream.reset();
  }

  #callSitesOf(
    identity: ModuleIdentity,
    module: WebAssembly.Module,
    offsets: OffsetMap | undefined,
  ): CallSites {
    const key = JSON.stringify([identity.label, identity.firstAdded, identity.movedFrom, identity.contexts]);
    let callSites = this.#callSites.get(key);
    if (callSites === undefined) {
      callSites = new CallSites(
        this.#host,
        this.#sites,
        this.#frames,
        functionNames(identity, module, offsets),
      );
      this.#callSites.set(key, callSites);
    }
    return callSites;
  }

  #helperOf(identity: ModuleIdentity): WebAssembly.Module {
    const key = `${identity.wideAddresses} ${identity.contexts}`;
    let helper = this.#helpers.get(key);
    if (helper === undefined) {
      helper = this.#hooks.plainModule(hookFunctionsModule(identity));
      this.#helpers.set(key, helper);
    }
    return helper;
  }

  #pollMemories(): void {
    let bytes = 0;
    for (const heap of this.#heaps) {
      bytes += heap.memoryBytes;
      this.#checkGrowth(heap);
    }
    for (const reference of this.#otherMemories) {
      const memory = reference.deref();
      if (memory === undefined) this.#otherMemories.delete(reference);
      else bytes += memory.buffer.byteLength;
    }
    if (bytes === this.#memoryBytes) return;
    this.#memoryBytes = bytes;
    this.#onMemoryBytes(bytes);
  }

  /** Names of the user's that fit no module are most likely misspelt; that is known only late. */
  #checkNames(): void {
    const given = Object.entries(this.#names).map(([role, name]) => `${role}=${name}`);
    if (given.length === 0 || this.#preparation.namesFitted || this.#warnedOfNames) return;
    this.#warnedOfNames = true;
    this.#host.warn(
      `otrace: no WebAssembly module has the functions of --wasm-alloc ${given.join(',')}; ` +
        'give exported names, names of the name section, or #index, each of a function with a fitting signature',
    );
  }

  #checkGrowth(heap: LinearHeap): void {
    const unexplained = heap.unexplainedGrowthBytes;
    if (unexplained === 0 || !this.#armed || this.#warnedOfGrowth.has(heap)) return;
    this.#warnedOfGrowth.add(heap);
    this.#host.warn(
      `otrace: the memory of ${heap.identity.label} grew by ${unexplained} bytes more than the hooked allocations explain; ` +
        'it may have another allocator, name its functions with --wasm-alloc',
    );
  }
}
