/**
 * The custom sections of a compiled module, copied out of it when they are needed. Neither the module nor a copy
 * is kept alive: debug information may be a hundred times the size of the code, and is looked into rarely.
 */
const MOST_MODULES = 8;

export class CustomSections {
  /** Modules of the same bytes, the latest first. */
  #modules: readonly WeakRef<WebAssembly.Module>[];
  readonly #copies = new Map<string, WeakRef<Uint8Array>>();
  readonly #absent = new Set<string>();

  constructor(module: WebAssembly.Module) {
    this.#modules = [new WeakRef(module)];
  }

  /** Another module to read from, should the others be gone. REQUIRES: it has the same bytes. */
  add(module: WebAssembly.Module): void {
    const others = this.#modules.filter((reference) => (reference.deref() ?? module) !== module);
    this.#modules = [new WeakRef(module), ...others].slice(0, MOST_MODULES);
  }

  /** @returns undefined when there is no such section, or the modules are gone */
  bytes(name: string): Uint8Array | undefined {
    if (this.#absent.has(name)) return undefined;
    const copy = this.#copies.get(name)?.deref();
    if (copy !== undefined) return copy;
    const module = this.#modules.map((reference) => reference.deref()).find((alive) => alive !== undefined);
    if (module === undefined) return undefined;
    const [section] = WebAssembly.Module.customSections(module, name);
    if (section === undefined) {
      this.#absent.add(name);
      return undefined;
    }
    const bytes = new Uint8Array(section);
    this.#copies.set(name, new WeakRef(bytes));
    return bytes;
  }
}
