/** The parts of an instance and its module that tracing it needs. */
import { CustomSections } from './custom-sections.js';
import { InstructionSources, type OpenSourceMap } from './instruction-sources.js';
import type { ModuleIdentity } from './module-identity.js';
import { readFunctionNames } from './module-names.js';
import type { OffsetMap } from './offset-map.js';
import { ADDED_EXPORTS } from './rewrite.js';
import type { FunctionNames } from './wasm-frames.js';

/** The global that switches an instance's hooks on and off. */
export function insideOf(realExports: WebAssembly.Exports): WebAssembly.Global {
  return realExports[ADDED_EXPORTS.inside] as WebAssembly.Global;
}

/** Sets the globals back to where they are when no code runs, which a trap prevented. REQUIRES: none of its code runs. */
export function putRight(realExports: WebAssembly.Exports): void {
  const inside = insideOf(realExports);
  if (inside.value > 0) inside.value = 0;
  const context = realExports[ADDED_EXPORTS.context] as WebAssembly.Global<'i64'> | undefined;
  if (context === undefined || context.value === 1n) return;
  context.value = 1n;
  (realExports[ADDED_EXPORTS.entry] as WebAssembly.Global).value = 0;
}

/**
 * The memory that a module works on: the one that it exports, or else the one that it was given. A rewritten module
 * exports it in any case. The imports of another are looked at without anybody noticing: no getter of theirs is called.
 */
export function memoryOf(
  module: WebAssembly.Module,
  realExports: WebAssembly.Exports,
  imports: unknown,
): WebAssembly.Memory | undefined {
  for (const name of Object.keys(realExports)) {
    const value = realExports[name];
    if (value instanceof WebAssembly.Memory) return value;
  }
  for (const entry of WebAssembly.Module.imports(module)) {
    if (entry.kind !== 'memory') continue;
    const given = plainValue(plainValue(imports, entry.module), entry.name);
    if (given instanceof WebAssembly.Memory) return given;
  }
  return undefined;
}

/** What is stored under a name in an object or what it inherits from; undefined if it takes code to find out. */
function plainValue(object: unknown, name: string): unknown {
  for (let owner = object; Object(owner) === owner; owner = Object.getPrototypeOf(owner)) {
    const property = Object.getOwnPropertyDescriptor(owner, name);
    if (property !== undefined) return property.value;
  }
  return undefined;
}

/** Symbols are read from the module at the first stack, and most modules have none. */
export function functionNames(
  identity: ModuleIdentity,
  module: WebAssembly.Module,
  offsets: OffsetMap | undefined,
  openSourceMap: OpenSourceMap,
): FunctionNames {
  const sections = new CustomSections(module);
  const section = sections.bytes('name');
  let symbols: ReadonlyMap<number, string> | undefined;
  return {
    identity,
    offsets,
    sources: new InstructionSources(sections, identity, openSourceMap),
    get symbols() {
      symbols ??=
        section === undefined ? new Map<number, string>() : readFunctionNames(section, 0, section.length);
      return symbols;
    },
  };
}
