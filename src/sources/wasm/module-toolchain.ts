/**
 * Modules whose heap is collected by a collector inside the module: which blocks it frees, and when, no call of a
 * `free` tells, so that hooking what allocates would show every block as leaked.
 */
import type { WasmModule } from './module-sections.js';

export interface Collected {
  readonly reason: string;
  /** True when the blocks that the collector frees can be seen by function names, were there any. */
  readonly visibleByName: boolean;
}

/** @returns why the module's heap can't be traced as a whole; undefined when nothing speaks against it */
export function findCollected(module: WasmModule): Collected | undefined {
  const imports = new Set(module.imports.map((entry) => entry.module));
  const exports = new Set(module.exports.map((entry) => entry.name));
  if (imports.has('gojs') || imports.has('go')) {
    const reason = exports.has('malloc')
      ? "TinyGo's own heap is garbage collected inside the module and not traced"
      : "Go's heap is garbage collected inside the module";
    return { reason, visibleByName: false };
  }
  if (exports.has('__new') && (exports.has('__collect') || exports.has('__pin'))) {
    const reason =
      "AssemblyScript's heap is garbage collected inside the module; built with function names (asc --debug) it can be traced";
    return { reason, visibleByName: true };
  }
  return undefined;
}
