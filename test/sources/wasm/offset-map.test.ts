/**
 * Positions in stacks of the rewritten module, led back to the original one, against the stacks that the
 * engine gives for the original itself.
 */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { SHAPES } from '../../../src/sources/wasm/allocation-hook.js';
import { OffsetMap } from '../../../src/sources/wasm/offset-map.js';
import { OFFSETS_SECTION, readOffsets, withOffsets } from '../../../src/sources/wasm/offset-section.js';
import { ALLOCATOR } from './allocator-wat.js';
import { type Callable, type Hooked, hookModule } from './hooked.js';
import { assemble } from './wat.js';

const WAT = `(module ${ALLOCATOR}
  (type $f (func (param i32) (result i32)))
  (table (export "table") 4 funcref) (elem (i32.const 0) $leaf $direct $looping $malloc)
  (func $leaf (param i32) (result i32) (if (i32.eq (local.get 0) (i32.const 13)) (then unreachable)) (local.get 0))
  (func $direct (param $n i32) (result i32) (local f64)
    (drop (call $malloc (i32.const 8)))
    (block (block (br_if 1 (i32.ne (local.get $n) (i32.const 5)))) (return (call $leaf (i32.const 13))))
    (drop (call $malloc (i32.const 9)))
    (call $leaf (local.get $n)))
  (func $looping (param $n i32) (result i32) (local $i i32)
    (loop $again
      (call $free (call $malloc (i32.const 1)))
      (drop (call_indirect (type $f) (local.get $n) (i32.const 1)))
      (br_if $again (i32.lt_u (local.tee $i (i32.add (local.get $i) (i32.const 1))) (i32.const 2))))
    (unreachable))
  (func (export "main") (param i32 i32) (result i32)
    (drop (call $malloc (i32.const 3)))
    (call_indirect (type $f) (local.get 0) (local.get 1)))
  (func (export "inAllocator") (result i32) (drop (call $malloc (i32.const 5))) (call $realloc (i32.const 700000) (i32.const 4)))
  (func (export "inFree") (call $free (i32.const 800000))))`;

type Frame = readonly [functionIndex: number, offset: number];

/** The frames of WebAssembly in the stack of what `run` throws, innermost first. */
function trapFrames(run: () => void): Frame[] {
  try {
    run();
  } catch (error) {
    const stack = error instanceof Error ? (error.stack ?? '') : '';
    return [...stack.matchAll(/wasm-function\[(\d+)\]:0x([0-9a-f]+)/g)].map((match) => [
      Number(match[1]),
      Number.parseInt(match[2]!, 16),
    ]);
  }
  throw new Error('no trap');
}

/** As `trapFrames`, in terms of the original module. */
function originalFrames(hooked: Hooked, run: () => void): Frame[] {
  const { offsets } = hooked.rewritten;
  return trapFrames(run)
    .filter(([index]) => !offsets.isAdded(index))
    .map(([index, offset]) => [offsets.originalFunction(index), offsets.originalOffset(offset)!]);
}

for (const contexts of [false, true]) {
  test(`stacks are those of the original module, ${contexts ? 'with' : 'without'} contexts`, () => {
    const bytes = assemble(WAT);
    const original = new WebAssembly.Instance(new WebAssembly.Module(bytes)).exports as Record<
      string,
      Callable
    >;
    const { malloc, free, realloc } = SHAPES;
    const hooked = hookModule(bytes, { shapes: { malloc, free, realloc }, options: { contexts } });
    const cases: [string, ...number[]][] = [
      ['main', 13, 0],
      ['main', 13, 1],
      ['main', 5, 1],
      ['main', 7, 2],
      ['main', 5, 2],
      ['main', 13, 2],
      ['main', 1, 9],
      ['inAllocator'],
      ['inFree'],
    ];
    let frames = 0;
    for (const [name, ...values] of cases) {
      const expected = trapFrames(() => original[name]!(...values));
      const actual = originalFrames(hooked, () => hooked.exports[name]!(...values));
      assert.deepEqual(actual, expected, `${name} ${values}`);
      frames += actual.length;
    }
    assert.ok(frames > 15, 'too few frames to mean anything');
  });
}

test('code that is none of the module has no original offset', () => {
  const { rewritten, module } = hookModule(assemble(WAT));
  const { offsets } = rewritten;
  assert.equal(offsets.originalOffset(0), undefined);
  assert.equal(offsets.originalOffset(rewritten.bytes.length), undefined);
  assert.equal(offsets.isAdded(module.exports.find(({ name }) => name === 'malloc')!.index), true);
  assert.equal(offsets.isAdded(4), false);
});

test('in a section of the module it is the same, and a damaged one is none', () => {
  for (const contexts of [false, true]) {
    const { rewritten } = hookModule(assemble(WAT), { options: { contexts } });
    const bytes = withOffsets(rewritten.bytes, rewritten.offsets) as Uint8Array<ArrayBuffer>;
    const sections = WebAssembly.Module.customSections(new WebAssembly.Module(bytes), OFFSETS_SECTION);
    assert.deepEqual(readOffsets(sections[0]!, rewritten.movedFrom), rewritten.offsets);
    assert.equal(readOffsets(sections[0]!.slice(0, -2), rewritten.movedFrom), undefined);
  }
});

test('an insertion belongs to the instruction that follows it', () => {
  const map = new OffsetMap({
    importedFunctions: 2,
    definedFunctions: 2,
    starts: Uint32Array.of(100, 140, 160),
    originals: Uint32Array.of(50, 80),
    firstEdit: Uint32Array.of(0, 2, 2),
    editAt: Uint32Array.of(52, 60),
    editBytes: Uint8Array.of(10, 5),
    movedFrom: [],
  });
  const at = (offset: number): number | undefined => map.originalOffset(offset);
  assert.deepEqual([at(99), at(100), at(101), at(102), at(111), at(112)], [undefined, 50, 51, 52, 52, 52]);
  assert.deepEqual([at(119), at(120), at(124), at(125), at(126)], [59, 60, 60, 60, 61]);
  assert.deepEqual([at(140), at(159), at(160)], [80, 99, undefined]);
});
