/**
 * The heap source `wasm`: every WebAssembly module that the program instantiates after `install()`, each linear
 * memory its own address space. Exact in blocks and bytes; what it can't see, it says.
 *
 *   bytes -> ModulePreparation -> engine -> instance -> LinearHeap <- hooks <- malloc, free, ...
 *                                                          |
 *                            CallSites -> SiteRecords -> Ledger -> snapshot
 *
 * While it is not armed the hooks are in place but silent: a comparison in each allocation.
 */
import { SiteTable } from '../../heap/sites.js';
import type { SourceSnapshot } from '../../heap/snapshot.js';
import type { HeapSource } from '../../heap/source.js';
import type { StreamHost } from '../../heap/stream.js';
import { sitesSnapshot } from '../../heap/stream-snapshot.js';
import type { AllocatorNames } from './allocator-finder.js';
import { CallSites } from './call-sites.js';
import { coverageFacts } from './coverage.js';
import { HOOK_SLOTS } from './hook-table.js';
import { functionNames, insideOf, memoryOf, putRight } from './instance-parts.js';
import type { OpenSourceMap } from './instruction-sources.js';
import { emptySums, Ledger, type LedgerSums } from './ledger.js';
import { LinearHeap } from './linear-heap.js';
import type { ModuleIdentity } from './module-identity.js';
import { callerScript, isNodesOwn } from './module-label.js';
import { ModulePreparation } from './module-preparation.js';
import type { OffsetMap } from './offset-map.js';
import { ADDED_EXPORTS } from './rewrite.js';
import { SharedMemories } from './shared-memories.js';
import { type Records, SharedRecords, SiteRecords } from './site-records.js';
import { waitingGlobalsOf } from './waiting-block.js';
import { WalkBudget } from './walk-budget.js';
import { WasmFrames } from './wasm-frames.js';
import { type Announced, WebAssemblyHooks } from './web-assembly.js';

export interface SharedLedgerMemory {
  readonly memory: WebAssembly.Memory;
  /** True in one thread: that which reports what is in it. */
  readonly isReporter: boolean;
}

export interface WasmSourceOptions {
  /** Which functions allocate and free, for modules where they can't be found: `--wasm-alloc malloc=xa,free=ya`. */
  readonly names?: AllocatorNames;
  /** False to leave the code of modules as it is but for the allocator: `--no-wasm-context`. */
  readonly contexts?: boolean;
  /** False to leave C++ and Rust symbols mangled. */
  readonly demangle?: boolean;
  /** Whether a script (path or URL) is part of otrace: modules are called after the program's own that brings them. */
  readonly isOwnFrame?: (script: string) => boolean;
  /** How a source file's path reads in a report. */
  readonly displayPath?: (file: string) => string;
  /** Opens the source map that a module names; without it none is. */
  readonly openSourceMap?: OpenSourceMap;
  /** Bounds the time that stack walks take. */
  readonly walks?: WalkBudget;
  /** A memory that all threads of the process have, for heaps in shared memories. */
  readonly shared?: SharedLedgerMemory;
  /** Told the bytes of all linear memories, when they change: counter `wasm_memory_bytes`. */
  readonly onMemoryBytes?: (bytes: number) => void;
}

export class WasmSource implements HeapSource {
  readonly name = 'wasm';
  readonly #host: StreamHost;
  readonly #names: AllocatorNames;
  readonly #sites = new SiteTable('wasm');
  readonly #frames: WasmFrames;
  readonly #walks: WalkBudget;
  readonly #openSourceMap: OpenSourceMap;
  readonly #preparation: ModulePreparation;
  readonly #hooks: WebAssemblyHooks;
  readonly #onMemoryBytes: (bytes: number) => void;

