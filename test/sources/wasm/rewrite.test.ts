import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { SHAPES } from '../../../src/sources/wasm/allocation-hook.js';
import { parseModule } from '../../../src/sources/wasm/module-sections.js';
import { ADDED_EXPORTS, rewriteModule } from '../../../src/sources/wasm/rewrite.js';
import { ALLOCATOR } from './allocator-wat.js';
import { attach, hookModule, hooksByName } from './hooked.js';
import { assemble } from './wat.js';

const FAMILY = {
  malloc: SHAPES.malloc,
  free: SHAPES.free,
  calloc: SHAPES.calloc,
  realloc: SHAPES.realloc,
  memalign: SHAPES.memalign,
  posix_memalign: SHAPES.posixMemalign,
  new: SHAPES.malloc,
  delete: SHAPES.free,
} as const;

for (const contexts of [false, true]) {
  const hook = (wat: string, shapes = {}, imports?: WebAssembly.Imports) =>
    hookModule(assemble(wat), {
      shapes: { malloc: SHAPES.malloc, free: SHAPES.free, ...shapes },
      options: { contexts },
      ...(imports === undefined ? {} : { imports }),
    });

  describe(`hooked functions, ${contexts ? 'with' : 'without'} contexts`, () => {
    test('every way to allocate is told once, with the size asked for and the address given', () => {
      const { exports, take, live } = hook(`(module ${ALLOCATOR})`, FAMILY);
      const block = exports['malloc']!(10);
      assert.deepEqual(sizes(take()), [['allocated', block, 10]]);
      const zeroed = exports['calloc']!(3, 7);
      assert.deepEqual(sizes(take()), [['allocated', zeroed, 21]]);
      const aligned = exports['memalign']!(64, 100);
      assert.equal(aligned % 64, 0);
      assert.deepEqual(sizes(take()), [['allocated', aligned, 100]]);
      const fresh = exports['new']!(33);
      assert.deepEqual(sizes(take()), [['allocated', fresh, 33]]);
      assert.equal(exports['posix_memalign']!(512, 32, 50), 0);
      const stored = new Uint32Array((exports['memory'] as unknown as WebAssembly.Memory).buffer)[128]!;
      assert.deepEqual(sizes(take()), [['allocated', stored, 50]]);
      const moved = exports['realloc']!(block, 20);
      const [told] = take();
      assert.deepEqual(
        [told!.what, told!.from, told!.pointer, told!.size],
        ['reallocated', block, moved, 20],
      );
      for (const each of [zeroed, aligned, stored, moved]) exports['free']!(each);
      exports['delete']!(fresh);
      assert.deepEqual(
        take().map(({ what, pointer, nested }) => [what, pointer, nested]),
        [zeroed, aligned, stored, moved, fresh].map((pointer) => ['freed', pointer, false]),
      );
      assert.equal(live.size, 0);
    });

    test('failed allocations and free(null) are not told, a failed realloc says so', () => {
      const { exports, take } = hook(`(module ${ALLOCATOR})`, FAMILY);
      assert.equal(exports['malloc']!(200_000), 0);
      assert.equal(exports['calloc']!(2, 100_000), 0);
      assert.equal(exports['posix_memalign']!(512, 32, 200_000), 12);
      exports['free']!(0);
      assert.deepEqual(take(), []);
      const block = exports['malloc']!(1);
      take();
      assert.equal(exports['realloc']!(block, 200_000), 0);
      const [told] = take();
      assert.deepEqual([told!.from, told!.size, told!.pointer], [block, 200_000, 0]);
    });

    test('calls from inside, through a table and from a start function are seen', () => {
      const { exports, take, told } = hook(`(module ${ALLOCATOR}
        (type $allocate (func (param i32) (result i32)))
        (table 2 funcref) (elem (i32.const 0) $malloc $new)
        (global $kept (mut i32) (i32.const 0))
        (func $begin (global.set $kept (call $malloc (i32.const 5))))
        (start $begin)
        (func (export "kept") (result i32) (global.get $kept))
        (func (export "direct") (param i32) (result i32) (call $malloc (local.get 0)))
        (func (export "indirect") (param i32 i32) (result i32)
          (call_indirect (type $allocate) (local.get 0) (local.get 1))))`);
      assert.deepEqual(sizes(told), [['allocated', exports['kept']!(), 5]]);
      take();
      const direct = exports['direct']!(6);
      const first = exports['indirect']!(7, 0);
      const second = exports['indirect']!(8, 1);
      assert.deepEqual(sizes(take()), [
        ['allocated', direct, 6],
        ['allocated', first, 7],
        ['allocated', second, 8],
      ]);
    });

    test('nothing is told before the hooks are attached, and nothing after they are switched off', () => {
      const module = parseModule(
        assemble(`(module ${ALLOCATOR}
        (func $begin (drop (call $malloc (i32.const 5)))) (start $begin))`),
      );
      const hooks = hooksByName(module, { malloc: SHAPES.malloc, free: SHAPES.free });
      const rewritten = rewriteModule(module, { hooks, contexts, start: 'kept' });
      assert.equal(rewritten.startMoved, false);
      const { exports, take, global } = attach(module, rewritten);
      assert.deepEqual(take(), []);
      const block = exports['malloc']!(3);
      assert.equal(take().length, 1);
      global('inside').value = -1;
      exports['malloc']!(3);
      exports['free']!(block);
      assert.deepEqual(take(), []);
      global('inside').value = 0;
      exports['malloc']!(3);
      assert.equal(take().length, 1);
    });

    test('an allocation that makes forty others on its way is told once', () => {
      const { exports, take, rewritten } = hook(
        `(module ${ALLOCATOR}
        (func $many (export "many") (param i32) (result i32) (local i32)
          (loop $next
            (call $free (call $malloc (i32.const 8)))
            (local.set 1 (i32.add (local.get 1) (i32.const 1)))
            (br_if $next (i32.lt_u (local.get 1) (i32.const 40))))
          (call $malloc (local.get 0)))
        (func (export "outer") (param i32) (result i32) (call $many (local.get 0))))`,
        { many: SHAPES.malloc, outer: SHAPES.malloc },
      );
      assert.ok(WebAssembly.validate(rewritten.bytes as Uint8Array<ArrayBuffer>));
      for (const name of ['many', 'outer', 'malloc']) {
        const block = exports[name]!(24);
        const allocations = sizes(take()).filter(([what]) => what === 'allocated');
        assert.deepEqual(allocations, [['allocated', block, 24]], name);
      }
    });

    test('a free of another block inside an allocation is told as nested', () => {
      const { exports, take } = hook(
        `(module ${ALLOCATOR}
        (global $garbage (mut i32) (i32.const 0))
        (func (export "collecting") (param i32) (result i32)
          (call $free (global.get $garbage))
          (global.set $garbage (i32.const 0))
          (call $malloc (local.get 0)))
        (func (export "drop") (param i32) (global.set $garbage (local.get 0))))`,
        { collecting: SHAPES.malloc },
      );
      const old = exports['collecting']!(4);
      exports['drop']!(old);
      take();
      exports['collecting']!(4);
      const [freed, allocated] = take();
      assert.deepEqual([freed!.what, freed!.pointer, freed!.nested], ['freed', old, true]);
      assert.equal(allocated!.what, 'allocated');
    });

    test('parameters and results that the hook does not use pass through, several results too', () => {
      const { exports, take } = hook(
        `(module
        (func (export "malloc") (param f64 i32 i64) (result i32) (i32.add (local.get 1) (i32.trunc_f64_s (local.get 0))))
        (func (export "free") (param i32 f32) (result f64 i32) (f64.promote_f32 (local.get 1)) (local.get 0)))`,
        { malloc: { event: 'allocate', size: 1 } },
      );
      assert.equal(exports['malloc']!(1000, 8, 5n), 1008);
      assert.deepEqual(sizes(take()), [['allocated', 1008, 8]]);
      assert.deepEqual(exports['free']!(1008, 2.5), [2.5, 1008]);
      assert.equal(take().length, 1);
    });
  });
}

