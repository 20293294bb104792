/** Function signatures as text, so that they can be compared: `(i i) i` takes two i32 and gives one. */
import type { WasmModule } from './module-sections.js';
import { F64, type FunctionType, I32, I64 } from './module-types.js';

const LETTERS = new Map([
  [I32, 'i'],
  [I64, 'l'],
  [F64, 'd'],
  [0x7d, 'f'],
]);

export function signatureOf(module: WasmModule, functionIndex: number): string {
  return signatureOfType(module.functionType(functionIndex));
}

export function signatureOfType({ params, results }: FunctionType): string {
  const text = (codes: readonly number[]): string => codes.map((code) => LETTERS.get(code) ?? '?').join(' ');
  return results.length === 0 ? `(${text(params)})` : `(${text(params)}) ${text(results)}`;
}
