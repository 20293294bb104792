/**
 * How fast modules are rewritten, plain and with contexts, and how much larger they get.
 *
 *     node --import tsx bench/wasm-rewrite.ts [file.wasm ...]
 *
 * Without arguments: the modules that the tests use. "first" is the first rewrite with contexts in the process, with
 * all code still cold; the others are the best of several rounds. "compile" is what the engine takes to compile the
 * original, for comparison. Two functions of the right signature are hooked; which ones makes no difference.
 */
import { readFileSync } from 'node:fs';
import { basename } from 'node:path';
import { type AllocationHook, SHAPES } from '../src/sources/wasm/allocation-hook.js';
import { parseModule, type WasmModule } from '../src/sources/wasm/module-sections.js';
import { rewriteModule } from '../src/sources/wasm/rewrite.js';
import { REAL_MODULES } from '../test/sources/wasm/real-modules.js';

const ROUNDS = 7;
const I32 = 0x7f;

function hooksOf(module: WasmModule): AllocationHook[] {
  const imported = module.importedFunctions.length;
  const signature = (index: number): string => {
    const { params, results } = module.functionType(index);
    return `${params}->${results}`;
  };
  const indices = Array.from(module.definedTypes, (_, body) => imported + body);
  const malloc = indices.find((index) => signature(index) === `${I32}->${I32}`);
  const free = indices.find((index) => signature(index) === `${I32}->`);
  return [
    ...(malloc === undefined ? [] : [{ functionIndex: malloc, shape: SHAPES.malloc }]),
    ...(free === undefined ? [] : [{ functionIndex: free, shape: SHAPES.free }]),
  ];
}

function timeMs(run: () => void): number {
  const start = performance.now();
  run();
  return performance.now() - start;
}

function best(run: () => void): number {
  return Math.min(...Array.from({ length: ROUNDS }, () => timeMs(run)));
}

const files = process.argv.slice(2);
const modules: readonly (readonly [string, () => Uint8Array])[] =
  files.length > 0
    ? files.map((path) => [basename(path), () => readFileSync(path)])
    : Object.entries(REAL_MODULES);

const row = (...cells: readonly string[]): void => {
  console.log(cells.map((cell, i) => (i === 0 ? cell.padEnd(26) : cell.padStart(12))).join(''));
};
row('module', 'MB', 'parse ms', 'plain MB/s', 'contexts', 'MB/s', 'first ms', 'compile ms', 'size');
for (const [name, load] of modules) {
  const bytes = load();
  const module = parseModule(bytes);
  const hooks = hooksOf(module);
  const rewrite = (contexts: boolean): Uint8Array =>
    rewriteModule(parseModule(bytes), { hooks, contexts, start: 'kept' }).bytes;
  const firstMs = timeMs(() => rewrite(true));
  const withContextsMs = best(() => rewrite(true));
  const plainMs = best(() => rewrite(false));
  const compileMs = timeMs(() => new WebAssembly.Module(bytes as Uint8Array<ArrayBuffer>));
  const megabytes = bytes.length / 1e6;
  row(
    name,
    megabytes.toFixed(2),
    best(() => parseModule(bytes)).toFixed(2),
    (megabytes / plainMs / 1e-3).toFixed(0),
    `${withContextsMs.toFixed(1)} ms`,
    (megabytes / withContextsMs / 1e-3).toFixed(0),
    firstMs.toFixed(0),
    compileMs.toFixed(0),
    `+${((rewrite(true).length / bytes.length - 1) * 100).toFixed(1)} %`,
  );
}
