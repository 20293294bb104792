/**
 * Rewrites a module so that its allocation functions tell JavaScript what they do. Bytes in, bytes out: nothing
 * here touches the engine.
 *
 * Every index that the module uses stays: the body of a hooked function moves to an added function, and the
 * place it leaves gets the wrapper (`hook-wrapper.ts`), so that every call of it, by whatever way, is seen.
 * Custom sections stay byte for byte; `OffsetMap` leads from the new code back to what they speak of.
 */
import { AddedParts } from './added-parts.js';
import { type AllocationHook, checkHooks } from './allocation-hook.js';
import { ByteWriter } from './byte-writer.js';
import { CodeWriter } from './code-writer.js';
import { HOOK_SLOTS, type HookParts, HookWrapper, hookSignatures } from './hook-wrapper.js';
import type { WasmModule } from './module-sections.js';
import { F64, I32, I64 } from './module-types.js';
import { OffsetMap } from './offset-map.js';
import { appending, assembleSections, type SectionWriter } from './section-assembly.js';
import { KIND, SECTION } from './section-layout.js';

/**
 * Names of the added exports, to be hidden from the program. The zero byte keeps them from meeting a name that
 * a linker or a person would give.
 */
export const ADDED_EXPORTS = {
  /** Table of functions, one for each of `HOOK_SLOTS`; to be filled before `inside` becomes 0. */
  hooks: '\0otrace:hooks',
  /** Mutable i32: -1 (as instantiated) tells nothing; set it to 0 to begin. */
  inside: '\0otrace:inside',
  /** The start function, to be called once after the hooks are attached; only there when it was moved. */
  start: '\0otrace:start',
} as const;

export interface RewriteOptions {
  readonly hooks: readonly AllocationHook[];
  /**
   * `moved`: the module's start function runs when the caller calls the added export, so that its allocations
   * are seen. `kept`: it runs at instantiation, unseen, as it must where the module may be instantiated by
   * somebody who does not know of the export (sent to a worker).
   */
  readonly start: 'moved' | 'kept';
}

export interface RewrittenModule {
  readonly bytes: Uint8Array;
  readonly offsets: OffsetMap;
  /** True when addresses and sizes are told as f64, because the module has 64-bit ones; otherwise as i32. */
  readonly wideAddresses: boolean;
  /** True when the start function waits in the added export. */
  readonly startMoved: boolean;
}

/**
 * @throws OtraceError OTRACE_WASM when a hook does not fit its function
 * @example
 * const module = parseModule(bytes);
 * const malloc = module.exports.find((entry) => entry.name === 'malloc')!.index;
 * rewriteModule(module, { hooks: [{ functionIndex: malloc, shape: SHAPES.malloc }], start: 'moved' }).bytes;
 */
export function rewriteModule(module: WasmModule, options: RewriteOptions): RewrittenModule {
  const hooks = [...options.hooks].sort((a, b) => a.functionIndex - b.functionIndex);
  const wide = checkHooks(module, hooks);
  const added = new AddedParts(module);
  const parts = addHookParts(added, wide);
  const moved = hooks.map((hook) => added.declareFunction(module.functionTypeIndex(hook.functionIndex)));

  const startMoved = module.startFunction !== undefined && options.start === 'moved';
  if (startMoved) added.export(ADDED_EXPORTS.start, KIND.function, module.startFunction!);

  const imported = module.importedFunctions.length;
  const { bodyStarts, bodyEnds, start } = module.code;
  const defined = bodyStarts.length;
  const starts = new Uint32Array(defined + hooks.length + 1);
  const originals = new Uint32Array(defined + hooks.length);

  const out = new ByteWriter(module.bytes.length + 4096 + hooks.length * 512);
  const writeCode: SectionWriter = () => {
    out.u8(SECTION.code);
    const sizeAt = out.length;
    out.raw([0x80, 0x80, 0x80, 0x80, 0x00]); // the size, known at the end
    out.u32(defined + hooks.length);
    let next = 0;
    let copied = start;
    const copyUpTo = (body: number): void => {
      const end = body === 0 ? start : bodyEnds[body - 1]!;
      const shift = out.length - copied;
      out.copy(module.bytes, copied, end);
      for (; next < body; next++) {
        originals[next] = bodyStarts[next]!;
        starts[next] = bodyStarts[next]! + shift;
      }
    };
    hooks.forEach((hook, i) => {
      const body = hook.functionIndex - imported;
      copyUpTo(body);
      const wrapper = wrapperBody(module, added, parts, hook, moved[i]!);
      out.sized(wrapper);
      starts[body] = out.length - wrapper.length;
      next = body + 1;
      copied = bodyEnds[body]!;
    });
    copyUpTo(defined);
    hooks.forEach((hook, i) => {
      const body = hook.functionIndex - imported;
      out.u32(bodyEnds[body]! - bodyStarts[body]!);
      starts[defined + i] = out.length;
      originals[defined + i] = bodyStarts[body]!;
      out.copy(module.bytes, bodyStarts[body]!, bodyEnds[body]!);
    });
    starts[defined + hooks.length] = out.length;
    out.patchPaddedU32(sizeAt, out.length - sizeAt - 5);
  };

  const changes = new Map<number, SectionWriter>([[SECTION.code, writeCode]]);
  if (startMoved) changes.set(SECTION.start, () => {});
  const append = (id: number, count: number, entries: AddedParts['types']): void => {
    if (entries.count > 0) changes.set(id, appending(module, out, id, count, entries));
  };
  const defines = (kind: number): number =>
    module.count(kind) - module.imports.filter((entry) => entry.kind === kind).length;
  append(SECTION.type, module.typeSection.entryCount, added.types);
  append(SECTION.function, defined, added.functions);
  append(SECTION.table, defines(KIND.table), added.tables);
  append(SECTION.global, defines(KIND.global), added.globals);
  append(SECTION.export, module.exports.length, added.exports);
  assembleSections(module, out, changes);

  const offsets = new OffsetMap({
    importedFunctions: imported,
    definedFunctions: defined,
    starts,
    originals,
    firstEdit: new Uint32Array(defined + hooks.length + 1),
    editAt: new Uint32Array(0),
    editBytes: new Uint8Array(0),
    movedFrom: hooks.map((hook) => hook.functionIndex),
  });
  return { bytes: out.written(), offsets, wideAddresses: wide, startMoved };
}

function addHookParts(added: AddedParts, wide: boolean): HookParts {
  const addressType = wide ? F64 : I32;
  const signatures = hookSignatures(addressType, false);
  const table = added.table(HOOK_SLOTS.length);
  const inside = added.global(I32, -1);
  const freeing = added.global(wide ? I64 : I32, 0);
  added.export(ADDED_EXPORTS.hooks, KIND.table, table);
  added.export(ADDED_EXPORTS.inside, KIND.global, inside);
  return {
    table,
    inside,
    freeing,
    types: signatures.map(({ params, results }) => added.functionType(params, results, results.length)),
    addressType,
    freeingType: wide ? I64 : I32,
    contexts: undefined,
  };
}

function wrapperBody(
  module: WasmModule,
  added: AddedParts,
  parts: HookParts,
  hook: AllocationHook,
  moved: number,
): CodeWriter {
  const body = new CodeWriter(256);
  const type = module.functionType(hook.functionIndex);
  const wrapper = new HookWrapper(body, added, parts, hook, type, moved, 'none');
  const locals = wrapper.localTypes;
  body.u32(locals.length);
  for (const local of locals) body.op(1, local);
  wrapper.write();
  body.end();
  return body;
}
