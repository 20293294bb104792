/**
 * What a rewritten module calls to tell what it allocates and frees: a table of three functions, their places and
 * signatures.
 *
 *   allocated(pointer, size, [context, entry]) -> [entry]
 *   freed(pointer, nested)
 *   reallocated(old pointer, size, new pointer, [context, entry]) -> [entry]
 *
 * Addresses and sizes are i32, or i64 in a module with 64-bit ones; a context is i64, an entry i32. The parts in
 * brackets are there with contexts only. `nested` is not 0 when the free happens inside an allocation. A failed
 * `reallocated` has new pointer 0 and a size that is not 0; allocations that fail are not told. The functions must not
 * throw.
 */
import { I32, I64 } from '../../wat/binary-codes.js';

/** The slots of the table, and the names under which `ledger-code.ts` exports what goes there. */
export const HOOK_SLOTS = ['allocated', 'freed', 'reallocated'] as const;

/** What decides the signatures; `RewrittenModule` says it of itself. */
export interface HookVariant {
  readonly wideAddresses: boolean;
  readonly contexts: boolean;
}

/** Signatures of the functions in the hook table, in the order of `HOOK_SLOTS`. */
export function hookSignatures(
  wideAddresses: boolean,
  contexts: boolean,
): { params: number[]; results: number[] }[] {
  const address = wideAddresses ? I64 : I32;
  const site = contexts ? [I64, I32] : [];
  const results = contexts ? [I32] : [];
  return [
    { params: [address, address, ...site], results },
    { params: [address, I32], results: [] },
    { params: [address, address, address, ...site], results },
  ];
}
