import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { test } from 'node:test';
import { ALLOCATOR } from './allocator-wat.js';
import { growth, traced } from './traced.js';
import { assemble } from './wat.js';

const { source, warnings } = traced({
  names: { malloc: 'new', free: 'delete' },
  contexts: false,
  demangle: false,
});
source.install();
source.arm();

type Api = Record<string, (...values: number[]) => number>;
const instantiate = (text: string): Api =>
  new WebAssembly.Instance(new WebAssembly.Module(assemble(text))).exports as unknown as Api;

// Comes first: no module has been seen that the names fit.
test('names that fit no module are warned of at the report', () => {
  const renamed = ALLOCATOR.replace('$new (export "new")', '$other (export "other")').replace(
    '$delete (export "delete")',
    '$another (export "another")',
  );
  const api = instantiate(`(module ${renamed})`);
  const before = source.snapshot();
  api['malloc']!(8);
  assert.equal(growth(before, source.snapshot()).blocks, 1);
  assert.equal(warnings.length, 1);
  assert.match(
    warnings[0]!,
    /^otrace: no WebAssembly module has the functions of --wasm-alloc malloc=new,free=delete;/,
  );
});

test('exactly the functions that were named are hooked; whole stacks without contexts, symbols as they are', () => {
  const api = instantiate(`(module ${ALLOCATOR}
    (func $_ZN4game4loadEv (drop (call $new (i32.const 64))))
    (func (export "load") (call $_ZN4game4loadEv)))`);
  function caller(): void {
    api['malloc']!(8);
    api['load']!();
  }
  const before = source.snapshot();
  caller();
  const grown = growth(before, source.snapshot());
  assert.deepEqual([grown.blocks, grown.bytes], [1, 64]);
  assert.match(grown.sites[0]!.stack, /^_ZN4game4loadEv \(.*\) <- load \(.*\) <- caller \(/);
  assert.match(Object.values(source.snapshot().facts).join(), /allocator found named by the user/);
});

test('where symbols are left as they are, positions are offsets in the module, whatever debug information it has', () => {
  const bytes = readFileSync('test/sources/wasm/lines/dwarf4-O2.wasm');
  const api = new WebAssembly.Instance(new WebAssembly.Module(bytes)).exports as unknown as Api;
  const before = source.snapshot();
  api['draw']!(1, 0);
  const [site] = growth(before, source.snapshot()).sites;
  assert.match(site!.stack, /^shapes::Shape::draw\(int\) \([^:]+:0x[0-9a-f]+\) <- draw \(/);
});
