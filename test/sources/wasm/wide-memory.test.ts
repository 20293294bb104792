/**
 * A module with 64-bit addresses, from C (`wide/wide.c`): what the source counts is what the program itself counted.
 */
import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { test } from 'node:test';
import { growth, traced } from './traced.js';

const bytes = readFileSync(new URL('./wide/wide.wasm', import.meta.url));
const skip = WebAssembly.validate(bytes) ? false : 'this engine has no 64-bit memories';

interface Api {
  leak(count: number): void;
  churn(count: number): void;
  resize(bytes: bigint): void;
  blocks(): bigint;
  bytes(): bigint;
  high(): bigint;
}

const { source, warnings } = traced({ displayPath: (file) => file.replace('/project/', '') });
source.install();
source.arm();

test('blocks and bytes to the last, with lines of the C source', { skip }, () => {
  const api = new WebAssembly.Instance(new WebAssembly.Module(bytes)).exports as unknown as Api;
  const before = source.snapshot();
  api.leak(1000);
  api.churn(50);
  api.resize(1000n);
  const after = source.snapshot();
  const { blocks, bytes: live, sites } = growth(before, after);
  assert.deepEqual([BigInt(blocks), BigInt(live)], [api.blocks(), api.bytes()]);
  assert.equal(after.facts['unmatched_frees'], '0');
  assert.match(sites[0]!.stack, /^leak \(wide\.c:57:26\) <- /);
  assert.match(sites[1]!.stack, /^resize \(wide\.c:72:22\) <- /);
});

test('an allocation that fails is not counted, and leaves the rest right', { skip }, () => {
  const api = new WebAssembly.Instance(new WebAssembly.Module(bytes)).exports as unknown as Api;
  const before = source.snapshot();
  api.resize(1n << 45n);
  assert.equal(growth(before, source.snapshot()).bytes, 8, 'the block that could not be resized stays');
  assert.equal(api.blocks(), 0n);
});

test('nothing was warned of', () => {
  assert.deepEqual(warnings, []);
});
