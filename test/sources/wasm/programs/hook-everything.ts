/**
 * Preloaded into a program: rewrites what it instantiates from bytes, hooks the functions that the environment
 * names (`WASM_HOOKS`, as JSON: name to shape) and writes what was told to stderr at exit.
 */
import type { AllocationShape } from '../../../../src/sources/wasm/allocation-hook.js';
import { parseModule } from '../../../../src/sources/wasm/module-sections.js';
import { rewriteModule } from '../../../../src/sources/wasm/rewrite.js';
import { attachTo, type Hooked, hooksByName } from '../hooked.js';

const shapes = JSON.parse(process.env['WASM_HOOKS'] ?? '{}') as Record<string, AllocationShape>;
const contexts = process.env['WASM_CONTEXTS'] === '1';
const hooked: Hooked[] = [];

const original = WebAssembly.instantiate;
const hookedInstantiate = async (
  source: BufferSource | WebAssembly.Module,
  imports?: WebAssembly.Imports,
): Promise<unknown> => {
  // Node itself instantiates a Module of its own to parse HTTP.
  if (source instanceof WebAssembly.Module) return original(source, imports);
  const bytes = ArrayBuffer.isView(source)
    ? new Uint8Array(source.buffer, source.byteOffset, source.byteLength)
    : new Uint8Array(source);
  const module = parseModule(bytes);
  const hooks = hooksByName(module, shapes);
  const rewritten = rewriteModule(module, { hooks, contexts, start: 'moved' });
  const result = await original(rewritten.bytes as Uint8Array<ArrayBuffer>, imports);
  hooked.push(attachTo(module, rewritten, result.instance));
  return result;
};
WebAssembly.instantiate = hookedInstantiate as typeof WebAssembly.instantiate;

process.on('exit', () => {
  const summary = hooked.map(({ told, live, global, rewritten }) => ({
    allocated: told.filter(({ what }) => what === 'allocated').length,
    reallocated: told.filter(({ what }) => what === 'reallocated').length,
    bytes: told.reduce((sum, { size }) => sum + size, 0),
    live: live.size,
    contexts: new Set(told.map(({ context }) => context)).size,
    entries: told.filter(({ what, entry }) => what === 'allocated' && entry === 0).length,
    atRest: global('inside').value === 0 && (!rewritten.contexts || global('context').value === 1n),
  }));
  process.stderr.write(`\nhooked ${JSON.stringify(summary)}\n`);
});
