/** Rewrites a module, instantiates it with hooks that write down what they are told, and hands out both. */
import {
  type AllocationHook,
  type AllocationShape,
  SHAPES,
} from '../../../src/sources/wasm/allocation-hook.js';
import { HOOK_SLOTS } from '../../../src/sources/wasm/hook-table.js';
import { parseModule, type WasmModule } from '../../../src/sources/wasm/module-sections.js';
import {
  ADDED_EXPORTS,
  type RewriteOptions,
  type RewrittenModule,
  rewriteModule,
} from '../../../src/sources/wasm/rewrite.js';

import { hookFunctionsModule } from './hook-functions.js';

export type Callable = (...values: readonly (number | bigint)[]) => number;

/** An i64 arrives as a bigint. */
type Address = number | bigint;

/** What a hook was told, in the order of the calls. */
export interface Told {
  readonly what: 'allocated' | 'freed' | 'reallocated';
  readonly pointer: number;
  readonly size: number;
  /** Where a reallocated block was; 0 otherwise. */
  readonly from: number;
  /** Of a free: it happened inside an allocation. */
  readonly nested: boolean;
  /** `high:low` with contexts, else empty. */
  readonly context: string;
  /** What the entry global held, with contexts. */
  readonly entry: number;
}

export interface Hooked {
  readonly module: WasmModule;
  readonly rewritten: RewrittenModule;
  readonly exports: Record<string, Callable>;
  readonly instance: WebAssembly.Instance;
  readonly told: Told[];
  /** Bytes by address of what is live by what was told. */
  readonly live: Map<number, number>;
  global(name: 'inside' | 'context' | 'entry'): WebAssembly.Global;
  /** What was told since the last call of this. */
  take(): Told[];
}

/** The hooks of the exports (or, in a module with names, functions) that bear these names. */
export function hooksByName(
  module: WasmModule,
  shapes: Readonly<Record<string, AllocationShape>>,
): AllocationHook[] {
  return Object.entries(shapes).map(([name, shape]) => {
    const exported = module.exports.find((entry) => entry.kind === 0 && entry.name === name)?.index;
    const named = [...module.functionNames].find(([, label]) => label === name)?.[0];
    const functionIndex = exported ?? named;
    if (functionIndex === undefined) throw new Error(`no function ${name}`);
    return { functionIndex, shape };
  });
}

/** Attaches hooks to an instance and runs its start function, as a caller should. */
export function attachTo(
  module: WasmModule,
  rewritten: RewrittenModule,
  instance: WebAssembly.Instance,
): Hooked {
  const told: Told[] = [];
  const live = new Map<number, number>();
  const note = (entry: Partial<Told> & Pick<Told, 'what' | 'pointer'>): void => {
    told.push({ size: 0, from: 0, nested: false, context: '', entry: 0, ...entry });
  };
  const site = (context: bigint | undefined): string =>
    context === undefined
      ? ''
      : `${BigInt.asUintN(32, context >> 32n).toString(16)}:${BigInt.asUintN(32, context).toString(16)}`;
  let entries = 0;
  const entryNumber = (entry: number | undefined): number => (entry === 0 ? ++entries : (entry ?? 0));
  const hooks = {
    allocated(at: Address, bytes: Address, context?: bigint, entry?: number): number {
      const [pointer, size] = [Number(at), Number(bytes)];
      note({ what: 'allocated', pointer, size, context: site(context), entry: entry ?? 0 });
      live.set(pointer, size);
      return entryNumber(entry);
    },
    freed(at: Address, nested: number): void {
      const pointer = Number(at);
      note({ what: 'freed', pointer, nested: nested !== 0 });
      live.delete(pointer);
    },
    reallocated(old: Address, bytes: Address, at: Address, context?: bigint, entry?: number): number {
      const [from, size, pointer] = [Number(old), Number(bytes), Number(at)];
      note({ what: 'reallocated', from, pointer, size, context: site(context), entry: entry ?? 0 });
      if (pointer !== 0 || size === 0) live.delete(from);
      if (pointer !== 0) live.set(pointer, size);
      return entryNumber(entry);
    },
  };
  const helper = new WebAssembly.Module(hookFunctionsModule(rewritten) as Uint8Array<ArrayBuffer>);
  const functions = new WebAssembly.Instance(helper, { otrace: hooks }).exports;
  // Taken now: a caller may hide the added exports afterwards.
  const all = instance.exports;
  const table = all[ADDED_EXPORTS.hooks] as WebAssembly.Table;
  HOOK_SLOTS.forEach((slot, i) => {
    table.set(i, functions[slot]);
  });
  const global = (name: 'inside' | 'context' | 'entry'): WebAssembly.Global =>
    all[ADDED_EXPORTS[name]] as WebAssembly.Global;
  global('inside').value = 0;
  if (rewritten.startMoved) (all[ADDED_EXPORTS.start] as Callable)();
  const exports = all as unknown as Record<string, Callable>;
  return { module, rewritten, instance, exports, told, live, global, take: () => told.splice(0) };
}

/** Instantiates with hooks attached. */
export function attach(
  module: WasmModule,
  rewritten: RewrittenModule,
  imports: WebAssembly.Imports = {},
): Hooked {
  const compiled = new WebAssembly.Module(rewritten.bytes as Uint8Array<ArrayBuffer>);
  return attachTo(module, rewritten, new WebAssembly.Instance(compiled, imports));
}

export interface HookSpecification {
  readonly shapes?: Readonly<Record<string, AllocationShape>>;
  readonly imports?: WebAssembly.Imports;
  readonly options?: Partial<RewriteOptions>;
}

/** Rewrites and attaches; hooks `malloc` and `free` unless told otherwise. */
export function hookModule(bytes: Uint8Array, specification: HookSpecification = {}): Hooked {
  const { shapes = { malloc: SHAPES.malloc, free: SHAPES.free }, imports, options } = specification;
  const module = parseModule(bytes);
  const hooks = hooksByName(module, shapes);
  const rewritten = rewriteModule(module, { hooks, contexts: false, start: 'moved', ...options });
  return attach(module, rewritten, imports);
}
