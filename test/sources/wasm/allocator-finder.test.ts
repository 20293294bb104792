import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { describe, test } from 'node:test';
import { SHAPES } from '../../../src/sources/wasm/allocation-hook.js';
import { type AllocatorNames, findAllocator } from '../../../src/sources/wasm/allocator-finder.js';
import { parseModule } from '../../../src/sources/wasm/module-sections.js';
import { ALLOCATOR } from './allocator-wat.js';
import { assemble } from './wat.js';

const require = createRequire(import.meta.url);

function find(bytes: Uint8Array, names: AllocatorNames = {}) {
  const module = parseModule(bytes);
  const found = findAllocator(module, names);
  const nameOf = (index: number): string =>
    module.exports.find((entry) => entry.kind === 0 && entry.index === index)?.name ?? `#${index}`;
  const hooks = found.hooks
    .map(({ functionIndex, shape }) => `${nameOf(functionIndex)} ${shape.event}`)
    .sort();
  return { ...found, text: hooks.join(', ') };
}

const packaged = (file: string): Uint8Array => readFileSync(require.resolve(file));

describe('the allocators of published modules', () => {
  test('sql.js: minified names, no name section', () => {
    const { text, how } = find(packaged('sql.js/dist/sql-wasm.wasm'));
    assert.equal(text, 'Ia allocate, Ja free, La allocate');
    assert.equal(how, 'by trial calls');
  });

  test('vscode-oniguruma: malloc and free exported, calloc and realloc nameless', () => {
    const { text, how, complete } = find(packaged('vscode-oniguruma/release/onig.wasm'));
    assert.equal(text, '#220 reallocate, #222 allocate, free free, malloc allocate');
    assert.equal(how, 'by export names and trial calls');
    assert.equal(complete, true);
  });

  test('source-map: Rust, nothing of an allocator exported or named', () => {
    const { hooks, text, how } = find(packaged('source-map/lib/mappings.wasm'));
    assert.equal(text, '#18 allocate, #20 free, #21 allocate');
    assert.equal(how, 'by trial calls');
    assert.deepEqual(hooks.find((hook) => hook.functionIndex === 21)?.shape, SHAPES.memalign);
  });

  test('sqlite-wasm: memory imported; realloc exported, what is behind memalign found', () => {
    const { text } = find(packaged('@sqlite.org/sqlite-wasm/sqlite3.wasm'));
    assert.equal(text, '#2682 allocate, free free, malloc allocate, realloc reallocate');
  });

  test('web-tree-sitter: a name section', () => {
    const { text, how } = find(packaged('web-tree-sitter/tree-sitter.wasm'));
    assert.equal(text, 'calloc allocate, free free, malloc allocate, realloc reallocate');
    assert.equal(how, 'by the name section');
  });

  test('a grammar for web-tree-sitter has none', () => {
    assert.equal(find(packaged('tree-sitter-javascript/tree-sitter-javascript.wasm')).text, '');
  });

  test('the C++ demo: operator new and what it calls', () => {
    const { text, how } = find(readFileSync('examples/wasm-demo/demo.wasm'));
    assert.equal(text.split(', ').filter((entry) => entry.endsWith('free')).length, 3);
    assert.equal(how, 'by the name section');
  });
});

// A free list, so that what is freed is handed out again, under names that say nothing.
const STRIPPED = `
  (memory (export "m") 2)
  (global $top (mut i32) (i32.const 1024))
  (global $list (mut i32) (i32.const 0))
  (func $x (export "x") (param i32) (result i32) (local i32 i32)
    (local.set 2 (global.get $list))
    (if (i32.and (i32.ne (local.get 2) (i32.const 0)) (i32.le_u (local.get 0) (i32.const 4000)))
      (then (global.set $list (i32.load (local.get 2))) (return (local.get 2))))
    (local.set 1 (global.get $top))
    (global.set $top (i32.add (local.get 1) (i32.const 4096)))
    (if (i32.gt_u (global.get $top) (i32.mul (memory.size) (i32.const 65536)))
      (then (drop (memory.grow (i32.const 1)))))
    (local.get 1))
  (func $y (export "y") (param i32)
    (if (local.get 0) (then
      (i32.store (local.get 0) (global.get $list))
      (global.set $list (local.get 0)))))`;

