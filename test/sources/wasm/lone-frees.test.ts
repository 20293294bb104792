import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { SHAPES } from '../../../src/sources/wasm/allocation-hook.js';
import { findLoneFrees } from '../../../src/sources/wasm/lone-frees.js';
import { parseModule } from '../../../src/sources/wasm/module-sections.js';
import { ALLOCATOR } from './allocator-wat.js';
import { hookModule, hooksByName } from './hooked.js';
import { assemble } from './wat.js';

const FREES = `
  (type $f (func (param i32)))
  (import "env" "out" (func $out (param i32)))
  (table 1 funcref) (elem (i32.const 0) $helper)
  ${ALLOCATOR}
  (func $helper (param i32) (call $out (local.get 0)))
  (func (export "plain") (param i32) (local i64 f32)
    (if (i32.eq (local.get 0) (i32.const 8)) (then (return)))
    (local.set 0 (i32.const 1))
    (call $helper (local.get 0)))
  (func (export "adjusting") (param i32) (call $free (i32.sub (local.get 0) (i32.const 8))))
  (func $by (param i32) (call $free (local.get 0)))
  (func (export "farther") (param i32) (call $by (local.get 0)))
  (func (export "indirect") (param i32) (call_indirect (type $f) (local.get 0) (i32.const 0)))
  (func $again (export "again") (param i32)
    (if (local.get 0) (then (call $again (i32.const 0)))))`;
const SHAPES_OF = {
  free: SHAPES.free,
  malloc: SHAPES.malloc,
  plain: SHAPES.free,
  adjusting: SHAPES.free,
  farther: SHAPES.free,
  indirect: SHAPES.free,
  again: SHAPES.free,
};

test('a free is alone if nothing that it calls is hooked or unknown', () => {
  const module = parseModule(assemble(`(module ${FREES})`));
  const alone = findLoneFrees(module, hooksByName(module, SHAPES_OF));
  assert.deepEqual(
    Object.keys(SHAPES_OF).filter((_, i) => alone[i]),
    ['free', 'plain'],
  );
});

for (const contexts of [false, true]) {
  describe(`frees, ${contexts ? 'with' : 'without'} contexts`, () => {
    const outs: number[] = [];
    const hook = () =>
      hookModule(assemble(`(module ${FREES})`), {
        shapes: SHAPES_OF,
        options: { contexts },
        imports: { env: { out: (value: number) => outs.push(value) } },
      });

    test('are told with the address that they were given, each time, and do what they did', () => {
      const { exports, take, rewritten } = hook();
      const freed = () => take().map(({ what, pointer }) => [what, pointer]);
      exports['plain']!(8);
      exports['plain']!(24);
      exports['plain']!(24);
      exports['plain']!(0);
      assert.deepEqual(freed(), [
        ['freed', 8],
        ['freed', 24],
        ['freed', 24],
      ]);
      assert.deepEqual(outs.splice(0), [1, 1, 1]);
      exports['farther']!(40);
      assert.deepEqual(freed(), [['freed', 40]]);
      exports['adjusting']!(40);
      assert.deepEqual(freed(), [
        ['freed', 40],
        ['freed', 32],
      ]);
      assert.equal(rewritten.movedFrom.length, 5, 'malloc and the four frees that are not alone');
    });

    test('are not told while the hooks are switched off, and leave the context as it was', () => {
      const { exports, take, global } = hook();
      global('inside').value = -1;
      exports['plain']!(24);
      assert.deepEqual(take(), []);
      global('inside').value = 0;
      exports['plain']!(24);
      assert.equal(take().length, 1);
      if (contexts) assert.equal(global('context').value, 1n);
    });
  });
}
