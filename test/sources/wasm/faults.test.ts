/** Exceptions, traps and calls back into the module, in the middle of an allocation and around it. */
import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { SHAPES } from '../../../src/sources/wasm/allocation-hook.js';
import { NESTED_LIMIT } from '../../../src/sources/wasm/hook-wrapper.js';
import { type Hooked, hookModule } from './hooked.js';
import { assemble } from './wat.js';

/** `grow` is called in the middle of `malloc`, and `fail` in the middle of `free`. */
const WAT = (more: string): string => `(module
  (import "env" "grow" (func $grow (param i32)))
  (import "env" "fail" (func $fail))
  (memory (export "memory") 1)
  (global $top (mut i32) (i32.const 16))
  (tag $wasm)
  (func $inner (export "inner") (param i32) (result i32)
    (global.set $top (i32.add (global.get $top) (i32.const 8)))
    (global.get $top))
  (func $malloc (export "malloc") (param $size i32) (result i32)
    (call $grow (local.get $size))
    (if (i32.eq (local.get $size) (i32.const 666)) (then unreachable))
    (call $inner (local.get $size)))
  (func $free (export "free") (param i32) (call $fail))
  ${more})`;

interface Outside {
  grow?: (size: number) => void;
  fail?: () => void;
}

function make(contexts: boolean, outside: Outside, more = ''): Hooked {
  return hookModule(assemble(WAT(more)), {
    shapes: { malloc: SHAPES.malloc, inner: SHAPES.malloc, free: SHAPES.free },
    options: { contexts },
    imports: { env: { grow: (size: number) => outside.grow?.(size), fail: () => outside.fail?.() } },
  });
}

const atRest = (hooked: Hooked): void => {
  assert.equal(hooked.global('inside').value, 0);
  if (!hooked.rewritten.contexts) return;
  assert.equal(hooked.global('context').value, 1n);
  assert.equal(hooked.global('entry').value, 0);
};

for (const contexts of [false, true]) {
  describe(`faults, ${contexts ? 'with' : 'without'} contexts`, () => {
    test('an exception from JavaScript through an allocation leaves nothing behind', () => {
      const outside: Outside = {
        grow: () => {
          throw new RangeError('out of memory');
        },
      };
      const hooked = make(contexts, outside);
      assert.throws(() => hooked.exports['malloc']!(1), new RangeError('out of memory'));
      atRest(hooked);
      assert.deepEqual(hooked.take(), []);
      outside.grow = () => {};
      const block = hooked.exports['malloc']!(2);
      assert.deepEqual(
        hooked.take().map(({ pointer }) => pointer),
        [block],
      );
    });

    test('an exception of the module passes to its own handler, and the next allocation is told', () => {
      const hooked = make(
        contexts,
        {},
        `(func $thrower (export "thrower") (param i32) (result i32) (throw $wasm))
         (func (export "catching") (result i32)
           (try (result i32) (do (call $thrower (i32.const 1))) (catch $wasm (call $inner (i32.const 5)))))`,
      );
      const again = hookModule(hooked.module.bytes, {
        shapes: { thrower: SHAPES.malloc, inner: SHAPES.malloc },
        options: { contexts },
        imports: { env: { grow: () => {}, fail: () => {} } },
      });
      for (const each of [hooked, again]) {
        const block = each.exports['catching']!();
        assert.deepEqual(
          each.take().map(({ pointer, size }) => [pointer, size]),
          [[block, 5]],
        );
        atRest(each);
      }
    });

    test('a free that throws is told, and another free after it too', () => {
      const outside: Outside = {};
      const hooked = make(contexts, outside);
      const [a, b] = [hooked.exports['malloc']!(1), hooked.exports['malloc']!(1)];
      hooked.take();
      outside.fail = () => {
        throw new Error('no');
      };
      assert.throws(() => hooked.exports['free']!(a), /no/);
      outside.fail = () => {};
      hooked.exports['free']!(b);
      assert.deepEqual(
        hooked.take().map(({ pointer }) => pointer),
        [a, b],
      );
      atRest(hooked);
    });

    test('a trap in the middle of an allocation silences a bounded number of the next ones', () => {
      const hooked = make(contexts, {});
      assert.throws(() => hooked.exports['malloc']!(666), WebAssembly.RuntimeError);
      assert.notEqual(hooked.global('inside').value, 0, 'nothing runs in the module when it traps');
      for (let i = 0; i < NESTED_LIMIT; i++) hooked.exports['inner']!(1);
      assert.deepEqual(hooked.take(), []);
      for (let i = 0; i < 5; i++) hooked.exports['inner']!(1);
      assert.equal(hooked.take().length, 5);
    });

    test('after a trap the caller can put everything right at once', () => {
      const hooked = make(contexts, {});
      assert.throws(() => hooked.exports['malloc']!(666), WebAssembly.RuntimeError);
      hooked.global('inside').value = 0;
      if (contexts) {
        hooked.global('context').value = 1n;
        hooked.global('entry').value = 0;
      }
      hooked.exports['inner']!(1);
      assert.equal(hooked.take().length, 1);
      atRest(hooked);
    });

    test('a module called back in the middle of an allocation frees and allocates as it likes', () => {
      const outside: Outside = {};
      const hooked: Hooked = make(contexts, outside);
      const old = hooked.exports['inner']!(1);
      hooked.take();
      outside.grow = () => {
        hooked.exports['free']!(old);
        hooked.exports['inner']!(3);
      };
      const block = hooked.exports['malloc']!(2);
      assert.deepEqual(
        hooked.take().map(({ what, pointer, nested }) => [what, pointer, nested]),
        [
          ['freed', old, true],
          ['allocated', block, false],
        ],
        'an allocation inside another one can not be told from its means',
      );
      atRest(hooked);
    });

    test('memory that grows while an allocation is told', () => {
      const outside: Outside = {};
      const hooked: Hooked = make(contexts, outside);
      const memory = hooked.instance.exports['memory'] as WebAssembly.Memory;
      outside.grow = () => void memory.grow(1);
      const before = memory.buffer;
      hooked.exports['malloc']!(1);
      assert.equal(before.byteLength, 0);
      assert.equal(hooked.take().length, 1);
    });
  });
}

