/** Labels (`heap.withLabel`) of what modules allocate: with contexts and without, and before the first label. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { SourceSnapshot } from '../../../src/heap/snapshot.js';
import { ALLOCATOR } from './allocator-wat.js';
import { traced } from './traced.js';
import { assemble } from './wat.js';

const { Module, Instance } = WebAssembly;
const exportsOf = Object.getOwnPropertyDescriptor(Instance.prototype, 'exports')!;
const BYTES = assemble(`(module ${ALLOCATOR}
  (func $make (param i32) (drop (call $malloc (local.get 0))))
  (func (export "make") (param i32) (call $make (local.get 0))))`);

/** Live bytes by label; those without one under ''. */
function byLabel({ sites }: SourceSnapshot): Record<string, number> {
  const bytes: Record<string, number> = {};
  for (const { label, liveBytes } of sites) bytes[label ?? ''] = (bytes[label ?? ''] ?? 0) + liveBytes;
  return bytes;
}

for (const contexts of [true, false]) {
  test(`the label of the call that allocates, ${contexts ? 'with' : 'without'} contexts`, () => {
    // As it was before the source of the test before.
    Object.assign(WebAssembly, { Module, Instance });
    Object.defineProperty(Instance.prototype, 'exports', exportsOf);
    const { source, labels, warnings } = traced({ contexts });
    source.install();
    source.arm();
    const { make } = new WebAssembly.Instance(new WebAssembly.Module(BYTES)).exports as unknown as {
      make(bytes: number): void;
    };
    const serve = (label: string | undefined, count: number): void => {
      for (let i = 0; i < count; i++) {
        if (label === undefined) make(8);
        else labels.run(label, () => make(16));
      }
    };
    // Enough of the same for the calls that follow to be taken for it.
    serve(undefined, 500);
    assert.deepEqual(byLabel(source.snapshot()), { '': 4000 });
    serve('warm up', 300);
    const before = byLabel(source.snapshot());
    for (let round = 0; round < 100; round++) {
      serve('GET /a', 1);
      serve('GET /b', 2);
      serve(undefined, 3);
    }
    const after = byLabel(source.snapshot());
    assert.deepEqual(
      ['GET /a', 'GET /b', ''].map((label) => after[label]! - (before[label] ?? 0)),
      [1600, 3200, 2400],
    );
    const stacks = source
      .snapshot()
      .sites.filter(({ label }) => label === 'GET /a')
      .map(({ frames }) => frames.map(({ name }) => name).join(' '));
    assert.equal(stacks.length, 1);
    assert.match(stacks[0]!, / serve /);
    assert.deepEqual(warnings, []);
  });
}
