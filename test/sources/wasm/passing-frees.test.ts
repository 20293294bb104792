import assert from 'node:assert/strict';
import { test } from 'node:test';
import { SHAPES } from '../../../src/sources/wasm/allocation-hook.js';
import { parseModule } from '../../../src/sources/wasm/module-sections.js';
import { withoutPassingFrees } from '../../../src/sources/wasm/passing-frees.js';
import { hooksByName } from './hooked.js';
import { assemble } from './wat.js';

test('a function that only hands its parameter on to a hooked free needs no hook', () => {
  const module = parseModule(
    assemble(`(module
      (func $malloc (export "malloc") (param i32) (result i32) (local.get 0))
      (func $free (export "free") (param i32))
      (func $other (param i32))
      (func $delete (export "delete") (param i32) (call $free (local.get 0)))
      (func (export "array") (param i32) (call $delete (local.get 0)))
      (func (export "sized") (param i32 i32) (call $free (local.get 0)))
      (func (export "second") (param i32 i32) (call $free (local.get 1)))
      (func (export "adjusting") (param i32) (call $free (i32.sub (local.get 0) (i32.const 8))))
      (func (export "elsewhere") (param i32) (call $other (local.get 0)))
      (func $a (export "a") (param i32) (call $b (local.get 0)))
      (func $b (export "b") (param i32) (call $a (local.get 0)))
      (func (export "c") (param i32) (call $a (local.get 0))))`),
  );
  const { free, malloc } = SHAPES;
  const shapes = {
    malloc,
    free,
    delete: free,
    array: free,
    sized: free,
    second: free,
    adjusting: free,
    elsewhere: free,
    a: free,
    b: free,
    c: free,
  };
  const needed = withoutPassingFrees(module, hooksByName(module, shapes)).map(
    ({ functionIndex }) => module.exports.find(({ index }) => index === functionIndex)!.name,
  );
  assert.deepEqual(needed, ['malloc', 'free', 'second', 'adjusting', 'elsewhere', 'a', 'b', 'c']);
});