describe('modules of every make', () => {
  const tables: Record<string, string> = {
    'no table': '',
    'a table of its own': '(table 4 funcref) (elem (i32.const 1) $malloc)',
    'an exported table': '(table (export "table") 4 funcref) (elem (i32.const 1) $malloc)',
    'several tables':
      '(table 1 externref) (table 3 5 funcref) (table 2 funcref) (elem (table 2) (i32.const 0) func $free)',
  };
  for (const [name, table] of Object.entries(tables)) {
    test(`with ${name}`, () => {
      const { exports, take } = hookModule(assemble(`(module ${ALLOCATOR} ${table})`), {
        options: { contexts: true },
      });
      exports['malloc']!(9);
      assert.equal(take().length, 1);
    });
  }

  test('with an imported table, globals, functions, and exports named as the added ones are', () => {
    const table = new WebAssembly.Table({ element: 'anyfunc', initial: 2 });
    const base = new WebAssembly.Global({ value: 'i32', mutable: false }, 7);
    const wat = `(module
      (import "env" "table" (table 2 funcref))
      (import "env" "base" (global $base i32))
      (import "env" "tick" (func $tick))
      ${ALLOCATOR}
      (elem (i32.const 1) $malloc)
      (export "hooks" (func $tick)) (export "otrace:hooks" (global $base))
      (func (export "work") (result i32) (call $tick) (i32.add (global.get $base) (call $malloc (i32.const 1)))))`;
    let ticks = 0;
    const imports = { env: { table, base, tick: () => ticks++ } };
    const { exports, take, instance } = hookModule(assemble(wat), { imports });
    const block = exports['work']!() - 7;
    assert.deepEqual(sizes(take()), [['allocated', block, 1]]);
    assert.equal(ticks, 1);
    (table.get(1) as (size: number) => number)(2);
    assert.equal(take().length, 1);
    assert.equal((instance.exports['otrace:hooks'] as WebAssembly.Global).value, 7);
  });

  test('exports keep their order, kinds and identities; the added ones come after them', () => {
    const bytes = assemble(`(module ${ALLOCATOR}
      (table (export "table") 3 funcref) (elem (i32.const 0) $malloc $free)
      (export "again" (func $malloc)))`);
    const { instance, exports } = hookModule(bytes, { options: { contexts: true } });
    const original = WebAssembly.Module.exports(new WebAssembly.Module(bytes)).map(({ name }) => name);
    assert.deepEqual(Object.keys(instance.exports).slice(0, original.length), original);
    const names = new Set<string>(Object.values(ADDED_EXPORTS));
    assert.ok(
      Object.keys(instance.exports)
        .slice(original.length)
        .every((name) => names.has(name)),
    );
    const table = instance.exports['table'] as WebAssembly.Table;
    assert.equal(table.get(0), exports['malloc']);
    assert.equal(exports['again'], exports['malloc']);
    assert.equal(
      exports['malloc']!.name,
      String(parseModule(bytes).exports.find((e) => e.name === 'malloc')!.index),
    );
  });

  test('custom sections survive byte for byte, wherever they stand', () => {
    const bytes = assemble(`(module ${ALLOCATOR})`);
    const custom = (name: string, content: string): number[] => {
      const text = [name.length, ...Buffer.from(name), ...Buffer.from(content)];
      return [0, text.length, ...text];
    };
    const withCustom = Uint8Array.from([
      ...bytes.subarray(0, 8),
      ...custom('dylink.0', 'first'),
      ...bytes.subarray(8),
      ...custom('.debug_line', 'lines'),
      ...custom('sourceMappingURL', 'a.map'),
    ]);
    const { rewritten } = hookModule(withCustom, { options: { contexts: true } });
    const original = new WebAssembly.Module(withCustom);
    const after = new WebAssembly.Module(rewritten.bytes as Uint8Array<ArrayBuffer>);
    for (const name of ['dylink.0', '.debug_line', 'sourceMappingURL', 'name']) {
      const before = WebAssembly.Module.customSections(original, name);
      assert.equal(before.length, 1, name);
      assert.deepEqual(WebAssembly.Module.customSections(after, name), before);
    }
    assert.equal(parseModule(rewritten.bytes).sections[0]!.name, 'dylink.0');
  });

  test('a module without type, export or global sections of its own gets them in their places', () => {
    const bytes = assemble(`(module (func $malloc (param i32) (result i32) (local.get 0)) (start $begin)
      (func $begin (drop (call $malloc (i32.const 16)))) (data "x"))`);
    const { told } = hookModule(bytes, { shapes: { malloc: SHAPES.malloc } });
    assert.deepEqual(sizes(told), [['allocated', 16, 16]]);
  });

  test('with 64-bit addresses, sizes and addresses are told as exact numbers', (t) => {
    const bytes = assemble(`(module (memory i64 1)
      (func (export "malloc") (param i64) (result i64) (i64.add (local.get 0) (i64.const 0x100000000)))
      (func (export "calloc") (param i64 i64) (result i64) (i64.const 0x3000000000))
      (func (export "posix_memalign") (param i64 i64 i64) (result i32) (i64.store (local.get 0) (i64.const 0x200000008)) (i32.const 0))
      (func (export "realloc") (param i64 i64) (result i64) (i64.add (local.get 0) (local.get 1)))
      (func (export "free") (param i64)))`);
    if (!WebAssembly.validate(bytes)) return t.skip('this engine has no 64-bit memories');
    const { posix_memalign, malloc, free, calloc, realloc } = FAMILY;
    for (const contexts of [false, true]) {
      const shapes = { malloc, free, posix_memalign, calloc, realloc };
      const { exports, take, live, rewritten } = hookModule(bytes, { shapes, options: { contexts } });
      assert.equal(rewritten.wideAddresses, true);
      assert.equal(exports['malloc']!(24n) as unknown, 0x100000018n);
      exports['posix_memalign']!(8n, 16n, 32n);
      exports['calloc']!(0x10_0000n, 0x10_0000n);
      assert.deepEqual(sizes(take()), [
        ['allocated', 0x100000018, 24],
        ['allocated', 0x200000008, 32],
        ['allocated', 0x3000000000, 2 ** 40],
      ]);
      exports['realloc']!(0x100000018n, 0x1000n);
      const [told] = take();
      assert.deepEqual([told!.from, told!.pointer, told!.size], [0x100000018, 0x100001018, 0x1000]);
      for (const pointer of [0x100001018n, 0x200000008n, 0x3000000000n]) exports['free']!(pointer);
      assert.equal(live.size, 0);
    }
  });
});

