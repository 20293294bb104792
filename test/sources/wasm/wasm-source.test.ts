import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { describe, test } from 'node:test';
import { setImmediate as turn } from 'node:timers/promises';
import { ADDED_EXPORTS } from '../../../src/sources/wasm/rewrite.js';
import { ALLOCATOR } from './allocator-wat.js';
import { growth, traced } from './traced.js';
import { assemble } from './wat.js';

const realExports = Object.getOwnPropertyDescriptor(WebAssembly.Instance.prototype, 'exports')!.get as (
  this: WebAssembly.Instance,
) => WebAssembly.Exports;
const polled: number[] = [];
const { source, warnings, setSampling } = traced({ onMemoryBytes: (bytes) => polled.push(bytes) });
source.install();
source.arm();

type Api = Record<string, (...values: number[]) => number>;

function instantiate(body = '', imports: WebAssembly.Imports = {}): Api {
  const module = new WebAssembly.Module(
    assemble(`(module ${body.includes('(import') ? '' : ALLOCATOR} ${body})`),
  );
  return new WebAssembly.Instance(module, imports).exports as unknown as Api;
}

function during(work: () => void) {
  const before = source.snapshot();
  work();
  const after = source.snapshot();
  const { blocks, bytes, sites } = growth(before, after);
  const unmatched = Number(after.facts['unmatched_frees']) - Number(before.facts['unmatched_frees']);
  return { blocks, bytes, sites, unmatched };
}

const figures = (work: () => void): readonly number[] => {
  const { blocks, bytes, unmatched } = during(work);
  return [blocks, bytes, unmatched];
};

describe('blocks and bytes as asked for', () => {
  const api = instantiate();
  test('malloc and free', () => {
    let block = 0;
    assert.deepEqual(
      figures(() => (block = api['malloc']!(40))),
      [1, 40, 0],
    );
    assert.deepEqual(
      figures(() => api['free']!(block)),
      [-1, -40, 0],
    );
    assert.deepEqual(
      figures(() => api['free']!(block)),
      [0, 0, 1],
    );
    assert.deepEqual(
      figures(() => api['free']!(0)),
      [0, 0, 0],
    );
  });
  test('what fails is not counted', () => {
    assert.deepEqual(
      figures(() => api['malloc']!(100_001)),
      [0, 0, 0],
    );
    assert.deepEqual(
      figures(() => api['posix_memalign']!(16, 64, 100_001)),
      [0, 0, 0],
    );
    const block = api['malloc']!(8);
    assert.deepEqual(
      figures(() => api['realloc']!(block, 100_001)),
      [0, 0, 0],
    );
    api['free']!(block);
  });
  test('calloc, memalign and posix_memalign call malloc and count once', () => {
    assert.deepEqual(
      figures(() => api['calloc']!(3, 40)),
      [1, 120, 0],
    );
    let block = 0;
    assert.deepEqual(
      figures(() => (block = api['memalign']!(256, 40))),
      [1, 40, 0],
    );
    assert.deepEqual(
      figures(() => api['free']!(block)),
      [-1, -40, 0],
    );
    assert.deepEqual(
      figures(() => api['posix_memalign']!(16, 64, 77)),
      [1, 77, 0],
    );
  });
  test('realloc moves, resizes and begins from null', () => {
    let block = 0;
    assert.deepEqual(
      figures(() => (block = api['realloc']!(0, 10))),
      [1, 10, 0],
    );
    assert.deepEqual(
      figures(() => (block = api['realloc']!(block, 50))),
      [0, 40, 0],
    );
    assert.deepEqual(
      figures(() => api['free']!(block)),
      [-1, -50, 0],
    );
  });
});

