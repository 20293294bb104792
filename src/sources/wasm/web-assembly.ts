/**
 * Stands between the program and `WebAssembly`: every way of compiling gets rewritten bytes where there are any,
 * every instance is announced, and what the program sees stays as it was (names, errors, prototypes, promises).
 *
 *   bytes ---- compile, instantiate, new Module, ...Streaming --> prepare() --> engine --> Module (known)
 *   Module --- instantiate, new Instance -----------------------> engine --> Instance --> instantiated()
 *
 * Whatever the engine does not like is given to it again as the program gave it, so that the error is its own.
 *
 * Not here: what is rewritten and how (`module-preparation.ts`), what is made of an instance (`wasm-source.ts`).
 */
import { exportsFacade, isAddedExport } from './exports-facade.js';
import { IDENTITY_SECTION, type ModuleIdentity, readIdentity } from './module-identity.js';
import type { PreparedModule } from './module-preparation.js';
import {
  type AnyFunction,
  type Arguments,
  bytesOf,
  isWasmResponse,
  type Namespace,
  replace,
  replaceClass,
} from './namespace-hooks.js';
import type { OffsetMap } from './offset-map.js';
import { OFFSETS_SECTION, readOffsets } from './offset-section.js';

export interface Announced {
  readonly instance: WebAssembly.Instance;
  /** The added exports included. */
  readonly realExports: WebAssembly.Exports;
  /** What was instantiated. */
  readonly module: WebAssembly.Module;
  readonly imports: unknown;
  /** Undefined for a module that was not rewritten. */
  readonly identity: ModuleIdentity | undefined;
  /** Of what was instantiated; undefined, too, for a module that another thread rewrote and that does not bring them along. */
  readonly offsets: OffsetMap | undefined;
}

export interface WebAssemblyWatcher {
  /** @returns what is to be compiled in place of these bytes; undefined to leave them. Must not throw. */
  prepare(bytes: Uint8Array, url: string | undefined): PreparedModule | undefined;
  /** An instance was made. Must not throw. */
  instantiated(announced: Announced): void;
}

type Streaming = 'compileStreaming' | 'instantiateStreaming';

interface Known {
  readonly identity: ModuleIdentity;
  readonly offsets: OffsetMap | undefined;
  /** What to instantiate in this module's place. */
  readonly stand: WebAssembly.Module | undefined;
}

