/**
 * The exports of a rewritten instance as the program would see them without otrace: an object like the engine's
 * own (frozen, without prototype, in the module's order), with the same functions, memories and tables in it.
 */

const ADDED_PREFIX = '\0otrace:';

export function isAddedExport(name: string): boolean {
  return name.startsWith(ADDED_PREFIX);
}

/** @returns the object itself when nothing was added to it */
export function exportsFacade(real: WebAssembly.Exports): WebAssembly.Exports {
  const names = Object.keys(real);
  if (!names.some(isAddedExport)) return real;
  const facade: WebAssembly.Exports = Object.create(null);
  for (const name of names) if (!isAddedExport(name)) facade[name] = real[name]!;
  return Object.freeze(facade);
}