test('JavaScript and the module call each other with exceptions at every level', () => {
  let depth = 0;
  const outside: Outside = {};
  const hooked: Hooked = make(
    true,
    outside,
    `(func (export "work") (param i32) (drop (call $inner (i32.const 1))) (call $fail))`,
  );
  outside.fail = () => {
    if (++depth === 10) throw new Error('deep');
    try {
      hooked.exports['work']!(depth);
    } finally {
      hooked.exports['inner']!(2);
    }
  };
  assert.throws(() => hooked.exports['work']!(0), /deep/);
  atRest(hooked);
  const told = hooked.take();
  assert.equal(told.filter(({ size }) => size === 1).length, 10);
  assert.equal(told.filter(({ size }) => size === 2).length, 9);
  assert.ok(told.every(({ entry }) => entry === 0));
});

describe('modules that use exceptions of the standard form', () => {
  const bytes = assemble(`(module
    (import "env" "out" (func $out))
    (tag $t)
    (func $malloc (export "malloc") (param i32) (result i32)
      (if (i32.eq (local.get 0) (i32.const 1)) (then (throw $t)))
      (call $out)
      (i32.const 64))
    (func (export "catching") (result i32)
      (block $handler
        (try_table (catch $t $handler) (drop (call $malloc (i32.const 1))))
        (return (i32.const -1)))
      (call $malloc (i32.const 7))))`);

  for (const contexts of [false, true]) {
    test(contexts ? 'with contexts' : 'without contexts', (t) => {
      if (!WebAssembly.validate(bytes)) return t.skip('this engine does not know them');
      let fail = false;
      const out = (): void => {
        if (fail) throw new Error('out');
      };
      const hooked = hookModule(bytes, {
        shapes: { malloc: SHAPES.malloc },
        options: { contexts },
        imports: { env: { out } },
      });
      assert.equal(hooked.exports['catching']!(), 64);
      assert.deepEqual(
        hooked.take().map(({ size }) => size),
        [7],
      );
      atRest(hooked);
      fail = true;
      assert.throws(() => hooked.exports['catching']!(), /out/);
      atRest(hooked);
      assert.deepEqual(hooked.take(), []);
    });
  }
});
