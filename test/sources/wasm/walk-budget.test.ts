import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { WalkBudget } from '../../../src/sources/wasm/walk-budget.js';
import { ALLOCATOR } from './allocator-wat.js';
import { growth, traced } from './traced.js';
import { assemble } from './wat.js';

/** A clock that stands still unless it is told. */
function clock() {
  let ms = 0;
  return { now: () => ms, pass: (by: number) => (ms += by) };
}

/** How many of so many asks are granted. */
const granted = (budget: WalkBudget, asks: number): number =>
  Array.from({ length: asks }, () => budget.grants()).filter(Boolean).length;

describe('time for stack walks', () => {
  test('is taken off, and comes back with the time that passes', () => {
    const { now, pass } = clock();
    const budget = new WalkBudget(now);
    let walks = 0;
    while (budget.grants()) {
      budget.spend(() => pass(10));
      walks++;
    }
    assert.ok(walks >= 50 && walks <= 60, `${walks} walks of 10 ms`);
    pass(1000);
    assert.ok(granted(budget, 100) > 60, 'a tenth of a second is there again');
  });

  test('takes at most a tenth in the long run, and does not save up for hours', () => {
    const { now, pass } = clock();
    const budget = new WalkBudget(now);
    pass(3_600_000);
    const start = now();
    let spentMs = 0;
    while (now() - start < 20_000) {
      if (budget.grants()) {
        budget.spend(() => pass(1));
        spentMs++;
      } else pass(0.05);
    }
    assert.ok(spentMs > 2_000 && spentMs < 2_700, `${spentMs} ms of 20 s`);
    assert.ok(budget.refusals > 1000);
  });

  test('that is gone leaves blocks and bytes exact, on a row that says so', () => {
    const { now, pass } = clock();
    const walks = new WalkBudget(now);
    const { source } = traced({ walks });
    source.install();
    source.arm();
    const module = new WebAssembly.Module(
      assemble(`(module ${ALLOCATOR}
        (func $down (export "down") (param i32) (result i32)
          (if (i32.eqz (local.get 0)) (then (return (call $malloc (i32.const 10)))))
          (call $down (i32.sub (local.get 0) (i32.const 1)))))`),
    );
    const api = new WebAssembly.Instance(module).exports as unknown as Record<string, (n: number) => number>;
    walks.spend(() => pass(1000));
    const before = source.snapshot();
    const blocks = Array.from({ length: 200 }, (_, depth) => api['down']!(depth));
    const during = source.snapshot();
    const without = growth(before, during);
    assert.deepEqual([without.blocks, without.bytes, without.sites.length], [200, 2000, 1]);
    assert.match(without.sites[0]!.stack, /^\(more call chains than there was time to walk\)/);
    assert.match(String(during.facts['unwalked']), /^400 times/);
    for (const block of blocks) api['free']!(block);
    assert.equal(source.snapshot().liveBytes, before.liveBytes);

    pass(100_000); // the same contexts are walked now, and have rows of their own
    for (let depth = 0; depth < 40; depth++) api['down']!(3);
    const walked = growth(before, source.snapshot()).sites.filter(({ stack }) => stack.startsWith('down'));
    assert.ok(walked[0]!.blocks >= 8, `${walked[0]?.blocks} of 40 in a row of their own`);
  });
});
