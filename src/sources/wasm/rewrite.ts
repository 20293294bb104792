/**
 * Rewrites a module so that its allocation functions tell JavaScript what they do, and, if asked, from which
 * calling context. Bytes in, bytes out: nothing here touches the engine.
 *
 * Every index that the module uses stays: the body of a hooked function moves to an added function, and the
 * place it leaves gets the wrapper (`hook-wrapper.ts`), so that every call of it, by whatever way, is seen.
 * Custom sections stay byte for byte; `OffsetMap` leads from the new code back to what they speak of.
 */

import { I32, I64, KIND, SECTION } from '../../wat/binary-codes.js';
import { ByteWriter } from '../../wat/byte-writer.js';
import { type AddedEntries, AddedParts } from './added-parts.js';
import { type AllocationHook, checkHooks } from './allocation-hook.js';
import { closeOverTailCalls, findRelevantFunctions } from './call-graph.js';
import { type CodePlan, writeCodeSection } from './code-section.js';
import { ContextWriter } from './contexts.js';
import { EditLog } from './edit-log.js';
import { HOOK_SLOTS, hookSignatures } from './hook-table.js';
import type { HookParts } from './hook-wrapper.js';
import { findLoneFrees } from './lone-frees.js';
import type { WasmModule } from './module-sections.js';
import { OffsetMap, type OffsetTables } from './offset-map.js';
import { findReachableFunctions } from './reachable-functions.js';
import { appending, assembleSections, type SectionWriter } from './section-assembly.js';
import type { Unwinding } from './unwinding.js';
import { addWaitingGlobals, WAITING_EXPORTS } from './waiting-block.js';

/**
 * Names of the added exports, to be hidden from the program. The zero byte keeps them from meeting a name that
 * a linker or a person would give.
 */
export const ADDED_EXPORTS = {
  /** Table of functions, one for each of `HOOK_SLOTS`; to be filled before `inside` becomes 0. */
  hooks: '\0otrace:hooks',
  /** Mutable i32: -1 (as instantiated) tells nothing; set it to 0 to begin, and after a trap. */
  inside: '\0otrace:inside',
  /** Mutable i64, with contexts: 1 while no code of the module is on the stack. */
  context: '\0otrace:context',
  /** Mutable i32, with contexts: see `boundary.ts`. */
  entry: '\0otrace:entry',
  /** The module's first memory, if it has one that it does not export itself. */
  memory: '\0otrace:memory',
  /** The start function, to be called once after the hooks are attached; only there when it was moved. */
  start: '\0otrace:start',
  ...WAITING_EXPORTS,
} as const;

export interface RewriteOptions {
  readonly hooks: readonly AllocationHook[];
  /** True to have every allocation's calling context told. Needs every instruction to be known. */
  readonly contexts: boolean;
  /**
   * `moved`: the module's start function runs when the caller calls the added export, so that its allocations
   * are seen. `kept`: it runs at instantiation, unseen, as it must where the module may be instantiated by
   * somebody who does not know of the export (sent to a worker).
   */
  readonly start: 'moved' | 'kept';
  /**
   * Imported functions, by index, that do nothing but call the module back, so that the call that they make is
   * none from outside. Left out: those that are named as Emscripten names them, `invoke_vi` and so on.
   */
  readonly transparentImports?: ReadonlySet<number>;
}

export interface RewrittenModule {
  readonly bytes: Uint8Array;
  readonly offsets: OffsetMap;
  /** True when addresses and sizes are told as i64, because the module has 64-bit ones; otherwise as i32. */
  readonly wideAddresses: boolean;
  readonly contexts: boolean;
  /** Original index of each added function, in order. */
  readonly movedFrom: readonly number[];
  /** True when the start function waits in the added export. */
  readonly startMoved: boolean;
}

/**
 * @throws OtraceError OTRACE_WASM when a hook does not fit its function or, with contexts, when the code has an
 *   instruction that is not known: without contexts the module can then still be rewritten
 * @example
 * const module = parseModule(bytes);
 * const malloc = module.exports.find((entry) => entry.name === 'malloc')!.index;
 * const hooks = [{ functionIndex: malloc, shape: SHAPES.malloc }];
 * rewriteModule(module, { hooks, contexts: true, start: 'moved' }).bytes;
 */
