import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { SHAPES } from '../../../src/sources/wasm/allocation-hook.js';
import { parseModule } from '../../../src/sources/wasm/module-sections.js';
import { rewriteModule } from '../../../src/sources/wasm/rewrite.js';
import { ALLOCATOR } from './allocator-wat.js';
import { type Callable, type Hooked, type HookSpecification, hookModule } from './hooked.js';
import { assemble } from './wat.js';

const withContexts = (wat: string, more: HookSpecification = {}): Hooked =>
  hookModule(assemble(wat), { ...more, options: { contexts: true, ...more.options } });

/** The contexts of the allocations since the last call of this. */
const contexts = (hooked: Hooked): string[] =>
  hooked
    .take()
    .filter(({ what }) => what === 'allocated')
    .map(({ context }) => context);

const atRest = (hooked: Hooked): void => {
  assert.equal(hooked.global('context').value, 1n);
  assert.equal(hooked.global('entry').value, 0);
  assert.equal(hooked.global('inside').value, 0);
};

describe('contexts', () => {
  test('tell call sites apart, and the same chain of calls is the same context again', () => {
    const hooked = withContexts(`(module ${ALLOCATOR}
      (func $make (param i32) (result i32) (call $malloc (local.get 0)))
      (func (export "two") (drop (call $malloc (i32.const 1))) (drop (call $malloc (i32.const 2))))
      (func (export "loop") (local i32)
        (loop $again
          (drop (call $make (i32.const 1)))
          (br_if $again (i32.lt_u (local.tee 0 (i32.add (local.get 0) (i32.const 1))) (i32.const 3)))))
      (func (export "deep") (drop (call $make (i32.const 1))) (drop (call $make (i32.const 1)))))`);
    const run = (name: string): string[] => {
      hooked.exports[name]!();
      atRest(hooked);
      return contexts(hooked);
    };
    const [first, second] = run('two');
    assert.notEqual(first, second);
    assert.deepEqual(run('two'), [first, second]);
    const inLoop = run('loop');
    assert.equal(inLoop.length, 3);
    assert.equal(new Set(inLoop).size, 1);
    assert.equal(new Set([...run('deep'), ...inLoop, first, second]).size, 5);
    hooked.exports['malloc']!(1);
    assert.deepEqual(contexts(hooked), ['0:1']);
  });

  test('follow calls through tables, and recursion', () => {
    const hooked = withContexts(`(module ${ALLOCATOR}
      (type $make (func (param i32) (result i32)))
      (table 3 funcref) (elem (i32.const 0) $malloc $one $two)
      (func $one (param i32) (result i32) (call $malloc (local.get 0)))
      (func $two (param i32) (result i32) (call $malloc (local.get 0)))
      (func (export "indirect") (param i32) (result i32) (call_indirect (type $make) (i32.const 8) (local.get 0)))
      (func $down (export "down") (param i32) (result i32)
        (if (i32.eqz (local.get 0)) (then (return (call $malloc (i32.const 1)))))
        (call $down (i32.sub (local.get 0) (i32.const 1)))))`);
    const seen = new Set<string>();
    for (const target of [0, 1, 2]) {
      hooked.exports['indirect']!(target);
      for (const context of contexts(hooked)) seen.add(context);
    }
    assert.equal(seen.size, 3);
    for (let depth = 0; depth < 50; depth++) {
      hooked.exports['down']!(depth);
      for (const context of contexts(hooked)) seen.add(context);
    }
    assert.equal(seen.size, 53);
    atRest(hooked);
  });

  test('a tail call takes the context of the frame that it replaces', () => {
    const hooked = withContexts(`(module ${ALLOCATOR}
      (type $f (func (param i32) (result i32)))
      (table 1 funcref) (elem (i32.const 0) $finish)
      (func $finish (param i32) (result i32) (drop (call $malloc (i32.const 1))) (drop (call $malloc (i32.const 2))) (i32.const 0))
      (func $spin (param i32) (result i32)
        (if (i32.eqz (local.get 0)) (then (return_call_indirect (type $f) (i32.const 0) (i32.const 0))))
        (return_call $spin (i32.sub (local.get 0) (i32.const 1))))
      (func (export "spin") (param i32) (result i32) (return_call $spin (local.get 0)))
      (func (export "call") (param i32) (result i32) (call $spin (local.get 0)))
      (func (export "leave") (param i32) (result i32) (return_call $malloc (local.get 0))))`);
    const run = (name: string, value: number): string => {
      hooked.exports[name]!(value);
      atRest(hooked);
      return contexts(hooked).join();
    };
    assert.equal(run('spin', 100_000), run('spin', 0));
    assert.equal(run('call', 100_000), run('call', 3));
    assert.notEqual(run('spin', 1), run('call', 1));
    assert.equal(run('leave', 1), '0:1');
  });

  test('calls that lead nowhere and functions that only pass on stay as they are', () => {
    const bytes = assemble(`(module
      (func $malloc (export "malloc") (param i32) (result i32) (local.get 0))
      (func $leaf (param i32) (result i32) (i32.add (local.get 0) (i32.const 1)))
      (func $pure (param i32) (result i32) (call $leaf (call $leaf (local.get 0))))
      (func $pass (param i32) (result i32) (call $malloc (call $pure (local.get 0))))
      (func (export "f") (result i32) (i32.add (call $pass (call $pure (i32.const 1))) (call $pass (i32.const 1)))))`);
    const module = parseModule(bytes);
    const hooks = [{ functionIndex: 0, shape: SHAPES.malloc }];
    const { bytes: after } = rewriteModule(module, { hooks, contexts: true, start: 'moved' });
    const rewritten = parseModule(after);
    const body = (of: typeof module, index: number): string =>
      Buffer.from(of.bytes.subarray(of.code.bodyStarts[index], of.code.bodyEnds[index])).toString('hex');
    for (const index of [1, 2, 3]) assert.equal(body(rewritten, index), body(module, index));
    assert.notEqual(body(rewritten, 4), body(module, 4));
    const hooked = hookModule(bytes, { shapes: { malloc: SHAPES.malloc }, options: { contexts: true } });
    hooked.exports['f']!();
    assert.equal(new Set(contexts(hooked)).size, 2);
  });
});

