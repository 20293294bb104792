/**
 * What to call a module that does not say its name: after the file that it was fetched from, or after the script
 * that brought it along. And whose it is: Node compiles one of its own (the HTTP parser of `fetch`) uninvited.
 */
import { ByteReader } from './byte-reader.js';
import type { WasmModule } from './module-sections.js';

/**
 * `https://a.b/lib/x.wasm?v=2` -> `x.wasm`, `/app/sql-wasm.js` -> `sql-wasm.wasm`
 *
 * @param origin of the module: path or URL of its own file or of the script that brings it; empty when unknown
 */
export function labelOf(origin: string): string {
  const file = origin.split(/[?#]/)[0]!.split(/[/\\]/).at(-1)!;
  if (file === '') return 'module.wasm';
  return file.replace(/\.[cm]?[jt]sx?$/, '.wasm');
}

/**
 * The innermost script on the stack that is the program's, as a path or URL; empty when there is none.
 *
 * @param isOwnScript whether a script, as a path or URL, is part of otrace
 */
export function callerScript(isOwnScript: (script: string) => boolean): string {
  for (const line of stackLines()) {
    const [, script] =
      /(?:^|[\s(])((?:[^\s()]*[/\\])?[^/\\():\s]+\.[cm]?[jt]sx?):\d+:\d+\)?$/.exec(line) ?? [];
    if (script !== undefined && !script.startsWith('node:') && !isOwnScript(script)) return script;
  }
  return '';
}

/** The stack of this moment, in V8's own form. */
function stackLines(): string[] {
  const { stackTraceLimit } = Error;
  Error.stackTraceLimit = 30;
  const stack = String(new Error().stack);
  Error.stackTraceLimit = stackTraceLimit;
  return stack.split('\n').slice(1);
}

/** The name that the module itself gives, in its name section. */
export function ownLabel(module: WasmModule): string | undefined {
  const section = module.customSection('name');
  if (section === undefined) return undefined;
  try {
    const reader = new ByteReader(module.bytes, section.start, section.end, 'name section');
    if (reader.u8() !== 0) return undefined;
    reader.u32();
    return reader.name() || undefined;
  } catch {
    return undefined;
  }
}

/** REQUIRES: called from within the call of `WebAssembly` that compiles the module. */
export function isNodesOwn(module: WasmModule): boolean {
  if (!module.exports.some(({ name }) => name === 'llhttp_alloc')) return false;
  return stackLines().some((line) => line.includes('node:internal/deps/undici'));
}
