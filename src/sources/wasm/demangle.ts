/**
 * Names of C++ and Rust symbols as their authors wrote them. What is not understood stays as it is: a mangled name
 * is better than a wrong one.
 *
 * @example demangle('_ZN4sk_p5abortEv') === 'sk_p::abort()'
 */
import { demangleCpp } from './demangle-cpp.js';
import { demangleRustLegacy, demangleRustV0 } from './demangle-rust.js';

/** Longer symbols are left alone: nobody reads them, and back references can make them grow without end. */
const MOST_MANGLED = 4000;

export function demangle(symbol: string): string {
  if (!symbol.startsWith('_') || symbol.length > MOST_MANGLED) return symbol;
  // Tools append what the compiler made of a function: `.llvm.123`, `.part.0`.
  const [mangled, suffix] = splitSuffix(symbol);
  const plain =
    demangleRustLegacy(mangled) ??
    (mangled.startsWith('_R') ? demangleRustV0(mangled) : demangleCpp(mangled));
  if (plain === undefined) return symbol;
  return suffix === '' || suffix.startsWith('.llvm.') ? plain : `${plain} [clone ${suffix}]`;
}

function splitSuffix(symbol: string): [string, string] {
  // Rust's old form has dots within.
  const at = symbol.search(/\.(llvm|part|isra|constprop|cold|resume|destroy|cleanup)\b/);
  return at < 0 ? [symbol, ''] : [symbol.slice(0, at), symbol.slice(at)];
}
