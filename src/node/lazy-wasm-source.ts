/**
 * The `wasm` source before it is needed. Its code is a third of what the hooks are, and most programs never touch
 * WebAssembly: so until the program reads the global `WebAssembly` for the first time, an accessor stands in its
 * place; that reading puts the namespace back as it was, loads the source and lets it install its hooks.
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

export class LazyWasmSource implements HeapSource {
  readonly name = 'wasm';
  readonly #load: () => WasmSource;
  readonly #warn: (message: string) => void;
  #source: WasmSource | undefined;
  #armed = false;
  #watching = false;

  constructor(load: () => WasmSource, warn: (message: string) => void) {
    this.#load = load;
    this.#warn = warn;
  }

  /** Sees to it that modules are hooked from now on, armed or not. */
  watch(): void {
    const descriptor = Object.getOwnPropertyDescriptor(globalThis, 'WebAssembly');
    if (this.#watching || descriptor?.configurable !== true || !('value' in descriptor)) return;
    this.#watching = true;
    const restore = (value: unknown): void => {
      Object.defineProperty(globalThis, 'WebAssembly', { ...descriptor, value });
    };
    Object.defineProperty(globalThis, 'WebAssembly', {
      configurable: true,
      enumerable: descriptor.enumerable === true,
      get: () => {
        restore(descriptor.value);
        this.#begin();
        return descriptor.value as unknown;
      },
      set: restore,
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
