/**
 * From a module's bytes to bytes whose allocations can be seen, once for the same bytes: what was rewritten
 * lately, and what there was no point in rewriting, is remembered.
 *
 * Memory: rewritten modules of at most `MOST_CACHED_BYTES` together; the original bytes are not kept.
 */

import { KIND, SECTION } from '../../wat/binary-codes.js';
import type { AllocationHook } from './allocation-hook.js';
import { type AllocatorNames, type FoundAllocator, findAllocator } from './allocator-finder.js';
import { contentHash } from './content-hash.js';
import { ModuleGraph } from './module-graph.js';
import { type ModuleIdentity, withIdentity } from './module-identity.js';
import { labelOf, ownLabel } from './module-label.js';
import { parseModule, type WasmModule } from './module-sections.js';
import type { OffsetMap } from './offset-map.js';
import { withOffsets } from './offset-section.js';
import { withoutPassingFrees } from './passing-frees.js';
import { type RewrittenModule, rewriteModule } from './rewrite.js';

/** Below this there is no room for an allocator: the modules of some 40 bytes that glue code makes. */
const LEAST_BYTES = 300;
const MOST_CACHED_BYTES = 128 * 1024 * 1024;
const MOST_CACHED_REFUSALS = 1000;

export interface PreparedModule {
  readonly identity: ModuleIdentity;
  readonly offsets: OffsetMap;
  /** May be instantiated by anybody, anywhere: without hooks attached it behaves as the original. */
  readonly bytes: Uint8Array;
  /**
   * Where the start function allocates: the same module, its start function waiting in the added export until the
   * hooks are attached. Never to be given out.
   */
  readonly withMovedStart: { readonly bytes: Uint8Array; readonly offsets: OffsetMap } | undefined;
}

export interface PreparationOptions {
  readonly names: AllocatorNames;
  /** Whether calling contexts are to be told where the module allows it. */
  readonly contexts: boolean;
  /** Told, for a person, what can't be done with a module. */
  readonly warn: (message: string) => void;
  /** Modules that are to be left alone without a word. */
  readonly leaveAlone: (module: WasmModule) => boolean;
}

export class ModulePreparation {
  readonly #options: PreparationOptions;
  /** In the order of their last use. */
  readonly #prepared = new Map<string, PreparedModule>();
  #cachedBytes = 0;
  readonly #refused = new Set<string>();
  /** Why modules with a memory are not traced, by label. */
  readonly untraced = new Map<string, string>();
  /** False as long as names given by the user fitted no module. */
  namesFitted = false;

  constructor(options: PreparationOptions) {
    this.#options = options;
  }