describe('a module without names', () => {
  test('the allocator is told by what it does', () => {
    const { text, how } = find(assemble(`(module ${STRIPPED})`));
    assert.equal(text, 'x allocate, y free');
    assert.equal(how, 'by trial calls');
  });

  test('wrappers are seen through, to the functions that all calls pass', () => {
    const { text } = find(
      assemble(`(module ${STRIPPED}
        (func (export "create") (param i32) (result i32) (call $x (i32.add (local.get 0) (i32.const 0))))
        (func (export "destroy") (param i32) (call $y (local.get 0))))`),
    );
    assert.equal(text, 'x allocate, y free');
  });

  test('so is an exported one around an allocator that needs many functions, to complain', () => {
    const chain = Array.from({ length: 60 }, (_, i) =>
      i === 59 ? '(func $c59 unreachable)' : `(func $c${i} (call $c${i + 1}))`,
    ).join('\n');
    const complaining = STRIPPED.replace(
      '(local.set 2 (global.get $list))',
      '(if (i32.gt_u (local.get 0) (i32.const 0x7fffffff)) (then (call $c0))) (local.set 2 (global.get $list))',
    );
    const { text } = find(
      assemble(`(module ${complaining} ${chain}
        (func (export "__wbindgen_malloc") (param i32 i32) (result i32) (call $x (local.get 0)))
        (func (export "__wbindgen_free") (param i32 i32 i32) (call $y (local.get 0))))`),
    );
    assert.equal(text, 'x allocate, y free');
  });

  test('so is a realloc that needs many functions besides, each for next to nothing', () => {
    const fields = Array.from(
      { length: 60 },
      (_, i) => `(func $field${i} (param i32) (result i32) (local.get 0))`,
    );
    const reads = fields.map((_, i) => `(drop (call $field${i} (local.get 0)))`);
    const calling = STRIPPED.replaceAll('(i32.const 4096)', '(i32.const 8192)').replace(
      '(local.set 2 (global.get $list))',
      `${reads.slice(0, 35).join(' ')} $&`,
    );
    assert.notEqual(calling, STRIPPED);
    const { text, complete } = find(
      assemble(`(module ${calling} ${fields.join(' ')}
        (func (export "r") (param i32 i32) (result i32) (local i32) ${reads.slice(30).join(' ')}
          (local.set 2 (call $x (local.get 1)))
          (memory.copy (local.get 2) (local.get 0) (local.get 1))
          (call $y (local.get 0))
          (local.get 2)))`),
    );
    assert.deepEqual([text, complete], ['r reallocate, x allocate, y free', true]);
  });

  test('bindings that export hundreds of functions do not hide it', () => {
    const bindings = Array.from(
      { length: 120 },
      (_, i) => `(func (export "get${i}") (param i32) (result i32) (i32.load (local.get 0)))
        (func (export "end${i}") (param i32) (call $y (local.get 0)))`,
    );
    const uses = '(func (export "use") (call $y (call $x (i32.const 8))) (call $y (call $x (i32.const 8))))';
    const hidden = STRIPPED.replace(/\(export "[xy]"\)/g, '');
    const { hooks } = find(assemble(`(module ${bindings.join(' ')} ${hidden} ${uses})`));
    assert.deepEqual(
      hooks.map(({ shape }) => shape.event),
      ['allocate', 'free'],
    );
  });

  test('nor does a memory that is gigabytes from the start', () => {
    for (const memory of ['(memory (export "m") 32768)', '(import "a" "m" (memory 20000 65536))']) {
      const { text } = find(assemble(`(module ${STRIPPED.replace('(memory (export "m") 2)', memory)})`));
      assert.equal(text, 'x allocate, y free');
    }
  });

  test('64-bit addresses', (t) => {
    const wide = STRIPPED.replace('(memory (export "m") 2)', '(memory (export "m") i64 2)')
      .replaceAll('i32', 'i64')
      .replace('(i64.and', '(i32.and')
      .replace('(if (local.get 0) (then', '(if (i64.ne (local.get 0) (i64.const 0)) (then');
    const bytes = assemble(`(module ${wide})`);
    if (!WebAssembly.validate(bytes)) return t.skip('this engine has no 64-bit memories');
    assert.equal(find(bytes).text, 'x allocate, y free');
  });

  test('no allocator is seen in what only hands out memory', () => {
    const { hooks, how } = find(
      assemble(`(module (memory (export "m") 2) (global $top (mut i32) (i32.const 1024))
        (func (export "sbrk") (param i32) (result i32)
          (global.get $top) (global.set $top (i32.add (global.get $top) (local.get 0))))
        (func (export "close") (param i32)))`),
    );
    assert.deepEqual(hooks, []);
    assert.equal(how, 'no function behaves like an allocator');
  });

  test('nor in an allocator that hands out what is in use', () => {
    const overlapping = STRIPPED.replace('(i32.const 4096)))\n    (if', '(i32.const 16)))\n    (if');
    assert.notEqual(overlapping, STRIPPED);
    assert.equal(find(assemble(`(module ${overlapping})`)).text, '');
  });

  test('candidates that never end, trap or recurse are got over with', () => {
    const startedMs = performance.now();
    const { text } = find(
      assemble(`(module ${STRIPPED}
        (func (export "forever") (param i32) (result i32) (loop (br 0)) (unreachable))
        (func $deep (export "deep") (param i32) (result i32) (call $deep (local.get 0)))
        (func (export "trap") (param i32) (unreachable))
        (func (export "wild") (param i32) (i32.store (i32.const 65000) (local.get 0)) (loop (br 0))))`),
    );
    assert.equal(text, 'x allocate, y free');
    assert.ok(performance.now() - startedMs < 5000);
  });

  test('candidates that wait for another thread do not wait', () => {
    const waiting = `(func (export "lock") (param i32) (result i32)
        (drop (memory.atomic.wait32 (i32.const 0) (i32.const 0) (i64.const -1))) (i32.const 64))
      (func (export "unlock") (param i32) (drop (memory.atomic.wait32 (i32.const 0) (i32.const 0) (i64.const -1))))`;
    const memory = '(memory (export "m") 2)';
    for (const shared of ['(memory (export "m") 2 9 shared)', '(import "e" "m" (memory 2 9 shared))']) {
      const { text } = find(assemble(`(module ${STRIPPED.replace(memory, shared)} ${waiting})`));
      assert.equal(text, 'x allocate, y free', shared);
    }
  });

  test('trials reach nothing outside', () => {
    let called = 0;
    const bytes = assemble(`(module (import "e" "f" (func $f (param i32) (result i32)))
      (memory (import "e" "m") 1)
      (func (export "a") (param i32) (result i32) (call $f (local.get 0)))
      (func (export "b") (param i32) (i32.store8 (local.get 0) (i32.const 1))))`);
    const memory = new WebAssembly.Memory({ initial: 1 });
    const instance = new WebAssembly.Instance(new WebAssembly.Module(bytes as BufferSource), {
      e: { m: memory, f: () => ++called },
    });
    assert.deepEqual(find(bytes).hooks, []);
    assert.equal(called, 0);
    assert.ok(new Uint8Array(memory.buffer).every((byte) => byte === 0));
    assert.ok(instance.exports);
  });
});