describe('instances', () => {
  test('each has its own address space', () => {
    const [a, b] = [instantiate(), instantiate()];
    assert.deepEqual(
      figures(() => {
        assert.equal(a['malloc']!(8), b['malloc']!(16));
      }),
      [2, 24, 0],
    );
  });
  test('one that is collected takes its blocks along, and the report says so', async () => {
    (() => {
      const api = instantiate('(func (export "only_here"))');
      for (let i = 0; i < 10; i++) api['malloc']!(1000);
    })();
    const before = source.snapshot();
    let after = before;
    for (let i = 0; i < 50 && after.facts['collected'] === undefined; i++) {
      await turn(); // what was looked at stays until the end of the turn
      globalThis.gc!();
      await turn();
      after = source.snapshot();
    }
    assert.match(after.facts['collected']!, /instances were garbage collected with \d+ blocks, \d+ bytes/);
    assert.ok(before.liveBytes - after.liveBytes >= 10_000);
  });
  test('a start function that allocates is seen', () => {
    assert.deepEqual(
      figures(() => instantiate('(func $s (drop (call $malloc (i32.const 24)))) (start $s)')),
      [1, 24, 0],
    );
  });
  test('memory that grows is counted, also while blocks are recorded', () => {
    const api = instantiate('(func (export "grow") (param i32) (result i32) (memory.grow (local.get 0)))');
    source.liveBytes();
    const before = polled.at(-1)!;
    api['malloc']!(8);
    api['grow']!(3);
    assert.deepEqual(
      figures(() => api['malloc']!(8)),
      [1, 8, 0],
    );
    assert.equal(polled.at(-1), before + 3 * 65_536);
  });
  test('memory that grows by more than the blocks explain is warned of, once', () => {
    const api = instantiate('(func (export "grow") (param i32) (result i32) (memory.grow (local.get 0)))');
    api['malloc']!(8);
    api['grow']!(100);
    source.liveBytes();
    source.liveBytes();
    const lines = warnings.splice(0).filter((line) => /grew by 6553\d+ bytes more than/.test(line));
    assert.equal(lines.length, 1);
  });
});

describe('control flow', () => {
  test('an exception of an import passes, and counting goes on', () => {
    const body = `(import "e" "throw" (func $throw)) ${ALLOCATOR}
      (func (export "work") (drop (call $malloc (i32.const 8))) (call $throw))`;
    const api = instantiate(body, {
      e: {
        throw: () => {
          throw new Error('mine');
        },
      },
    });
    assert.deepEqual(
      figures(() => {
        for (let i = 0; i < 3; i++) assert.throws(() => api['work']!(), /^Error: mine$/);
      }),
      [3, 24, 0],
    );
    assert.deepEqual(
      figures(() => api['malloc']!(5)),
      [1, 5, 0],
    );
  });
  test('a trap in the middle of an allocation silences no more than a few', () => {
    const body = ALLOCATOR.replace(
      '(local $block i32)',
      '(local $block i32) (if (i32.eq (local.get $size) (i32.const 13)) (then unreachable))',
    );
    assert.notEqual(body, ALLOCATOR);
    const module = new WebAssembly.Module(assemble(`(module ${body})`));
    const api = new WebAssembly.Instance(module).exports as unknown as Api;
    assert.throws(() => api['malloc']!(13), WebAssembly.RuntimeError);
    for (let i = 0; i < 16; i++) api['malloc']!(8);
    assert.deepEqual(
      figures(() => api['malloc']!(8)),
      [1, 8, 0],
    );
  });
  test('after a trap, the context is put right in the next turn', async () => {
    const module = new WebAssembly.Module(
      assemble(`(module ${ALLOCATOR}
        (func $work (param i32)
          (drop (call $malloc (i32.const 8)))
          (if (local.get 0) (then unreachable)))
        (func (export "work") (param i32) (call $work (local.get 0)) (call $work (i32.const 0))))`),
    );
    const instance = new WebAssembly.Instance(module);
    const { work } = instance.exports as Record<string, (fail: number) => void>;
    const context = realExports.call(instance)[ADDED_EXPORTS.context] as WebAssembly.Global<'i64'>;
    assert.throws(() => work!(1), WebAssembly.RuntimeError);
    assert.notEqual(context.value, 1n);
    await Promise.resolve();
    assert.equal(context.value, 1n);
    assert.equal(during(() => work!(0)).sites.length, 2);
  });
  test('JavaScript called back calls in again: every block counts, each with its own callers', () => {
    let api: Api = {};
    function innerCaller(depth: number): void {
      api['outer']!(depth - 1);
    }
    api = instantiate(
      `(import "e" "back" (func $back (param i32))) ${ALLOCATOR}
       (func (export "outer") (param i32)
         (drop (call $malloc (i32.const 100)))
         (if (local.get 0) (then (call $back (local.get 0))))
         (drop (call $malloc (i32.const 7))))`,
      { e: { back: innerCaller } },
    );
    function outerCaller(): void {
      api['outer']!(2);
    }
    const { blocks, bytes, sites } = during(outerCaller);
    assert.deepEqual([blocks, bytes], [6, 321]);
    assert.ok(sites.every(({ stack }) => stack.includes('outerCaller')));
    assert.equal(
      sites.filter(({ stack }) => !stack.includes('innerCaller')).reduce((n, site) => n + site.blocks, 0),
      2,
    );
  });
});