  /**
   * @param origin gives path or URL of the module or of the script that brings it
   * @returns undefined for bytes that are to go to the engine as they are. Never throws.
   */
  prepare(bytes: Uint8Array, origin: () => string): PreparedModule | undefined {
    if (bytes.length < LEAST_BYTES) return undefined;
    const hash = contentHash(bytes);
    if (this.#refused.has(hash)) return undefined;
    const known = this.#prepared.get(hash);
    if (known !== undefined) {
      this.#prepared.delete(hash);
      this.#prepared.set(hash, known);
      return known;
    }
    const prepared = this.#prepareNew(bytes, hash, origin);
    if (prepared === undefined) {
      if (this.#refused.size < MOST_CACHED_REFUSALS) this.#refused.add(hash);
    } else {
      this.#remember(hash, prepared);
    }
    return prepared;
  }

  #prepareNew(bytes: Uint8Array, hash: string, origin: () => string): PreparedModule | undefined {
    const { warn } = this.#options;
    let module: WasmModule;
    try {
      module = parseModule(bytes);
      if (module.memories.length === 0 || module.definedTypes.length === 0) return undefined;
      if (usesAnothersHeap(module) || this.#options.leaveAlone(module)) return undefined;
    } catch {
      return undefined; // malformed, or something new: the engine has the word
    }
    const from = origin();
    const name = ownLabel(module) ?? labelOf(from);
    try {
      const found = this.#find(module);
      if (found.hooks.length === 0) {
        this.untraced.set(name, found.how);
        warn(
          `otrace: no allocator to hook in WebAssembly module ${name}: ${found.how}; ` +
            'its memory growth is still counted, name its functions with --wasm-alloc malloc=...,free=... to trace it',
        );
        return undefined;
      }
      return this.#rewrite(module, { hash, label: name, origin: from }, found);
    } catch (error) {
      const reason = error instanceof Error ? error.message : String(error);
      this.untraced.set(name, reason);
      warn(`otrace: WebAssembly module ${name} is not traced: ${reason}; it runs as it is`);
      return undefined;
    }
  }

  #find(module: WasmModule): FoundAllocator {
    const { names } = this.#options;
    if (Object.keys(names).length > 0) {
      try {
        const found = findAllocator(module, names);
        this.namesFitted = true;
        return found;
      } catch {
        // They name functions of another module.
      }
    }
    return findAllocator(module);
  }

  #rewrite(
    module: WasmModule,
    known: Pick<ModuleIdentity, 'hash' | 'label' | 'origin'>,
    { hooks: found, how, complete }: FoundAllocator,
  ): PreparedModule {
    const { label } = known;
    const hooks = withoutPassingFrees(module, found);
    const rewritten = this.#rewriteWith(module, label, hooks, 'kept');
    const identity: ModuleIdentity = {
      ...known,
      how,
      complete,
      wideAddresses: rewritten.wideAddresses,
      contexts: rewritten.contexts,
      firstAdded: module.count(KIND.function),
      movedFrom: rewritten.movedFrom,
      exportNames: module.exports
        .filter(({ kind, name }) => kind === KIND.function && name.length > 3)
        .map(({ index, name }) => [index, name]),
      codeStart: module.section(SECTION.code)!.start,
      firstBody: module.code.bodyStarts[0]!,
    };
    const moved = startMayAllocate(module, hooks)
      ? this.#rewriteWith(module, label, hooks, 'moved')
      : undefined;
    const bytes = withIdentity(rewritten.bytes, identity);
    return {
      identity,
      bytes: isForThreads(module) ? withOffsets(bytes, rewritten.offsets) : bytes,
      offsets: rewritten.offsets,
      withMovedStart: moved && { bytes: withIdentity(moved.bytes, identity), offsets: moved.offsets },
    };
  }

  #rewriteWith(
    module: WasmModule,
    label: string,
    hooks: readonly AllocationHook[],
    start: 'kept' | 'moved',
  ): RewrittenModule {
    const { contexts, warn } = this.#options;
    if (contexts) {
      try {
        return rewriteModule(module, { hooks, start, contexts: true });
      } catch (error) {
        const reason = error instanceof Error ? error.message : String(error);
        warn(
          `otrace: the calling contexts of WebAssembly module ${label} can't be followed (${reason}); ` +
            'its stacks are captured at the sampling rate instead',
        );
      }
    }
    return rewriteModule(module, { hooks, start, contexts: false });
  }

  #remember(hash: string, prepared: PreparedModule): void {
    this.#prepared.set(hash, prepared);
    this.#cachedBytes += bytesOf(prepared);
    for (const [oldest, old] of this.#prepared) {
      if (this.#cachedBytes <= MOST_CACHED_BYTES || old === prepared) return;
      this.#prepared.delete(oldest);
      this.#cachedBytes -= bytesOf(old);
    }
  }
}

/** A side module of a dynamically linked program: its blocks are those of the main module's allocator. */
function usesAnothersHeap(module: WasmModule): boolean {
  const isLinked =
    module.customSection('dylink.0') !== undefined || module.customSection('dylink') !== undefined;
  const importsMemory = module.imports.some((entry) => entry.kind === KIND.memory);
  return isLinked && importsMemory && !module.exports.some(({ name }) => /^_?malloc$/.test(name));
}

/** Modules with a shared memory are sent to other threads; those with debug information may be, and are large anyway. */
function isForThreads(module: WasmModule): boolean {
  return (
    module.memories.some((memory) => memory.shared) ||
    ['.debug_line', 'sourceMappingURL'].some((name) => module.customSection(name) !== undefined)
  );
}

function bytesOf(prepared: PreparedModule): number {
  return prepared.bytes.length + (prepared.withMovedStart?.bytes.length ?? 0);
}

/** Whether the start function leads to a hooked one; an indirect call may lead anywhere. */
function startMayAllocate(module: WasmModule, hooks: readonly AllocationHook[]): boolean {
  const start = module.startFunction;
  if (start === undefined || start < module.importedFunctions.length) return false;
  try {
    const reached = new ModuleGraph(module, module.codeScan).closure(start, Number.POSITIVE_INFINITY);
    return hooks.some((hook) => reached.has(hook.functionIndex));
  } catch {
    return false;
  }
}