export function rewriteModule(module: WasmModule, options: RewriteOptions): RewrittenModule {
  const hooks = [...options.hooks].sort((a, b) => a.functionIndex - b.functionIndex);
  const wide = checkHooks(module, hooks);
  const added = new AddedParts(module);
  const parts = addHookParts(added, wide, options.contexts);
  const stays = findLoneFrees(module, hooks);
  const moved = hooks.map(({ functionIndex }, i) =>
    stays[i] ? undefined : added.declareFunction(module.functionTypeIndex(functionIndex)),
  );
  // The type section is written before the code whose blocks have these types; so in `planContexts`.
  for (const { functionIndex } of hooks) added.blockType(module.functionType(functionIndex));
  const startMoved = options.start === 'moved' && hasPlainStart(module);
  if (startMoved) added.export(ADDED_EXPORTS.start, KIND.function, module.startFunction!);
  const exportsMemory = module.exports.some(({ kind }) => kind === KIND.memory);
  if (module.memories.length > 0 && !exportsMemory) added.export(ADDED_EXPORTS.memory, KIND.memory, 0);

  const plan = options.contexts
    ? planContexts(module, added, hooks, parts, options.transparentImports ?? findInvokers(module))
    : planPlain(module);

  const room = options.contexts ? module.bytes.length * 1.3 : module.bytes.length;
  const out = new ByteWriter(Math.ceil(room) + 4096 + hooks.length * 512);
  const changes = new Map<number, SectionWriter>();
  const append = (id: number, count: number, entries: AddedEntries): void => {
    if (entries.count > 0) changes.set(id, appending(module, out, id, count, entries));
  };
  append(SECTION.type, module.typeSection.entryCount, added.types);
  append(SECTION.function, module.definedTypes.length, added.functions);
  append(SECTION.table, definedCount(module, KIND.table), added.tables);
  append(SECTION.global, definedCount(module, KIND.global), added.globals);
  append(SECTION.export, module.exports.length, added.exports);
  if (startMoved) changes.set(SECTION.start, () => {});
  let offsets: OffsetTables | undefined;
  changes.set(SECTION.code, () => {
    offsets = writeCodeSection(module, added, { hooks, moved, parts, ...plan }, out);
  });
  assembleSections(module, out, changes);
  return {
    bytes: out.written(),
    offsets: new OffsetMap(offsets!),
    wideAddresses: wide,
    contexts: options.contexts,
    movedFrom: offsets!.movedFrom,
    startMoved,
  };
}

function addHookParts(added: AddedParts, wide: boolean, contexts: boolean): HookParts {
  const addressType = wide ? I64 : I32;
  const table = added.table(HOOK_SLOTS.length);
  added.export(ADDED_EXPORTS.hooks, KIND.table, table);
  const inside = added.global(I32, -1);
  added.export(ADDED_EXPORTS.inside, KIND.global, inside);
  const freeing = added.global(addressType, 0);
  const types = hookSignatures(wide, contexts).map(({ params, results }) =>
    added.functionType(params, results, results.length),
  );
  const waiting = addWaitingGlobals(added, addressType);
  const common = { table, inside, freeing, types, addressType, waiting };
  if (!contexts) return { ...common, contexts: undefined };
  const context = added.global(I64, 1);
  added.export(ADDED_EXPORTS.context, KIND.global, context);
  const entry = added.global(I32, 0);
  added.export(ADDED_EXPORTS.entry, KIND.global, entry);
  return { ...common, contexts: { context, entry } };
}

type Plan = Pick<CodePlan, 'unwinding' | 'boundary' | 'contexts' | 'edits'>;

function planContexts(
  module: WasmModule,
  added: AddedParts,
  hooks: readonly AllocationHook[],
  parts: HookParts,
  transparent: ReadonlySet<number>,
): Plan {
  const scan = module.codeScan;
  const hooked = hooks.map((hook) => hook.functionIndex);
  const relevant = findRelevantFunctions(module, scan, hooked);
  const { fromOutside, byReference } = findReachableFunctions(module);
  closeOverTailCalls(module, scan, fromOutside, byReference);
  for (const f of fromOutside) if (f < relevant.length) added.blockType(module.functionType(f));
  const unwinding = scan.exceptionForm ?? 'legacy';
  const plan = {
    globals: parts.contexts!,
    relevant,
    boundary: fromOutside,
    byReference,
    transparent,
    unwinding,
  };
  const edits = new EditLog();
  return {
    unwinding,
    boundary: fromOutside,
    contexts: new ContextWriter(module, scan, plan, added, edits),
    edits,
  };
}

function planPlain(module: WasmModule): Plan {
  return { unwinding: findUnwinding(module), boundary: new Set(), contexts: undefined, edits: new EditLog() };
}

/** The form of exceptions that a module can take; only one that declares any is searched for it. */
function findUnwinding(module: WasmModule): Unwinding {
  if (module.count(KIND.tag) === 0) return 'legacy';
  try {
    return module.codeScan.exceptionForm ?? 'legacy';
  } catch {
    return 'none';
  }
}

function findInvokers(module: WasmModule): ReadonlySet<number> {
  const invokers = new Set<number>();
  module.importedFunctions.forEach(({ name }, index) => {
    if (/^invoke_[vijfdpe]+$/.test(name)) invokers.add(index);
  });
  return invokers;
}

/** A start function with parameters or results is for the engine to refuse. */
function hasPlainStart(module: WasmModule): boolean {
  if (module.startFunction === undefined) return false;
  const { params, results } = module.functionType(module.startFunction);
  return params.length === 0 && results.length === 0;
}

function definedCount(module: WasmModule, kind: number): number {
  return module.count(kind) - module.imports.filter((entry) => entry.kind === kind).length;
}
