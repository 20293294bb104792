/**
 * Modules whose heap is collected by a collector inside the module: which blocks it frees, and when, no call of a
 * `free` tells, so that hooking what allocates would show every block as leaked.
 */
import type { WasmModule } from './module-sections.js';

/** @returns why the module's heap can't be traced as a whole; undefined when nothing speaks against it */
export function findDeclined(module: WasmModule): string | undefined {
  const imports = new Set(module.imports.map((entry) => entry.module));
  const exports = new Set(module.exports.map((entry) => entry.name));
  if (imports.has('gojs') || imports.has('go')) {
    return exports.has('malloc')
      ? "TinyGo's own heap is garbage collected inside the module and not traced"
      : "Go's heap is garbage collected inside the module";
  }
  if (exports.has('__new') && (exports.has('__collect') || exports.has('__pin'))) {
    return "AssemblyScript's heap is garbage collected inside the module; with function names in it (asc --debug) its blocks can be traced";
  }
  return undefined;
}
