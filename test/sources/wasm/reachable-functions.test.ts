import assert from 'node:assert/strict';
import { test } from 'node:test';
import { parseModule } from '../../../src/sources/wasm/module-sections.js';
import { findReachableFunctions } from '../../../src/sources/wasm/reachable-functions.js';
import { assemble } from './wat.js';

/** Indices in order: what code outside may call, what a reference may hold. */
function reachable(wat: string): [fromOutside: number[], byReference: number[]] {
  const { fromOutside, byReference } = findReachableFunctions(parseModule(assemble(wat)));
  const sorted = (set: ReadonlySet<number>): number[] => [...set].sort((a, b) => a - b);
  return [sorted(fromOutside), sorted(byReference)];
}

const SEGMENTS = `
  (func $f0) (func $f1) (func $f2) (func $f3) (func $f4) (func $f5) (func $f6) (func $f7)
  (elem (i32.const 0) $f0)
  (elem func $f1)
  (elem (table 0) (offset (i32.const 1)) func $f2)
  (elem declare func $f3)
  (elem (i32.const 2) funcref (ref.func $f4) (ref.null func))
  (elem funcref (ref.func $f5))`;

test('functions of a private table are no concern of anybody outside', () => {
  assert.deepEqual(reachable(`(module (table 4 funcref) ${SEGMENTS} (export "f6" (func $f6)) (start $f7))`), [
    [6, 7],
    [0, 1, 2, 3, 4, 5],
  ]);
});

test('an exported or imported table gives all of them away', () => {
  const all = [0, 1, 2, 3, 4, 5];
  assert.deepEqual(reachable(`(module (table (export "t") 4 funcref) ${SEGMENTS})`), [all, all]);
  assert.deepEqual(reachable(`(module (import "a" "t" (table 4 funcref)) ${SEGMENTS})`), [all, all]);
});

test('so does a function type with references; a global gives away what it holds', () => {
  const all = [0, 1, 2, 3, 4, 5];
  assert.deepEqual(reachable(`(module (type (func (result funcref))) (table 4 funcref) ${SEGMENTS})`), [
    all,
    all,
  ]);
  assert.deepEqual(
    reachable('(module (func $a) (func $b) (global f64 (f64.const 1)) (global (mut funcref) (ref.func $b)))'),
    [[1], [1]],
  );
});