export class WebAssemblyHooks {
  readonly #namespace: Namespace;
  readonly #watcher: WebAssemblyWatcher;
  readonly #original: {
    readonly compile: AnyFunction;
    readonly instantiate: AnyFunction;
    readonly compileStreaming: AnyFunction | undefined;
    readonly instantiateStreaming: AnyFunction | undefined;
    readonly Module: typeof WebAssembly.Module;
    readonly Instance: typeof WebAssembly.Instance;
    readonly moduleExports: typeof WebAssembly.Module.exports;
    readonly customSections: typeof WebAssembly.Module.customSections;
    readonly instanceExports: () => WebAssembly.Exports;
  };
  readonly #known = new WeakMap<WebAssembly.Module, Known>();
  readonly #facades = new WeakMap<WebAssembly.Exports, WebAssembly.Exports>();

  /** @param namespace what to hook; a program's global `WebAssembly` */
  constructor(watcher: WebAssemblyWatcher, namespace: Namespace = WebAssembly) {
    this.#watcher = watcher;
    this.#namespace = namespace;
    const { Module, Instance } = namespace;
    const exportsGetter = Object.getOwnPropertyDescriptor(Instance.prototype, 'exports')?.get;
    if (exportsGetter === undefined) throw new TypeError('WebAssembly.Instance has no exports accessor');
    const streaming = (name: Streaming): AnyFunction | undefined =>
      typeof namespace[name] === 'function' ? (namespace[name] as AnyFunction) : undefined;
    this.#original = {
      compile: namespace.compile as AnyFunction,
      instantiate: namespace.instantiate as AnyFunction,
      compileStreaming: streaming('compileStreaming'),
      instantiateStreaming: streaming('instantiateStreaming'),
      Module,
      Instance,
      moduleExports: Module.exports,
      customSections: Module.customSections,
      instanceExports: exportsGetter,
    };
  }

  /** Puts the hooks in place; once. */
  install(): void {
    const wasm = this.#namespace;
    const { Module, Instance, compileStreaming, instantiateStreaming } = this.#original;
    replace(wasm, 'compile', (args) => this.#compile(args));
    replace(wasm, 'instantiate', (args) => this.#instantiate(args));
    if (compileStreaming) replace(wasm, 'compileStreaming', (args) => this.#stream('compileStreaming', args));
    if (instantiateStreaming) {
      replace(wasm, 'instantiateStreaming', (args) => this.#stream('instantiateStreaming', args));
    }
    replace(Module, 'exports', (args) => {
      const list = Reflect.apply(this.#original.moduleExports, Module, args) as { name: string }[];
      return list.filter(({ name }) => !isAddedExport(name));
    });
    replaceClass(wasm, 'Module', (args, target) => this.#newModule(args, target));
    replaceClass(wasm, 'Instance', (args, target) => this.#newInstance(args, target));
    const descriptor = Object.getOwnPropertyDescriptor(Instance.prototype, 'exports')!;
    Object.defineProperty(Instance.prototype, 'exports', {
      ...descriptor,
      get: new Proxy(this.#original.instanceExports, {
        apply: (getter, instance, args) => this.#facadeOf(Reflect.apply(getter, instance, args)),
      }),
    });
  }

  /**
   * Makes a module that is never rewritten nor announced.
   *
   * @param options of its compilation, as the program gave them
   */
  plainModule(bytes: Uint8Array, ...options: Arguments): WebAssembly.Module {
    return Reflect.construct(this.#original.Module, [bytes, ...options]);
  }

  /** Makes an instance that is never announced. */
  plainInstance(module: WebAssembly.Module, imports: WebAssembly.Imports): WebAssembly.Instance {
    return new this.#original.Instance(module, imports);
  }

  realExports(instance: WebAssembly.Instance): WebAssembly.Exports {
    return Reflect.apply(this.#original.instanceExports, instance, []);
  }

  #facadeOf(real: WebAssembly.Exports): WebAssembly.Exports {
    let facade = this.#facades.get(real);
    if (facade === undefined) {
      facade = exportsFacade(real);
      this.#facades.set(real, facade);
    }
    return facade;
  }

  #prepare(source: unknown, url?: string): PreparedModule | undefined {
    const bytes = bytesOf(source);
    return bytes === undefined ? undefined : this.#watcher.prepare(bytes, url);
  }

  #newModule(args: Arguments, target: AnyFunction): WebAssembly.Module {
    const { Module } = this.#original;
    const prepared = this.#prepare(args[0]);
    if (prepared !== undefined) {
      try {
        const [, ...options] = args;
        const module = Reflect.construct(Module, [prepared.bytes, ...options], target);
        return this.#know(module, prepared, options);
      } catch {
        // The engine's own word on the program's own bytes follows.
      }
    }
    return Reflect.construct(Module, args, target);
  }

  #newInstance(args: Arguments, target: AnyFunction): WebAssembly.Instance {
    const { Instance } = this.#original;
    const module = args[0];
    const known = this.#knownOf(module);
    const instance: WebAssembly.Instance = Reflect.construct(
      Instance,
      known?.stand === undefined ? args : [known.stand, ...args.slice(1)],
      target,
    );
    this.#announce(instance, module as WebAssembly.Module, args[1], known);
    return instance;
  }

  #compile(args: Arguments): unknown {
    const { compile } = this.#original;
    const [source, ...options] = args;
    const prepared = this.#prepare(source);
    if (prepared === undefined) return this.#call(compile, args);
    return this.#call(compile, [prepared.bytes, ...options]).then(
      (module) => this.#know(module as WebAssembly.Module, prepared, options),
      () => this.#call(compile, args),
    );
  }

  #instantiate(args: Arguments): Promise<unknown> {
    const { compile, instantiate } = this.#original;
    const [source, imports, ...options] = args;
    if (this.#isModule(source)) return this.#instantiateModule(source, args);
    const prepared = this.#prepare(source);
    const plain = (): Promise<unknown> =>
      this.#call(instantiate, args).then((result) => {
        const { instance, module } = result as WebAssembly.WebAssemblyInstantiatedSource;
        this.#announce(instance, module, imports, undefined);
        return result;
      });
    if (prepared === undefined) return plain();
    return this.#call(compile, [prepared.bytes, ...options]).then(async (compiled) => {
      const module = this.#know(compiled as WebAssembly.Module, prepared, options);
      const instance = await this.#instantiateModule(module, [module, ...args.slice(1)]);
      return { module, instance };
    }, plain);
  }

  #instantiateModule(module: WebAssembly.Module, args: Arguments): Promise<unknown> {
    const known = this.#knownOf(module);
    const used = known?.stand === undefined ? args : [known.stand, ...args.slice(1)];
    return this.#call(this.#original.instantiate, used).then((instance) => {
      this.#announce(instance as WebAssembly.Instance, module, args[1], known);
      return instance;
    });
  }

  /** A response's body goes to the engine in rewritten form, or untouched: the reading is done on a copy. */
  async #stream(method: Streaming, args: Arguments): Promise<unknown> {
    const original = this.#original[method]!;
    const [source, imports] = args;
    const options = args.slice(method === 'compileStreaming' ? 1 : 2);
    const untouched = async (): Promise<unknown> => {
      const result = await this.#call(original, args);
      if (method === 'instantiateStreaming') {
        const { instance, module } = result as WebAssembly.WebAssemblyInstantiatedSource;
        this.#announce(instance, module, imports, undefined);
      }
      return result;
    };
    let response: unknown;
    let prepared: PreparedModule | undefined;
    try {
      response = await source;
      if (!isWasmResponse(response)) return untouched();
      prepared = this.#prepare(await response.clone().arrayBuffer(), response.url);
    } catch {
      return untouched();
    }
    if (prepared === undefined) return untouched();
    let module: WebAssembly.Module;
    try {
      const rewritten = new Response(prepared.bytes as BodyInit, {
        headers: { 'content-type': 'application/wasm' },
      });
      module = this.#know(
        (await this.#call(this.#original.compileStreaming!, [rewritten, ...options])) as WebAssembly.Module,
        prepared,
        options,
      );
    } catch {
      return untouched();
    }
    response.body?.cancel().catch(() => {}); // as read as if the engine had read it
    if (method === 'compileStreaming') return module;
    const instance = await this.#instantiateModule(module, [module, ...args.slice(1)]);
    return { module, instance };
  }

  /** Calls a function of the namespace; what it throws at once becomes a rejection, as it does in the engine. */
  async #call(original: AnyFunction, args: Arguments): Promise<unknown> {
    return Reflect.apply(original, this.#namespace, args);
  }

  #isModule(source: unknown): source is WebAssembly.Module {
    return source instanceof this.#original.Module;
  }

  #know(module: WebAssembly.Module, prepared: PreparedModule, options: Arguments): WebAssembly.Module {
    const { identity, offsets, withMovedStart } = prepared;
    const known =
      withMovedStart === undefined
        ? { identity, offsets, stand: undefined }
        : {
            identity,
            offsets: withMovedStart.offsets,
            stand: this.plainModule(withMovedStart.bytes, ...options),
          };
    this.#known.set(module, known);
    return module;
  }

  /** What is known of a module; of one from another thread, what it says of itself. */
  #knownOf(module: unknown): Known | undefined {
    if (!this.#isModule(module)) return undefined;
    const known = this.#known.get(module);
    if (known !== undefined) return known;
    try {
      const [section] = this.#original.customSections(module, IDENTITY_SECTION);
      const identity = section === undefined ? undefined : readIdentity(section);
      if (identity === undefined) return undefined;
      const [table] = this.#original.customSections(module, OFFSETS_SECTION);
      const offsets = table === undefined ? undefined : readOffsets(table, identity.movedFrom);
      const received = { identity, offsets, stand: undefined };
      this.#known.set(module, received);
      return received;
    } catch {
      return undefined;
    }
  }

  #announce(
    instance: WebAssembly.Instance,
    module: WebAssembly.Module,
    imports: unknown,
    known: Known | undefined,
  ): void {
    const realExports = this.realExports(instance);
    const { identity, offsets } = known ?? { identity: undefined, offsets: undefined };
    // The instance keeps alive the module that it was made of, which need not be the program's.
    const own = known?.stand ?? module;
    this.#watcher.instantiated({ instance, realExports, module: own, imports, identity, offsets });
    const start = realExports['\0otrace:start'];
    if (typeof start === 'function') start();
  }
}