describe('names', () => {
  test('of the user come first, and nothing is added to them', () => {
    const bytes = assemble(`(module ${ALLOCATOR})`);
    const index = parseModule(bytes).exports.find(({ name }) => name === 'realloc')!.index;
    const { text, how } = find(bytes, { malloc: 'new', free: 'delete', realloc: `#${index}` });
    assert.equal(text, 'delete free, new allocate, realloc reallocate');
    assert.equal(how, 'named by the user');
  });

  test('of the user that do not fit are an error that says so', () => {
    const bytes = assemble(`(module ${ALLOCATOR})`);
    for (const names of [{ malloc: 'nothing' }, { malloc: '#99' }, { malloc: 'free' }, { free: 'memory' }]) {
      assert.throws(() => find(bytes, names), {
        code: 'OTRACE_BAD_OPTION',
        message: /no such function of a fitting/,
      });
    }
    assert.throws(
      () => find(bytes, { mallok: 'malloc' } as never),
      /role mallok is not known; use one of malloc,/,
    );
  });

  test('in the name section count, mangled or not', () => {
    const bytes = assemble(
      `(module (memory 1)
        (func $_Znwm (param i32) (result i32) (i32.const 8))
        (func $_ZdlPv (param i32))
        (func $_ZnamSt11align_val_t (param i32 i32) (result i32) (i32.const 8))
        (func $malloc_stats (param i32) (result i32) (i32.const 8)))`,
    );
    const { hooks, how } = find(bytes);
    assert.deepEqual(
      hooks.map((hook) => hook.functionIndex),
      [0, 1, 2],
    );
    assert.equal(how, 'by the name section');
  });

  test('of bindings alone, what they wrap having none, are not taken for the allocator', () => {
    const named = STRIPPED.replace('(func $x (export "x")', '(func $inner').replaceAll(
      '(call $x ',
      '(call $inner ',
    );
    const { text, how } = find(
      assemble(`(module ${named.replace('(func $y (export "y")', '(func $__rust_dealloc')}
        (func $__wbindgen_malloc (export "__wbindgen_malloc") (param i32 i32) (result i32) (call $inner (local.get 0)))
        (func $other (export "other") (result i32) (call $inner (i32.const 8))))`),
    );
    assert.equal(text, '#0 allocate, #1 free');
    assert.equal(how, 'by export names and trial calls');
  });

  test('of Rust and Zig, as their newest compilers write them', () => {
    const { text, how } = find(
      assemble(`(module (memory 1)
        (func $_RNvMs0_NtCshLrrydh1LUZ_8dlmalloc8dlmallocINtB5_8DlmallocNtNtB7_3sys6SystemE6mallocCs3HZVvw3jX5q_3std
          (param i32) (result i32) (local.get 0))
        (func $_RNvCs6rREvFdRhLb_7___rustc14___rust_dealloc (param i32 i32 i32)))`),
    );
    assert.deepEqual([text, how], ['#0 allocate, #1 free', 'by the name section']);
    const zig = find(
      assemble(`(module (memory 1)
        (func $heap.WasmAllocator.alloc (param i32 i32 i32 i32) (result i32) (local.get 0))
        (func $heap.WasmAllocator.free (param i32 i32 i32 i32 i32)))`),
    );
    assert.deepEqual(
      zig.hooks.map(({ shape }) => shape),
      [SHAPES.memalign, { event: 'free', pointer: 1 }],
    );
  });

  test('a name with a signature that does not fit is no match', () => {
    const bytes = assemble(`(module (memory 1)
      (func (export "malloc") (param f64) (result f64) (local.get 0))
      (func (export "free") (param f32)))`);
    assert.deepEqual(find(bytes).hooks, []);
  });

  test("Go and AssemblyScript's collector are declined with the reason", () => {
    const go = assemble('(module (import "gojs" "runtime.wasmExit" (func (param i32))) (memory 1))');
    assert.match(find(go).how, /^Go's heap is garbage collected/);
    const assemblyScript = assemble(`(module (memory 1)
      (func (export "__new") (param i32 i32) (result i32) (i32.const 8))
      (func (export "__pin") (param i32) (result i32) (local.get 0)) (func (export "__collect")))`);
    assert.match(find(assemblyScript).how, /^AssemblyScript's heap is garbage collected/);
    assert.deepEqual(find(assemblyScript).hooks, []);
  });
});
