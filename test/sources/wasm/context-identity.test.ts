/**
 * Random programs that write down the true chain of call sites in their own memory: whatever they do, two
 * allocations must have the same context exactly when they have the same chain, and the programs must compute
 * what they compute unhooked.
 */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { SHAPES } from '../../../src/sources/wasm/allocation-hook.js';
import { type Callable, hookModule } from './hooked.js';
import { seededRandom } from './seeded-random.js';
import { assemble } from './wat.js';

const FUNCTIONS = 8;

/** Text of a random module; site numbers are unique in it. */
function randomProgram(random: (below: number) => number): string {
  let sites = 0;
  const called = (call: string): string => {
    const site = ++sites;
    return `(i32.store (global.get $chain) (i32.const ${site}))
      (global.set $chain (i32.add (global.get $chain) (i32.const 4)))
      ${call}
      (global.set $chain (i32.sub (global.get $chain) (i32.const 4)))`;
  };
  const sum = (value: string): string => `(local.set $sum (i32.add (local.get $sum) ${value}))`;
  const deeper = '(i32.sub (local.get $depth) (i32.const 1))';
  const statement = (nesting: number): string => {
    const inner = (): string =>
      nesting > 2 ? '' : [statement(nesting + 1), statement(nesting + 1)].join('\n');
    switch (random(11)) {
      case 0:
      case 1:
      case 2:
        return called(sum(`(call $f${random(FUNCTIONS)} ${deeper})`));
      case 3:
        return called(sum(`(call_indirect (type $f) ${deeper} (i32.const ${random(FUNCTIONS)}))`));
      case 4:
        return called(sum('(call $malloc (local.get $depth))'));
      case 5:
        return sum(`(call $leaf (local.get $depth))`);
      case 6:
        return `(if (i32.and (local.get $depth) (i32.const 1)) (then ${inner()}) (else ${inner()}))`;
      case 7:
        return `(local.set $count${nesting} (i32.const 2))
          (loop $again ${inner()}
            (br_if $again (local.tee $count${nesting} (i32.sub (local.get $count${nesting}) (i32.const 1)))))`;
      case 8:
        return `(block (block ${inner()} (br_if 1 (local.get $depth)) ${inner()}))`;
      case 9:
        return `(if (i32.eq (local.get $depth) (i32.const ${random(4)}))
          (then (block (return (i32.add (local.get $sum) (i32.const 1000))))))`;
      default:
        return `(br_if $out (i32.add (local.get $sum) (i32.const 7)) (i32.eq (local.get $depth) (i32.const ${random(4)})))
          (local.set $sum)`;
    }
  };
  const functions = Array.from({ length: FUNCTIONS }, (_, i) => {
    const exported = random(3) === 0 ? `(export "f${i}")` : '';
    const body = Array.from({ length: 1 + random(4) }, () => statement(0)).join('\n');
    return `(func $f${i} ${exported} (param $depth i32) (result i32)
      (local $sum i32) (local $count0 i32) (local $count1 i32) (local $count2 i32) (local $count3 i32)
      (if (i32.le_s (local.get $depth) (i32.const 0)) (then (return (i32.const 1))))
      (block $out (result i32) ${body} (local.get $sum)))`;
  });
  const table = random(2) === 0 ? '(export "table")' : '';
  return `(module
    (type $f (func (param i32) (result i32)))
    (memory (export "memory") 1)
    (global $chain (export "chain") (mut i32) (i32.const 1024))
    (global $next (mut i32) (i32.const 8))
    (func $malloc (export "malloc") (param i32) (result i32)
      (global.set $next (i32.add (global.get $next) (i32.const 8))) (global.get $next))
    (func $leaf (param i32) (result i32) (i32.mul (local.get 0) (i32.const 3)))
    (table ${table} ${FUNCTIONS} funcref)
    (elem (i32.const 0) ${Array.from({ length: FUNCTIONS }, (_, i) => `$f${i}`).join(' ')})
    (func (export "root") (param $depth i32) (result i32)
      (local $sum i32)
      ${called(sum('(call $f0 (local.get $depth))'))} ${called(sum('(call $f1 (local.get $depth))'))}
      (local.get $sum))
    ${functions.join('\n')})`;
}

test('contexts and chains of call sites correspond one to one in random programs', () => {
  let allocations = 0;
  let chains = 0;
  for (let seed = 1; seed <= 150; seed++) {
    const bytes = assemble(randomProgram(seededRandom(seed)));
    const original = new WebAssembly.Instance(new WebAssembly.Module(bytes)).exports as Record<
      string,
      unknown
    >;
    const hooked = hookModule(bytes, { shapes: { malloc: SHAPES.malloc }, options: { contexts: true } });
    const chainByContext = new Map<string, string>();
    const contextByChain = new Map<string, string>();
    const memory = hooked.instance.exports['memory'] as WebAssembly.Memory;
    const end = hooked.instance.exports['chain'] as WebAssembly.Global;
    const push = hooked.told.push;
    hooked.told.push = (...told): number => {
      for (const { context } of told) {
        const chain = new Int32Array(memory.buffer, 1024, (end.value - 1024) / 4).join('>');
        assert.equal(chainByContext.get(context) ?? chain, chain, `seed ${seed}: two chains in one context`);
        assert.equal(
          contextByChain.get(chain) ?? context,
          context,
          `seed ${seed}: one chain in two contexts`,
        );
        chainByContext.set(context, chain);
        contextByChain.set(chain, context);
      }
      return push.apply(hooked.told, told);
    };
    for (const name of Object.keys(original)) {
      if (!/^(f\d+|root)$/.test(name)) continue;
      // A chain that a return left behind would stay; every run begins with an empty one.
      for (const depth of [1, 3, 4]) {
        end.value = 1024;
        (original['chain'] as WebAssembly.Global).value = 1024;
        assert.equal(hooked.exports[name]!(depth), (original[name] as Callable)(depth), `seed ${seed}`);
        assert.equal(hooked.global('context').value, 1n);
      }
    }
    allocations += hooked.told.length;
    chains += chainByContext.size;
  }
  assert.ok(allocations > 5_000 && chains > 1_000, `too little happened: ${allocations}, ${chains}`);
});
