/**
 * Frees that lead to no other hooked function, as the innermost `free` of most allocators. Nothing has to be known about
 * them while they run, so that they are told by code at their beginning and need no wrapper around them.
 */
import type { AllocationHook } from './allocation-hook.js';
import { BodyScanner, EVENT } from './body-scanner.js';
import type { WasmModule } from './module-sections.js';

/** A free that calls more functions than this, by way of others too, is taken for one that may lead anywhere. */
const MOST_CALLED = 100;

/**
 * @returns for each hook whether it is such a free; false where that can't be told, because of a call through a table or of
 *   code that is not known
 */
export function findLoneFrees(module: WasmModule, hooks: readonly AllocationHook[]): readonly boolean[] {
  const hooked = new Set(hooks.map((hook) => hook.functionIndex));
  return hooks.map(({ functionIndex, shape }) => {
    if (shape.event !== 'free') return false;
    const reached = new Set([functionIndex]);
    // A set hands out what is added while it is walked.
    for (const f of reached) {
      const callees = calleesOf(module, f);
      if (callees === undefined || callees.some((callee) => hooked.has(callee))) return false;
      for (const callee of callees) reached.add(callee);
      if (reached.size > MOST_CALLED) return false;
    }
    return true;
  });
}

/** What a function calls; undefined if that is not known. */
function calleesOf(module: WasmModule, functionIndex: number): readonly number[] | undefined {
  const body = functionIndex - module.importedFunctions.length;
  if (body < 0) return [];
  const start = module.code.bodyStarts[body];
  const end = module.code.bodyEnds[body];
  if (start === undefined || end === undefined) return undefined;
  const scanner = new BodyScanner(module.bytes, 64);
  try {
    scanner.scanCode(scanner.scanLocals(start, end), end);
  } catch {
    return undefined;
  }
  const callees: number[] = [];
  for (let e = 0; e < scanner.count; e++) {
    const kind = scanner.kind[e];
    if (kind === EVENT.callUnknown || kind === EVENT.tailCallUnknown) return undefined;
    if (kind !== EVENT.return) callees.push(scanner.operand[e]!);
  }
  return callees;
}