describe('tables', () => {
  test('an imported one: what JavaScript and the module call through it is counted', () => {
    const table = new WebAssembly.Table({ element: 'anyfunc', initial: 3 });
    const body = `(import "e" "table" (table 3 funcref)) (type $t (func (param i32) (result i32))) ${ALLOCATOR}
      (elem (i32.const 1) $malloc) (export "table" (table 0))
      (func (export "through") (param i32) (result i32)
        (call_indirect (type $t) (i32.const 40) (local.get 0)))`;
    const api = instantiate(body, { e: { table } });
    assert.deepEqual(
      figures(() => api['through']!(1)),
      [1, 40, 0],
    );
    assert.deepEqual(
      figures(() => (table.get(1) as (size: number) => number)(24)),
      [1, 24, 0],
    );
    assert.equal(table.get(1), api['malloc']);
    assert.equal(table.length, 3);
    assert.equal(api['table'] as unknown, table);
    table.grow(1);
    table.set(0, api['calloc']);
    assert.deepEqual(
      figures(() => api['through']!(1)),
      [1, 40, 0],
    );
  });
  test('exports called as the added ones are', () => {
    const names = ['hooks', 'inside', 'context', 'entry', 'start'];
    const body = names.map((name, i) => `(global (export "otrace:${name}") i32 (i32.const ${i}))`).join(' ');
    const module = new WebAssembly.Module(
      assemble(`(module ${ALLOCATOR} ${body} (table (export "\\00hooks") 1 funcref))`),
    );
    const { exports } = new WebAssembly.Instance(module);
    for (const [i, name] of names.entries()) {
      assert.equal((exports[`otrace:${name}`] as WebAssembly.Global).value, i);
    }
    assert.ok(exports['\0hooks'] instanceof WebAssembly.Table);
    assert.deepEqual(
      figures(() => (exports['malloc'] as (size: number) => number)(5)),
      [1, 5, 0],
    );
  });
  test('a module that has an export of the very name runs as it is', () => {
    const module = new WebAssembly.Module(
      assemble(`(module ${ALLOCATOR} (table (export "\\00otrace:hooks") 1 funcref))`),
    );
    const exports = new WebAssembly.Instance(module).exports as unknown as Api;
    assert.ok(exports['malloc']!(5) > 0);
  });
});

describe('memory', () => {
  test('views that growth detaches, while the module and JavaScript called back allocate', () => {
    let api: Api = {};
    const seen: number[] = [];
    api = instantiate(
      `(import "e" "grown" (func $grown)) ${ALLOCATOR}
       (func (export "work") (param i32)
         (loop $again
           (drop (call $malloc (i32.const 16)))
           (drop (memory.grow (i32.const 1)))
           (call $grown)
           (local.set 0 (i32.sub (local.get 0) (i32.const 1)))
           (br_if $again (local.get 0))))`,
      {
        e: {
          grown: () => {
            const { buffer } = api['memory'] as unknown as WebAssembly.Memory;
            seen.push(buffer.byteLength);
            api['free']!(api['malloc']!(3));
            source.liveBytes();
          },
        },
      },
    );
    const view = new Uint8Array((api['memory'] as unknown as WebAssembly.Memory).buffer);
    assert.deepEqual(
      figures(() => api['work']!(5)),
      [5, 80, 0],
    );
    assert.equal(view.length, 0, 'it was detached');
    assert.deepEqual(
      seen,
      [5, 6, 7, 8, 9].map((pages) => pages * 65_536),
    );
  });
});

