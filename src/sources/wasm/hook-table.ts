/**
 * What stands between a rewritten module and JavaScript: a table of three functions, their places and signatures.
 *
 *   allocated(pointer, size, [context low, context high, entry]) -> [entry]
 *   freed(pointer, nested)
 *   reallocated(old pointer, size, new pointer, [context low, context high, entry]) -> [entry]
 *
 * Addresses and sizes are i32 (unsigned: `>>> 0`), or f64 in a module with 64-bit ones. The parts in brackets are
 * there with contexts only. `nested` is not 0 when the free happens inside an allocation. A failed `reallocated`
 * has new pointer 0 and a size that is not 0; allocations that fail are not told. The functions must not throw.
 */
import { I32 } from './module-types.js';

/** The slots of the table, and the names under which `hook-functions.ts` exports what goes there. */
export const HOOK_SLOTS = ['allocated', 'freed', 'reallocated'] as const;

/** Signatures of the functions in the hook table, in the order of `HOOK_SLOTS`. */
export function hookSignatures(
  addressType: number,
  contexts: boolean,
): { params: number[]; results: number[] }[] {
  const site = contexts ? [I32, I32, I32] : [];
  const results = contexts ? [I32] : [];
  return [
    { params: [addressType, addressType, ...site], results },
    { params: [addressType, I32], results: [] },
    { params: [addressType, addressType, addressType, ...site], results },
  ];
}
