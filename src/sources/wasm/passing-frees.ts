/**
 * Functions that do nothing but free what they are given, as `operator delete` calls `free`: the call that they make is
 * seen anyway, so that a hook of their own would only cost time.
 *
 *     (func $delete (param i32) (call $free (local.get 0)))
 *
 * Of several that pass on to one another, the last one is hooked.
 */
import type { AllocationHook } from './allocation-hook.js';
import { ByteReader } from './byte-reader.js';
import type { WasmModule } from './module-sections.js';

/** The hooks that are needed: all but those of functions that pass their first parameter on to another hooked free. */
export function withoutPassingFrees(module: WasmModule, hooks: readonly AllocationHook[]): AllocationHook[] {
  const frees = new Map<number, AllocationHook>();
  for (const hook of hooks) {
    if (hook.shape.event === 'free' && hook.shape.pointer === 0) frees.set(hook.functionIndex, hook);
  }
  return hooks.filter((hook) => {
    let last = hook.functionIndex;
    // In as many steps as there are frees: some may call each other in a ring.
    for (let left = frees.size; left > 0; left--) {
      const next = frees.has(last) ? passesTo(module, last) : undefined;
      if (next === undefined || !frees.has(next)) return last === hook.functionIndex;
      last = next;
    }
    return true;
  });
}

/** The function that is called if the body is `local.get 0, call f, end`. */
function passesTo(module: WasmModule, functionIndex: number): number | undefined {
  const body = functionIndex - module.importedFunctions.length;
  const { bodyStarts, bodyEnds } = module.code;
  const reader = new ByteReader(module.bytes, bodyStarts[body]!, bodyEnds[body]!, 'function body');
  for (const expected of [0x00, 0x20, 0x00, 0x10]) {
    if (reader.atEnd || reader.u8() !== expected) return undefined;
  }
  const target = reader.u32();
  return reader.u8() === 0x0b && reader.atEnd ? target : undefined;
}