describe('hooks that do not fit', () => {
  const module = parseModule(
    assemble(`(module (import "a" "b" (func $outside (param i32) (result i32)))
    (func $float (param f64) (result i32) (i32.const 0)) (func $two (param i32) (result i32 i32) (local.get 0) (local.get 0))
    (func $nothing (param i32)) (func $fine (param i32) (result i32) (local.get 0)))`),
  );
  const cases: [string, number, RegExp][] = [
    ['an import', 0, /function 0 can't be hooked: it is imported/],
    ['a size that is no integer', 1, /function 1 can't be hooked: parameter 0 is no integer/],
    ['two results', 2, /function 2 can't be hooked: it returns no single integer/],
    ['no result', 3, /function 3 can't be hooked: it returns no single integer/],
    ['no such function', 9, /no function 9/],
  ];
  for (const [name, functionIndex, message] of cases) {
    test(name, () => {
      const hooks = [{ functionIndex, shape: SHAPES.malloc }];
      assert.throws(() => rewriteModule(module, { hooks, contexts: false, start: 'moved' }), {
        code: 'OTRACE_WASM',
        message,
      });
    });
  }

  test('a function hooked twice, a parameter that is not there', () => {
    const twice = [4, 4].map((functionIndex) => ({ functionIndex, shape: SHAPES.malloc }));
    const absent = [{ functionIndex: 4, shape: SHAPES.calloc }];
    assert.throws(
      () => rewriteModule(module, { hooks: twice, contexts: false, start: 'moved' }),
      /hooked twice/,
    );
    assert.throws(
      () => rewriteModule(module, { hooks: absent, contexts: false, start: 'moved' }),
      /parameter 1/,
    );
  });
});

function sizes(told: readonly { what: string; pointer: number; size: number }[]): [string, number, number][] {
  return told.map(({ what, pointer, size }) => [what, pointer, size]);
}
