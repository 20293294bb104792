/**
 * Function signatures as text, so that they can be compared: `(i i) i` takes two integers that may be addresses or sizes and
 * gives one. In a module with 64-bit addresses those are i64, and a result may be i32 too, as an error code is.
 */

import { F64, I32, I64 } from '../../wat/binary-codes.js';
import type { WasmModule } from './module-sections.js';
import type { FunctionType } from './module-types.js';

const LETTERS: ReadonlyMap<number, string> = new Map([
  [I32, 'i'],
  [I64, 'l'],
  [F64, 'd'],
  [0x7d, 'f'],
]);
const WIDE_PARAMETERS: ReadonlyMap<number, string> = new Map([...LETTERS, [I32, 'w'], [I64, 'i']]);
const WIDE_RESULTS: ReadonlyMap<number, string> = new Map([...LETTERS, [I64, 'i']]);

export function signatureOf(module: WasmModule, functionIndex: number): string {
  return signatureOfType(module.functionType(functionIndex), hasWideAddresses(module));
}

export function signatureOfType({ params, results }: FunctionType, wide: boolean): string {
  const text = (codes: readonly number[], letters: ReadonlyMap<number, string>): string =>
    codes.map((code) => letters.get(code) ?? '?').join(' ');
  const parameters = text(params, wide ? WIDE_PARAMETERS : LETTERS);
  return results.length === 0
    ? `(${parameters})`
    : `(${parameters}) ${text(results, wide ? WIDE_RESULTS : LETTERS)}`;
}

export function hasWideAddresses(module: WasmModule): boolean {
  return module.memories[0]?.wide === true;
}