describe('attribution', () => {
  const api = instantiate(`
    (func $leaf (drop (call $malloc (i32.const 9))))
    (func $_ZN4game5SceneC2Ev (call $leaf))
    (func (export "scene") (call $_ZN4game5SceneC2Ev) (call $leaf))`);
  function first(): void {
    api['scene']!();
  }
  function second(): void {
    api['scene']!();
  }
  test('functions of the module and of JavaScript, innermost first, two callers apart', () => {
    const { sites } = during(() => {
      first();
      for (let i = 0; i < 2; i++) second();
    });
    assert.equal(sites.length, 4);
    const of = (pattern: RegExp): number =>
      sites.filter(({ stack }) => pattern.test(stack)).reduce((n, s) => n + s.blocks, 0);
    assert.equal(of(/^leaf \(.*\) <- game::Scene::Scene\(\) \(.*\) <- scene \(.*\) <- first \(/), 1);
    assert.equal(of(/^leaf \(.*\) <- game::Scene::Scene\(\) \(.*\) <- scene \(.*\) <- second \(/), 2);
    assert.equal(of(/^leaf \([^<]*\) <- scene \(.*\) <- second \(/), 2);
  });
  test('at sampling 0 the part inside the module is still exact', () => {
    setSampling(0);
    const { sites } = during(() => {
      first();
      second();
    });
    setSampling(1);
    assert.deepEqual(
      sites.map((site) => site.blocks),
      [2, 2],
    );
    assert.ok(sites.every(({ stack }) => /scene \([^<]*\)$/.test(stack)));
  });
});

test('disarmed, nothing is recorded and nothing forgotten; armed again, it goes on', () => {
  const api = instantiate();
  const kept = api['malloc']!(64);
  const before = source.snapshot();
  source.disarm();
  api['malloc']!(32);
  assert.equal(source.snapshot().liveBytes, before.liveBytes);
  source.arm();
  assert.deepEqual(
    figures(() => api['free']!(kept)),
    [-1, -64, 0],
  );
});

test('the C++ demo: 120 blocks, two lost ones, and the buffer of the vector', async () => {
  const bytes = readFileSync('examples/wasm-demo/demo.wasm');
  const { instance } = await WebAssembly.instantiate(bytes);
  const api = instance.exports as unknown as Api;
  api['_initialize']!();
  const {
    blocks,
    bytes: live,
    sites,
  } = during(() => {
    api['keep']!(120, 16 * 1024);
    api['lose']!();
  });
  assert.deepEqual([blocks, live], [123, 120 * 16_384 + 1024 + 2048 + 128 * 4]);
  assert.equal(sites[0]!.bytes, 1_966_080);
  assert.match(sites[0]!.stack, /^keep \(/);
});

/*
 * assembly-script.wasm is this, built with `asc a.ts --exportRuntime --debug` (AssemblyScript 0.28):
 *   class Node { next: Node | null = null; data: StaticArray<u8> = new StaticArray<u8>(100); }
 *   let keep: Node | null = null;
 *   export function leak(n: i32): void { for (let i = 0; i < n; i++) { const x = new Node(); x.next = keep; keep = x; } }
 *   export function churn(n: i32): void { for (let i = 0; i < n; i++) { new Node(); } }
 *   export function drop(): void { keep = null; }
 */
test('AssemblyScript with names: what its collector frees is freed', async () => {
  const bytes = readFileSync('test/sources/wasm/assembly-script.wasm');
  const { instance } = await WebAssembly.instantiate(bytes, { env: { abort() {} } });
  const api = instance.exports as unknown as Api;
  api['__collect']!();
  const { blocks, unmatched } = during(() => {
    api['leak']!(1000);
    api['churn']!(5000);
    api['__collect']!();
  });
  assert.deepEqual([blocks, unmatched], [2000, 0]);
  const [left] = figures(() => {
    api['drop']!();
    api['__collect']!();
  });
  assert.equal(left, -2000);
});

test('a module without an allocator runs as it is; one line says why', () => {
  warnings.length = 0;
  const filler = '(func (result i32) (i32.const 1))'.repeat(60);
  const api = instantiate(
    `(import "e" "f" (func)) (memory 1) ${filler} (func (export "one") (result i32) (i32.const 1))`,
    {
      e: { f: () => {} },
    },
  );
  assert.equal(api['one']!(), 1);
  assert.equal(warnings.length, 1);
  assert.match(
    warnings[0]!,
    /^otrace: no allocator to hook in WebAssembly module .*: no function behaves like an allocator;/,
  );
});

test('reset forgets what was counted', () => {
  source.reset();
  assert.equal(source.liveBytes(), 0);
  assert.deepEqual(source.snapshot().sites, []);
});
