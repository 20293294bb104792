/**
 * A private instance of a trial module: its own memory, imports that do nothing. What the code called here does
 * can't reach the program, and every call ends (see `trial-module.ts`).
 */
import type { WasmImport } from './module-imports.js';
import type { WasmModule } from './module-sections.js';
import { F64, I32, I64 } from './module-types.js';
import { KIND } from './section-layout.js';
import { TRIAL_EXPORTS, trialName } from './trial-module.js';

/** Function entries and loop turns that one call may take. */
const CALL_FUEL = 60_000;
const PAGE_BYTES = 65_536;
/** Memory beyond this is not asked for: a trial must not cost the program its own. */
const MOST_INITIAL_PAGES = 4096;
const MOST_GROWTH_BYTES = 64 * 1024 * 1024;

type Callable = (...args: number[]) => unknown;

export class TrialInstance {
  readonly memory: WebAssembly.Memory;
  readonly #exports: WebAssembly.Exports;
  readonly #fuel: WebAssembly.Global;

  private constructor(instance: WebAssembly.Instance) {
    this.#exports = instance.exports;
    this.memory = this.#exports[TRIAL_EXPORTS.memory] as WebAssembly.Memory;
    this.#fuel = this.#exports[TRIAL_EXPORTS.fuel] as WebAssembly.Global;
  }

  /** @returns undefined when the module can't be tried: no memory, too much of it, imports of unusual kinds */
  static create(original: WasmModule, trial: WebAssembly.Module): TrialInstance | undefined {
    const limits = original.memories[0];
    if (limits === undefined || limits.wide || limits.initial > MOST_INITIAL_PAGES) return undefined;
    try {
      const own: { memory?: WebAssembly.Memory } = {};
      const created = new TrialInstance(new WebAssembly.Instance(trial, stubImports(original, own)));
      own.memory = created.memory;
      return created;
    } catch {
      return undefined;
    }
  }

  get bytes(): Uint8Array {
    return new Uint8Array(this.memory.buffer);
  }

  /** Calls a function of the original module. @returns its result as an unsigned integer, 0 for none; undefined for a trap */
  call(functionIndex: number, ...args: number[]): number | undefined {
    this.#fuel.value = CALL_FUEL;
    try {
      const result = (this.#exports[trialName(functionIndex)] as Callable)(...args);
      return typeof result === 'number' ? result >>> 0 : 0;
    } catch {
      return undefined;
    }
  }
}

function stubImports(module: WasmModule, own: { memory?: WebAssembly.Memory }): WebAssembly.Imports {
  const imports: Record<string, Record<string, WebAssembly.ImportValue>> = {};
  for (const entry of module.imports) {
    imports[entry.module] ??= {};
    imports[entry.module]![entry.name] = stub(module, entry, own);
  }
  return imports;
}

function stub(
  module: WasmModule,
  entry: WasmImport,
  own: { memory?: WebAssembly.Memory },
): WebAssembly.ImportValue {
  switch (entry.kind) {
    case KIND.function: {
      const type = module.typeSection.types[entry.typeIndex];
      const wide = type?.results[0] === I64;
      const growsMaybe = type?.params.length === 1 && type.params[0] === I32 && type.results.length === 1;
      if (growsMaybe && !wide) return (bytes: number) => growTo(own.memory, bytes >>> 0);
      return wide ? () => 0n : () => 0;
    }
    case KIND.memory: {
      const { initial, maximum } = entry.limits!;
      own.memory = new WebAssembly.Memory(maximum === undefined ? { initial } : { initial, maximum });
      return own.memory;
    }
    case KIND.table: {
      const { initial, maximum } = entry.limits!;
      const element = 'anyfunc' as const;
      return new WebAssembly.Table(
        maximum === undefined ? { element, initial } : { element, initial, maximum },
      );
    }
    case KIND.global:
      return stubGlobal(entry, (module.memories[0]?.initial ?? 1) * PAGE_BYTES);
    default:
      throw new TypeError(`imports of kind ${entry.kind} have no stub`);
  }
}

/** Emscripten asks for memory through an import: `emscripten_resize_heap(bytes)`, whatever its name is now. */
function growTo(memory: WebAssembly.Memory | undefined, bytes: number): number {
  const now = memory?.buffer.byteLength ?? 0;
  if (memory === undefined || bytes <= now || bytes > now + MOST_GROWTH_BYTES) return 0;
  memory.grow(Math.ceil((bytes - now) / PAGE_BYTES));
  return 1;
}

/** Relocatable modules are told where their stack and heap are: the stack goes below the middle, the heap above. */
function stubGlobal(entry: WasmImport, memoryBytes: number): WebAssembly.ImportValue {
  const middle = Math.max(PAGE_BYTES, memoryBytes >>> 1);
  const number = /stack|heap_base/.test(entry.name)
    ? middle
    : /heap_end/.test(entry.name)
      ? memoryBytes
      : 1024;
  const value = entry.valueType === I64 ? BigInt(number) : number;
  if (!entry.mutable) return value as unknown as number;
  const type = entry.valueType === I64 ? 'i64' : entry.valueType === F64 ? 'f64' : 'i32';
  return new WebAssembly.Global({ value: type, mutable: true }, value);
}
