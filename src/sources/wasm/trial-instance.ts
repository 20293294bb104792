/**
 * A private instance of a trial module: its own memory, imports that do nothing. What the code called here does
 * can't reach the program, and every call ends (see `trial-module.ts`).
 */

import { F64, I32, I64, KIND } from '../../wat/binary-codes.js';
import type { WasmImport } from './module-imports.js';
import type { WasmModule } from './module-sections.js';
import { hasWideAddresses } from './module-signature.js';
import { TRIAL_EXPORTS, trialName, trialPages } from './trial-module.js';

/** Function entries and loop turns that one call may take. */
const CALL_FUEL = 60_000;
const PAGE_BYTES = 65_536;
const MOST_GROWTH_BYTES = 64 * 1024 * 1024;

type Callable = (...args: (number | bigint)[]) => unknown;

export class TrialInstance {
  readonly memory: WebAssembly.Memory;
  readonly #module: WasmModule;
  readonly #exports: WebAssembly.Exports;
  readonly #fuel: WebAssembly.Global;

  private constructor(original: WasmModule, instance: WebAssembly.Instance) {
    this.#module = original;
    this.#exports = instance.exports;
    this.memory = this.#exports[TRIAL_EXPORTS.memory] as WebAssembly.Memory;
    this.#fuel = this.#exports[TRIAL_EXPORTS.fuel] as WebAssembly.Global;
  }

  /** @returns undefined when the module can't be tried: no memory, more data than a trial's has room for, imports of unusual kinds */
  static create(original: WasmModule, trial: WebAssembly.Module): TrialInstance | undefined {
    if (original.memories.length === 0) return undefined;
    try {
      const own: { memory?: WebAssembly.Memory } = {};
      const created = new TrialInstance(
        original,
        new WebAssembly.Instance(trial, stubImports(original, own)),
      );
      own.memory = created.memory;
      return created;
    } catch {
      return undefined;
    }
  }

  get bytes(): Uint8Array {
    return new Uint8Array(this.memory.buffer);
  }

  /** The address that is stored at another. */
  addressAt(address: number): number {
    const view = new DataView(this.memory.buffer);
    return hasWideAddresses(this.#module)
      ? Number(view.getBigUint64(address, true))
      : view.getUint32(address, true);
  }

  /** Calls a function of the original module. @returns its result as an unsigned integer, 0 for none; undefined for a trap */
  call(functionIndex: number, ...args: number[]): number | undefined {
    this.#fuel.value = CALL_FUEL;
    const { params } = this.#module.functionType(functionIndex);
    try {
      const given = args.map((arg, i) => (params[i] === I64 ? BigInt(arg) : arg));
      const result = (this.#exports[trialName(functionIndex)] as Callable)(...given);
      if (typeof result === 'bigint') return Number(BigInt.asUintN(64, result));
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
      const growsMaybe = type?.params.length === 1 && [I32, I64].includes(type.params[0]!);
      if (growsMaybe && type.results.length === 1 && !wide) {
        return (bytes: number | bigint) => growTo(own.memory, Number(bytes) >>> 0);
      }
      return wide ? () => 0n : () => 0;
    }
    case KIND.memory: {
      const { maximum, wide } = entry.limits!;
      own.memory = wide
        ? wideMemory(trialPages(entry.limits!), maximum)
        : new WebAssembly.Memory(descriptor(trialPages(entry.limits!), maximum));
      return own.memory;
    }
    case KIND.table: {
      const { initial, maximum } = entry.limits!;
      const element = 'anyfunc' as const;
      return new WebAssembly.Table({ element, ...descriptor(initial, maximum) });
    }
    case KIND.global:
      return stubGlobal(entry, trialPages(module.memories[0]!) * PAGE_BYTES);
    default:
      throw new TypeError(`imports of kind ${entry.kind} have no stub`);
  }
}

function descriptor<Size>(initial: Size, maximum: Size | undefined): { initial: Size; maximum?: Size } {
  return maximum === undefined ? { initial } : { initial, maximum };
}

function wideMemory(pages: number, mostPages: number | undefined): WebAssembly.Memory {
  const most = mostPages === undefined ? undefined : BigInt(mostPages);
  const wide = { ...descriptor(BigInt(pages), most), address: 'i64' };
  return new WebAssembly.Memory(wide as unknown as WebAssembly.MemoryDescriptor);
}

/** Emscripten asks for memory through an import: `emscripten_resize_heap(bytes)`, whatever its name is now. */
function growTo(memory: WebAssembly.Memory | undefined, bytes: number): number {
  const now = memory?.buffer.byteLength ?? 0;
  if (memory === undefined || bytes <= now || bytes > now + MOST_GROWTH_BYTES) return 0;
  const pages = Math.ceil((bytes - now) / PAGE_BYTES);
  try {
    memory.grow(pages);
  } catch {
    memory.grow(BigInt(pages) as unknown as number); // one with 64-bit addresses
  }
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
