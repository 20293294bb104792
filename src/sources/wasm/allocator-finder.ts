/**
 * Decides which functions of a module are its allocator, and says how it came to know: from the user, by export
 * names, by the name section, or by trial. It prefers to say "none" over hooking what may be something else.
 *
 *   named by the user      exactly those, nothing else
 *   names in both places   those; enough when an inner allocate and a free are among them
 *   exports only           those, and by trial what they wrap and what stands beside them, since internal code
 *                          calls realloc and memalign too, which have no names then
 *   nothing                by trial, all candidates
 */
import { OtraceError } from '../../errors.js';
import { KIND } from '../../wat/binary-codes.js';
import { type AllocationHook, type AllocationShape, SHAPES } from './allocation-hook.js';
import { fits, shapeOfName } from './allocator-names.js';
import { searchAllocator } from './allocator-search.js';
import { demangle } from './demangle.js';
import type { WasmModule } from './module-sections.js';
import { findCollected } from './module-toolchain.js';

/** Roles that a user may assign: the names of `SHAPES`, to an export, a function name, or `#index`. */
export type AllocatorNames = Readonly<Partial<Record<keyof typeof SHAPES, string>>>;

export interface FoundAllocator {
  /** Empty when there is nothing to hook. */
  readonly hooks: readonly AllocationHook[];
  /** For a person: how it was found and how sure that is, or why there is none. */
  readonly how: string;
  /** False when blocks may be resized where they are by a function that was not found. */
  readonly complete: boolean;
}

/** @throws OtraceError OTRACE_BAD_OPTION when no function of the module has a name that the user gave */
export function findAllocator(module: WasmModule, names: AllocatorNames = {}): FoundAllocator {
  const given = fromUser(module, names);
  if (given.length > 0) return { hooks: given, how: 'named by the user', complete: true };

  const exported = new Map<number, AllocationShape>();
  for (const { name, kind, index } of module.exports) {
    if (kind === KIND.function) addIfNamed(module, exported, index, name);
  }
  const named = new Map<number, AllocationShape>();
  for (const [index, name] of module.functionNames) addIfNamed(module, named, index, demangle(name));
  const inner = new Map([...named].filter(([index]) => !isBinding(module, index)));

  const collected = findCollected(module);
  if (isWhole(inner.values())) {
    for (const [index, shape] of exported) if (!isBinding(module, index)) inner.set(index, shape);
    const hidden = collected?.visibleByName === false;
    const because = hidden ? `; ${collected.reason}` : '';
    return {
      hooks: hooksOf(inner),
      how: `by the name section${because}`,
      complete: !hidden || resizes(inner.values()),
    };
  }
  if (collected !== undefined) {
    return isWhole(exported.values())
      ? {
          hooks: hooksOf(exported),
          how: `by export names; ${collected.reason}`,
          complete: resizes(exported.values()),
        }
      : { hooks: [], how: collected.reason, complete: false };
  }
  return search(module, new Map([...named, ...exported]));
}

function search(module: WasmModule, named: ReadonlyMap<number, AllocationShape>): FoundAllocator {
  let hooks: AllocationHook[] = [];
  let problem = 'no function behaves like an allocator';
  try {
    hooks = searchAllocator(module, named);
  } catch (error) {
    problem = error instanceof Error ? error.message : String(error);
  }
  if (hooks.length === 0 && isWhole(named.values())) {
    const how = 'by export names, not confirmed by trial calls';
    return { hooks: hooksOf(named), how, complete: resizes(named.values()) };
  }
  if (hooks.length === 0) return { hooks, how: problem, complete: false };
  const how = named.size > 0 ? 'by export names and trial calls' : 'by trial calls';
  return { hooks, how, complete: resizes(hooks.map(({ shape }) => shape)) };
}

/** What wasm-bindgen exports to JavaScript wraps the allocator that the rest of the code calls. */
function isBinding(module: WasmModule, functionIndex: number): boolean {
  return module.exports.some(({ index, name }) => index === functionIndex && name.startsWith('__wbindgen_'));
}

function fromUser(module: WasmModule, names: AllocatorNames): AllocationHook[] {
  return Object.entries(names).map(([role, name]) => {
    const shape: AllocationShape | undefined = Object.hasOwn(SHAPES, role)
      ? SHAPES[role as keyof typeof SHAPES]
      : undefined;
    if (shape === undefined) {
      throw new OtraceError(
        'OTRACE_BAD_OPTION',
        `wasm allocator role ${role} is not known; use one of ${Object.keys(SHAPES).join(', ')}`,
      );
    }
    const functionIndex = indexOf(module, name);
    if (functionIndex === undefined || !fits(shape, module.functionType(functionIndex))) {
      throw new OtraceError(
        'OTRACE_BAD_OPTION',
        `${role}=${name}: the module has no such function of a fitting signature; give an export's name, a name of the name section, or #index`,
      );
    }
    return { functionIndex, shape };
  });
}

function indexOf(module: WasmModule, name: string): number | undefined {
  const imported = module.importedFunctions.length;
  const isDefined = (index: number): boolean =>
    index >= imported && index < imported + module.definedTypes.length;
  const byIndex = /^#(\d+)$/.exec(name);
  if (byIndex !== null) return isDefined(Number(byIndex[1])) ? Number(byIndex[1]) : undefined;
  const exported = module.exports.find((entry) => entry.kind === KIND.function && entry.name === name);
  if (exported !== undefined) return isDefined(exported.index) ? exported.index : undefined;
  for (const [index, text] of module.functionNames) {
    if (isDefined(index) && (text === name || demangle(text) === name)) return index;
  }
  return undefined;
}

function addIfNamed(
  module: WasmModule,
  into: Map<number, AllocationShape>,
  index: number,
  name: string,
): void {
  if (index < module.importedFunctions.length || into.has(index)) return;
  if (index >= module.importedFunctions.length + module.definedTypes.length) return;
  const shape = shapeOfName(name, module.functionType(index));
  if (shape !== undefined) into.set(index, shape);
}

/** Whether something allocates and something frees. */
function isWhole(shapes: Iterable<AllocationShape>): boolean {
  const events = new Set([...shapes].map((shape) => shape.event));
  return events.has('allocate') && events.has('free');
}

function resizes(shapes: Iterable<AllocationShape>): boolean {
  return [...shapes].some((shape) => shape.event === 'reallocate');
}

function hooksOf(shapes: ReadonlyMap<number, AllocationShape>): AllocationHook[] {
  return [...shapes].map(([functionIndex, shape]) => ({ functionIndex, shape }));
}
