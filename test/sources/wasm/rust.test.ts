/**
 * Rust, as its compiler builds it for debugging and for release, with names and without: every way in which programs use
 * the heap, against what an allocator of the program's own counts in a build that is not traced (`rust/heap.rs`).
 */
import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { rustCompiler } from './rust/build.js';
import { growth, traced } from './traced.js';

const { Module, Instance } = WebAssembly;
const { missing, build } = rustCompiler();
const skip = missing ?? false;

const OPTIMIZED = ['-C', 'lto=fat', '-C', 'codegen-units=1', '-C', 'panic=abort'];
const COUNTED = ['-O', '--cfg', 'counted'];
const BUILDS: Readonly<Record<string, readonly string[]>> = {
  debug: ['-g'],
  release: ['-O'],
  'release, stripped': ['-O', '-C', 'strip=symbols'],
  'release, optimized as a whole, stripped': ['-C', 'opt-level=3', ...OPTIMIZED, '-C', 'strip=symbols'],
  'small, optimized as a whole, stripped': ['-C', 'opt-level=z', ...OPTIMIZED, '-C', 'strip=symbols'],
  'an allocator of its own around the other': COUNTED,
  'the same, stripped': [...COUNTED, '-C', 'strip=symbols'],
};

const STEPS: readonly (readonly [name: string, count: number])[] = [
  ['boxes', 100],
  ['grow', 1000],
  ['strings', 200],
  ['table', 500],
  ['tree', 300],
  ['shared', 50],
  ['aligned', 60],
  ['zeroed', 40],
  ['churn', 500],
  ['boxes', 10],
  ['release', 0],
  ['table', 20],
];

/** The function of `heap.rs` that a step's memory comes from, where names are left. */
const ALLOCATES: Readonly<Record<string, string>> = {
  boxes: 'heap::keep',
  grow: '<heap::Circle as heap::Shape>::outline',
  aligned: 'heap::Raw::aligned',
  zeroed: 'heap::Raw::zeroed',
};

type Api = Record<string, (count?: number) => number>;
const start = (bytes: Uint8Array<ArrayBuffer>): Api =>
  new WebAssembly.Instance(new WebAssembly.Module(bytes)).exports as unknown as Api;

describe('Rust', { skip }, async () => {
  if (missing !== undefined) return;
  const names = Object.keys(BUILDS);
  const built = await Promise.all(names.map((name, i) => build(`heap${i}`, BUILDS[name]!)));
  const counting = new Instance(new Module(built[names.indexOf('an allocator of its own around the other')]!))
    .exports as unknown as Api;
  const truth = STEPS.map(([step, count]) => {
    const before = [counting['live_blocks']!(), counting['live_bytes']!()] as const;
    counting[step]!(count);
    return {
      step,
      blocks: counting['live_blocks']!() - before[0],
      bytes: counting['live_bytes']!() - before[1],
    };
  });

  const { source, warnings } = traced({ displayPath: (file) => file.replace(/.*\//, '') });
  source.install();
  source.arm();

  names.forEach((name, i) => {
    test(`${name}: every block and byte, and who`, () => {
      const api = start(built[i]!);
      const unmatched = source.snapshot().facts['unmatched_frees'];
      const figures = STEPS.map(([step, count]) => {
        const before = source.snapshot();
        const leakingCaller = (): number => api[step]!(count);
        leakingCaller();
        const { blocks, bytes, sites } = growth(before, source.snapshot());
        const grown = sites.filter((site) => site.bytes > 0);
        for (const { stack } of grown) assert.match(stack, / leakingCaller /, step);
        const expected = ALLOCATES[step];
        if (expected !== undefined && !name.includes('stripped')) {
          assert.ok(
            grown.some(({ stack }) => stack.includes(`${expected} (`)),
            JSON.stringify(grown, null, 1),
          );
        }
        return { step, blocks, bytes };
      });
      assert.deepEqual(figures, truth);
      assert.equal(source.snapshot().facts['unmatched_frees'], unmatched);
    });
  });

  test('nothing was warned of', () => {
    assert.deepEqual(warnings, []);
  });
});