test('a function with as many locals as an engine takes is left as it is', () => {
  const locals = '(local i32) '.repeat(49_999);
  const hooked = withContexts(`(module ${ALLOCATOR}
    (func (export "many") ${locals} (drop (call $malloc (i32.const 1))) (drop (call $malloc (i32.const 2)))))`);
  hooked.exports['many']!();
  assert.equal(hooked.take().length, 2);
});

describe('entries from JavaScript', () => {
  const WAT = `(module
    (import "env" "out" (func $out (param i32)))
    (import "env" "invoke_v" (func $invoke (param i32)))
    ${ALLOCATOR}
    (type $v (func))
    (table (export "table") 4 funcref) (elem (i32.const 0) $work $viaOut $viaInvoke)
    (func $work (export "work") (drop (call $malloc (i32.const 1))) (drop (call $malloc (i32.const 1))))
    (func $viaOut (export "viaOut") (drop (call $malloc (i32.const 2))) (call $out (i32.const 0)) (drop (call $malloc (i32.const 2))))
    (func $viaInvoke (export "viaInvoke")
      (drop (call $malloc (i32.const 3))) (call $invoke (i32.const 0)) (drop (call $malloc (i32.const 3)))))`;

  const make = (out: (hooked: Hooked) => void): Hooked => {
    const table = (): WebAssembly.Table => hooked.instance.exports['table'] as WebAssembly.Table;
    const hooked: Hooked = withContexts(WAT, {
      imports: { env: { out: () => out(hooked), invoke_v: (i: number) => (table().get(i) as Callable)() } },
    });
    return hooked;
  };
  const entries = (hooked: Hooked): number[] => hooked.take().map(({ entry }) => entry);

  test('the first allocation of a call from outside has entry 0, the others the number that it was given', () => {
    const hooked = make(() => {});
    hooked.exports['work']!();
    assert.deepEqual(entries(hooked), [0, 1]);
    (hooked.instance.exports['table'] as WebAssembly.Table).get(0)();
    assert.deepEqual(entries(hooked), [0, 2]);
    hooked.exports['malloc']!(1);
    hooked.exports['malloc']!(1);
    assert.deepEqual(entries(hooked), [0, 0]);
    atRest(hooked);
  });

  test('a callback is an entry of its own, keeps the context that it came from, and gives both back', () => {
    const hooked = make(({ exports }) => exports['work']!());
    hooked.exports['viaOut']!();
    const told = hooked.take();
    assert.deepEqual(
      told.map(({ entry }) => entry),
      [0, 0, 2, 1],
    );
    atRest(hooked);
    const inner = told[1]!.context;
    hooked.exports['work']!();
    assert.notEqual(hooked.take()[0]!.context, inner, 'the outer calls are part of the context');
    hooked.exports['viaOut']!();
    assert.equal(hooked.take()[1]!.context, inner);
  });

  test('what an invoke_ import calls belongs to the entry around it', () => {
    const hooked = make(() => {});
    hooked.exports['viaInvoke']!();
    const told = hooked.take();
    assert.deepEqual(
      told.map(({ entry }) => entry),
      [0, 1, 1, 1],
    );
    hooked.exports['work']!();
    assert.notEqual(told[1]!.context, hooked.take()[0]!.context);
    atRest(hooked);
  });

  test('calls nest to any depth', () => {
    let depth = 0;
    const hooked = make(({ exports }) => {
      if (++depth < 20) exports['viaOut']!();
    });
    hooked.exports['viaOut']!();
    const told = hooked.take();
    const outwards = told.slice(20);
    assert.deepEqual(
      entriesBefore(told),
      Array.from({ length: 20 }, () => 0),
    );
    assert.deepEqual(
      outwards.map(({ entry }) => entry),
      Array.from({ length: 20 }, (_, i) => 20 - i),
    );
    assert.equal(new Set(told.map(({ context }) => context)).size, 40);
    atRest(hooked);

    function entriesBefore(all: readonly { entry: number }[]): number[] {
      return all.slice(0, 20).map(({ entry }) => entry);
    }
  });
});
