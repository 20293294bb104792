/**
 * The custom sections of a compiled module, copied out of it when they are needed. Neither the module nor a copy
 * is kept alive: debug information may be a hundred times the size of the code, and is looked into rarely.
 */
export class CustomSections {
  #module: WeakRef<WebAssembly.Module>;
  readonly #copies = new Map<string, WeakRef<Uint8Array>>();
  readonly #absent = new Set<string>();

  constructor(module: WebAssembly.Module) {
    this.#module = new WeakRef(module);
  }

  /** Reads from this module from now on. REQUIRES: it has the same bytes. */
  renew(module: WebAssembly.Module): void {
    this.#module = new WeakRef(module);
  }

  /** @returns undefined when there is no such section, or the module is gone */
  bytes(name: string): Uint8Array | undefined {
    if (this.#absent.has(name)) return undefined;
    const copy = this.#copies.get(name)?.deref();
    if (copy !== undefined) return copy;
    const module = this.#module.deref();
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
