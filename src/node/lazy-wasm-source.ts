/**
 * The `wasm` source before it is needed. Its code is a third of what the hooks are, and most programs never touch
 * WebAssembly: so until the program reads the global `WebAssembly` for the first time, an accessor stands in its
 * place; that reading puts the namespace back as it was, loads the source and lets it install its hooks.
 *
 * Node 20 and 22 read it themselves as they begin to load ES modules, for the sake of imported `.wasm` files, which few have:
 * then accessors stand in the place of what they would use of it, until those or the program read.
 */
import type { SourceSnapshot } from '../heap/snapshot.js';
import type { HeapSource } from '../heap/source.js';
import type { WasmSource } from '../sources/wasm/wasm-source.js';

const NOTHING: SourceSnapshot = {
  source: 'wasm',
  estimated: false,
  hasTotals: true,
  liveBytes: 0,
  liveBlocks: 0,
  sites: [],
  facts: {},
};

/** What Node's loader of ES modules uses of the namespace first, whichever way it goes. */
const LOADER_USES = ['compile', 'Module', 'Instance'];

export class LazyWasmSource implements HeapSource {
  readonly name = 'wasm';
  readonly #load: () => WasmSource;
  readonly #warn: (message: string) => void;
  #source: WasmSource | undefined;
  #armed = false;
  #watching = false;
  /** Each puts a property back as it was, unless the program has set it. */
  readonly #restores: (() => void)[] = [];

  constructor(load: () => WasmSource, warn: (message: string) => void) {
    this.#load = load;
    this.#warn = warn;
  }

  /** Sees to it that modules are hooked from now on, armed or not. */
  watch(): void {
    if (this.#watching) return;
    this.#watching = true;
    this.#watchProperty(globalThis, 'WebAssembly', (namespace, accessor) => {
      if (!isReadByLoader(accessor)) return false;
      for (const name of LOADER_USES) this.#watchProperty(namespace as object, name, () => false);
      return true;
    });
  }

  /**
   * Puts an accessor in a property's place, which loads the source when it is read.
   *
   * @param isSpared whether a reading of the value is none; asked until there is one
   */
  #watchProperty(
    owner: object,
    name: string,
    isSpared: (value: unknown, accessor: () => unknown) => boolean,
  ): void {
    const descriptor = Object.getOwnPropertyDescriptor(owner, name);
    if (descriptor?.configurable !== true || !('value' in descriptor)) return;
    const restore = (value: unknown): void => {
      Object.defineProperty(owner, name, { ...descriptor, value });
    };
    const get = (): unknown => {
      const value: unknown = descriptor.value;
      if (isSpared(value, get)) return value;
      this.#begin();
      return Reflect.get(owner, name);
    };
    const set = (value: unknown): void => {
      restore(value);
    };
    Object.defineProperty(owner, name, {
      configurable: true,
      enumerable: descriptor.enumerable === true,
      get,
      set,
    });
    this.#restores.push(() => {
      if (Object.getOwnPropertyDescriptor(owner, name)?.get === get) restore(descriptor.value);
    });
  }

  arm(): void {
    this.#armed = true;
    this.watch();
    this.#source?.arm();
  }

  disarm(): void {
    this.#armed = false;
    this.#source?.disarm();
  }

  reset(): void {
    this.#source?.reset();
  }

  liveBytes(): number {
    return this.#source?.liveBytes() ?? 0;
  }

  snapshot(): SourceSnapshot {
    return this.#source?.snapshot() ?? NOTHING;
  }

  #begin(): void {
    for (const restore of this.#restores) restore();
    try {
      const source = this.#load();
      source.install();
      this.#source = source;
      if (this.#armed) source.arm();
    } catch (error) {
      const reason = error instanceof Error ? error.message : String(error);
      this.#warn(`WebAssembly could not be hooked (${reason}); its heaps are not traced, please report this`);
    }
  }
}

/** Whether Node's loader of ES modules is who reads. @param accessor the function that the reading has called */
function isReadByLoader(accessor: () => unknown): boolean {
  const { stackTraceLimit } = Error;
  const reader = { stack: '' };
  try {
    Error.stackTraceLimit = 1;
    Error.captureStackTrace(reader, accessor);
    return String(reader.stack).includes('node:internal/modules/esm/translators:');
  } catch {
    return false; // the program formats stacks itself, and can't format this one
  } finally {
    Error.stackTraceLimit = stackTraceLimit;
  }
}