  readonly #heaps = new Set<LinearHeap>();
  readonly #heapOfMemory = new WeakMap<WebAssembly.Memory, LinearHeap>();
  readonly #callSites = new Map<string, CallSites>();
  readonly #sharedCallSites = new Map<string, CallSites>();
  /** Instances with hooks; none is kept alive by this. */
  readonly #instances = new Set<WeakRef<WebAssembly.Instance>>();
  /** Memories of modules without hooks. */
  readonly #otherMemories = new Set<WeakRef<WebAssembly.Memory>>();
  readonly #busy = new WebAssembly.Global({ value: 'i32', mutable: true }, 0);
  readonly #shared: SharedLedgerMemory | undefined;
  #own: LedgerParts | undefined;
  #ofAll: (LedgerParts & { readonly memories: SharedMemories }) | undefined;
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
    this.#shared = options.shared;
    this.#frames = new WasmFrames(options.demangle ?? true, options.displayPath);
    this.#walks = options.walks ?? new WalkBudget();
    this.#openSourceMap = options.openSourceMap ?? (() => undefined);
    this.#onMemoryBytes = options.onMemoryBytes ?? (() => {});
    this.#preparation = new ModulePreparation({
      names: this.#names,
      contexts: options.contexts ?? true,
      warn: host.warn,
      leaveAlone: isNodesOwn,
    });
    host.guard.watch((busy) => {
      this.#busy.value = busy ? 1 : 0;
      if (busy) this.#own?.ledger.settle();
    });
    host.sampler.watch(() => {
      for (const heap of this.#heaps) heap.redraw();
    });
    this.#hooks = new WebAssemblyHooks({
      // While otrace works, the modules are its own: those in which allocators are tried.
      prepare: (bytes, url) =>
        host.guard.busy
          ? undefined
          : host.guard.run(() => this.#preparation.prepare(bytes, () => url || callerScript(isOwnFrame))),
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
    for (const heap of this.#heaps) if (!heap.ledger.isShared) heap.clear();
    this.#own?.ledger.forget();
    const all = this.#reported();
    all?.ledger.clearShared();
    all?.ledger.forget();
    Object.assign(this.#gone, { instances: 0, blocks: 0, bytes: 0 });
  }

  liveBytes(): number {
    this.#pollMemories();
    return (this.#own?.ledger.liveBytes ?? 0) + (this.#reported()?.ledger.liveBytes ?? 0);
  }

  selfBytes(): number {
    const ledgers = [this.#own, this.#reported()].map((parts) => parts?.ledger.memoryBytes ?? 0);
    return ledgers.reduce((sum, bytes) => sum + bytes, this.#sites.selfBytes);
  }

  snapshot(): SourceSnapshot {
    this.#pollMemories();
    this.#checkNames();
    const ledgers = [this.#own, this.#reported()].filter((parts) => parts !== undefined);
    for (const { ledger, records } of ledgers) ledger.completeRecords(records);
    const sums = emptySums(this.#sites.count);
    for (const { ledger, records } of ledgers) ledger.addTo(sums, records);
    const heaps = [...this.#heaps].filter((heap) => this.#isReported(heap));
    const shared = this.#reported()?.ledger;
    const sum = (count: 'unmatchedFrees' | 'impliedFrees'): string => {
      const own = heaps.map((heap) => (heap.ledger.isShared ? 0 : heap[count]));
      const others = shared?.sharedHeaps.map((heap) => shared.heapCount(heap, count)) ?? [];
      return String([...own, ...others].reduce((all, each) => all + each, 0));
    };
    return {
      ...sitesSnapshot(this.#sites, sums),
      facts: {
        unmatched_frees: sum('unmatchedFrees'),
        implied_frees: sum('impliedFrees'),
        memory_bytes: String(this.#memoryBytes),
        ...this.#assumedCallers(sums),
        ...this.#unwalked(),
        ...coverageFacts(heaps, this.#gone, this.#preparation.untraced),
      },
    };
  }

  /** How much of the JavaScript in the sites is not captured but concluded: see `entry-gate.ts`. */
  #assumedCallers({ doubtfulBytes }: LedgerSums): Record<string, string> {
    let calls = 0;
    for (const callSites of this.#callSites.values()) calls += callSites.assumedCalls;
    if (calls === 0) return {};
    const bytes = Math.ceil(doubtfulBytes.reduce((sum, each) => sum + each, 0));
    return {
      assumed_callers: `~${calls} calls from JavaScript were taken to come from where the ones before had come from; up to ~${bytes} live bytes may be of others`,
    };
  }

  #unwalked(): Record<string, string> {
    const { refusals } = this.#walks;
    if (refusals === 0) return {};
    return {
      unwalked: `${refusals} times there was no time left for a stack walk; blocks and bytes are exact all the same`,
    };
  }

  #tell(armed: boolean): void {
    this.#armed = armed;
    if (!armed) for (const heap of this.#heaps) heap.doubt();
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
    const reference = new WeakRef(instance);
    const callSites = this.#callSitesOf(heap.ledger, identity, module, offsets);
    const functions = heap.hookFunctions(
      identity,
      callSites,
      waitingGlobalsOf(realExports),
      this.#settlerOf(reference),
    );
    const table = realExports[ADDED_EXPORTS.hooks] as WebAssembly.Table;
    HOOK_SLOTS.forEach((slot, i) => {
      table.set(i, functions[slot]);
    });
    this.#instances.add(reference);
    insideOf(realExports).value = this.#armed ? 0 : -1;
  }

  /** Apart, so that what it is made from is all that it keeps. */
  #settlerOf(reference: WeakRef<WebAssembly.Instance>): () => void {
    return () => {
      const instance = reference.deref();
      if (instance !== undefined) putRight(this.#hooks.realExports(instance));
    };
  }

  #heapFor(
    memory: WebAssembly.Memory | undefined,
    instance: WebAssembly.Instance,
    identity: ModuleIdentity,
  ): LinearHeap {
    const known = memory === undefined ? undefined : this.#heapOfMemory.get(memory);
    if (known !== undefined) return known;
    const { ledger, at } = this.#placeFor(memory, identity);
    const heap = new LinearHeap(this.#host, ledger, identity, memory, at);
    this.#heaps.add(heap);
    if (memory !== undefined) this.#heapOfMemory.set(memory, heap);
    this.#collected.register(memory ?? instance, heap);
    return heap;
  }

  /** The memory is gone, and with it every block in it: nobody can free them any more, and nobody has to. */
  #collect(heap: LinearHeap): void {
    if (!this.#heaps.delete(heap) || heap.ledger.isShared) return; // other threads may still have a shared one
    this.#gone.instances++;
    this.#gone.blocks += heap.liveBlocks;
    this.#gone.bytes += heap.liveBytes;
    heap.close();
  }

  #callSitesOf(
    ledger: Ledger,
    identity: ModuleIdentity,
    module: WebAssembly.Module,
    offsets: OffsetMap | undefined,
  ): CallSites {
    const key = `${identity.hash} ${identity.label}`;
    const callSitesOf = ledger.isShared ? this.#sharedCallSites : this.#callSites;
    let callSites = callSitesOf.get(key);
    if (callSites === undefined) {
      callSites = new CallSites(
        this.#host,
        ledger.isShared ? this.#ofAll!.records : this.#own!.records,
        ledger,
        this.#frames,
        functionNames(identity, module, offsets, this.#openSourceMap),
        key,
        this.#walks,
      );
      callSitesOf.set(key, callSites);
    } else {
      callSites.addModule(module);
    }
    return callSites;
  }

  /** Where the blocks of a memory are kept: with those of all threads if it is shared, else in a heap of its own. */
  #placeFor(
    memory: WebAssembly.Memory | undefined,
    identity: ModuleIdentity,
  ): { ledger: Ledger; at?: number | undefined } {
    if (this.#shared !== undefined && memory !== undefined && isShared(memory)) {
      const { ledger, memories } = this.#openShared(this.#shared);
      const at = memories.heapOf(memory, identity.wideAddresses);
      if (at !== undefined) return { ledger, at };
    }
    if (this.#own === undefined) {
      const ledger = new Ledger(this.#hooks, this.#busy);
      this.#own = { ledger, records: new SiteRecords(this.#sites) };
    }
    return { ledger: this.#own.ledger };
  }

  #openShared({ memory }: SharedLedgerMemory): LedgerParts & { readonly memories: SharedMemories } {
    if (this.#ofAll === undefined) {
      const ledger = new Ledger(this.#hooks, this.#busy, memory);
      const records = new SharedRecords(ledger, this.#sites);
      this.#ofAll = { ledger, records, memories: new SharedMemories(ledger) };
    }
    return this.#ofAll;
  }

  /** The ledger of all threads, if this thread reports it and there is something in it. */
  #reported(): LedgerParts | undefined {
    const shared = this.#shared;
    if (shared?.isReporter !== true) return undefined;
    return Ledger.isOpen(shared.memory) ? this.#openShared(shared) : undefined;
  }

  #isReported(heap: LinearHeap): boolean {
    return !heap.ledger.isShared || this.#shared?.isReporter === true;
  }

  #pollMemories(): void {
    let bytes = 0;
    for (const heap of this.#heaps) {
      if (!this.#isReported(heap)) continue;
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

interface LedgerParts {
  readonly ledger: Ledger;
  readonly records: Records;
}

function isShared(memory: WebAssembly.Memory): boolean {
  return typeof SharedArrayBuffer === 'function' && memory.buffer instanceof SharedArrayBuffer;
}
