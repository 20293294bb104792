/** Source maps of WebAssembly modules: AssemblyScript's, beside the program or in it, and maps that are no use. */
import assert from 'node:assert/strict';
import { copyFileSync, mkdirSync, mkdtempSync, readFileSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { test } from 'node:test';
import { fileURLToPath } from 'node:url';
import { openWasmSourceMap } from '../../src/node/wasm-source-maps.js';
import { parseModule } from '../../src/sources/wasm/module-sections.js';
import { ALLOCATOR } from '../sources/wasm/allocator-wat.js';
import { growth, traced } from '../sources/wasm/traced.js';
import { assemble } from '../sources/wasm/wat.js';

const LINES = join(dirname(fileURLToPath(import.meta.url)), '../sources/wasm/lines');
const MAP = join(LINES, 'debug.wasm.map');

/*
 * assembly-script.wasm is this, built with `asc assembly/index.ts --debug --sourceMap -o build/debug.wasm`:
 *   class Node { next: Node | null = null; value: i32 = 0; }
 *   let kept: Node[] = [];
 *   export function keep(n: i32): i32 {
 *     for (let i = 0; i < n; i++) {
 *       const node = new Node();          // line 5
 *       node.value = i;
 *       kept.push(node);                  // line 7
 *     }
 *     return kept.length;
 *   }
 */
const { source, warnings } = traced({
  openSourceMap: openWasmSourceMap,
  isOwnFrame: (script) => /traced\.ts$/.test(script),
});
source.install();
source.arm();

type Api = Record<string, (...values: number[]) => number>;

/** The stacks of what a module's function allocates, most bytes first. */
function stacksOf(bytes: Uint8Array<ArrayBuffer>, work: (api: Api) => void): string[] {
  const imports = { env: { abort() {} } };
  const api = new WebAssembly.Instance(new WebAssembly.Module(bytes), imports).exports as unknown as Api;
  const before = source.snapshot();
  work(api);
  return growth(before, source.snapshot()).sites.map((site) => site.stack);
}

/** A module with another `sourceMappingURL`. */
function withReference(bytes: Uint8Array, reference: string): Uint8Array<ArrayBuffer> {
  const section = parseModule(bytes).customSection('sourceMappingURL')!;
  const text = new TextEncoder().encode(reference);
  const leb = (value: number): number[] => {
    const low = value & 0x7f;
    return value < 0x80 ? [low] : [low | 0x80, ...leb(value >>> 7)];
  };
  const name = [16, ...new TextEncoder().encode('sourceMappingURL')];
  const size = name.length + leb(text.length).length + text.length;
  let start = section.start - name.length;
  while (bytes[--start] !== 0);
  const head = [0, ...leb(size), ...name, ...leb(text.length)];
  const out = new Uint8Array(start + head.length + text.length);
  out.set(bytes.subarray(0, start));
  out.set(head, start);
  out.set(text, start + head.length);
  return out;
}

const original = new Uint8Array(readFileSync(join(LINES, 'assembly-script.wasm')));

/** `~lib/array.ts:209:5` and the like stand for what is in AssemblyScript's own library. */
const EXPECTED = [
  /^~lib\/rt\/tlsf\/__alloc \(~lib\/rt\/tlsf\.ts:\d+:\d+\) <- .* <- assembly\/index\/keep \(.*assembly\/index\.ts:5:18\) <- /,
  /^~lib\/rt\/tlsf\/__alloc .* <- ~lib\/array\/Array<assembly\/index\/Node>#push \(~lib\/array\.ts:\d+:\d+\) <- assembly\/index\/keep \(.*assembly\/index\.ts:7\) <- /,
];

function assertStacks(stacks: readonly string[]): void {
  assert.equal(stacks.length, EXPECTED.length, stacks.join('\n'));
  for (const [i, pattern] of EXPECTED.entries()) assert.match(stacks[i]!, pattern);
}

test('a map in the module', () => {
  const data = `data:application/json;base64,${readFileSync(MAP).toString('base64')}`;
  assertStacks(stacksOf(withReference(original, data), (api) => api['keep']!(1000)));
});

test('a map that is named by an absolute path', () => {
  assertStacks(stacksOf(withReference(original, `file://${MAP}`), (api) => api['keep']!(1000)));
});

test('a map beside the script or in its build folder; sources that are on disk by their path', () => {
  const folder = mkdtempSync(join(tmpdir(), 'otrace-wasm-map-'));
  const opened = (): ReturnType<typeof openWasmSourceMap> =>
    openWasmSourceMap('./debug.wasm.map', join(folder, 'main.js'));
  assert.equal(opened(), undefined);
  mkdirSync(join(folder, 'build'));
  copyFileSync(MAP, join(folder, 'build', 'debug.wasm.map'));
  assert.deepEqual(opened()!.positionAt(0x150a, 0x14d0), {
    name: '',
    file: 'assembly/index.ts',
    line: 5,
    column: 18,
  });
  mkdirSync(join(folder, 'assembly'));
  writeFileSync(join(folder, 'assembly', 'index.ts'), '');
  assert.equal(opened()!.positionAt(0x150a, 0x14d0)!.file, join(folder, 'assembly', 'index.ts'));
});

test('what is mapped before the function is none of its own', () => {
  const map = openWasmSourceMap(`file://${MAP}`, '')!;
  assert.equal(map.positionAt(0x150a, 0x150a)?.line, 5);
  assert.equal(map.positionAt(0x150c, 0x150c), undefined);
  assert.equal(map.positionAt(0x150c, 0x150a)?.line, 5);
  assert.equal(map.positionAt(1, 0), undefined);
});

test('a map that is missing, damaged or elsewhere leaves offsets in the module', () => {
  const references = [
    'nowhere.map',
    'https://example.org/a.map',
    'data:application/json,{',
    'data:,[]',
    '\u0000',
    '',
  ];
  for (const reference of references) {
    const stacks = stacksOf(withReference(original, reference), (api) => api['keep']!(3));
    assert.match(stacks[0]!, /assembly\/index\/keep \([^ ]*:0x[0-9a-f]+\)/, reference);
  }
});

test('a module without any', () => {
  const bytes = assemble(`(module ${ALLOCATOR} (func (export "make") (drop (call $malloc (i32.const 5)))))`);
  assert.match(stacksOf(bytes, (api) => api['make']!())[0]!, /^make \([^ ]*:0x[0-9a-f]+\) <- /);
});

test('nothing was warned of', () => {
  assert.deepEqual(warnings, []);
});
