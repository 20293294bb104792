/**
 * Damaged modules: the rewriter throws its own error, or what it makes is valid exactly if the damaged module
 * itself is; but for one fault that it can't see, an index one too high, which then means something that was added.
 * The same damage in every run.
 */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { SHAPES } from '../../../src/sources/wasm/allocation-hook.js';
import { parseModule } from '../../../src/sources/wasm/module-sections.js';
import { rewriteModule } from '../../../src/sources/wasm/rewrite.js';
import { ALLOCATOR } from './allocator-wat.js';
import { REAL_MODULES } from './real-modules.js';
import { seededRandom } from './seeded-random.js';
import { assemble } from './wat.js';

type Bytes = Uint8Array<ArrayBuffer>;

const SMALL = assemble(`(module
  (import "env" "out" (func $out (param i32))) (import "env" "invoke_v" (func $invoke (param i32)))
  ${ALLOCATOR}
  (type $f (func (param i32) (result i32)))
  (table (export "table") 4 funcref) (elem (i32.const 0) $malloc $work) (elem func $free $work) (elem declare func $pair)
  (tag $t (param i32)) (global $g (mut funcref) (ref.func $pair)) (data "abc") (data (i32.const 8) "def")
  (func $pair (export "pair") (param i64 f32) (result f32 i64) (call $out (i32.const 1)) (local.get 1) (local.get 0))
  (func $tail (param i32) (result i32) (return_call $work (local.get 0)))
  (func $work (export "work") (param i32) (result i32) (local i64 f64 v128 externref)
    (block (loop (br_if 1 (i32.eqz (local.get 0))) (call $out (local.get 0))
      (local.set 0 (i32.sub (local.get 0) (i32.const 1))) (br_if 1 (local.get 0)) (br 0)))
    (block $x (block $y (br_table $x $y $x (local.get 0))) (return (call $malloc (i32.const 3))))
    (try (do (call $invoke (i32.const 1)) (throw $t (i32.const 1))) (catch $t (drop)) (catch_all (rethrow 0)))
    (local.set 3 (v128.const i32x4 1 2 3 4)) (drop (i8x16.shuffle 0 1 2 3 4 5 6 7 8 9 10 11 12 13 14 15 (local.get 3) (local.get 3)))
    (memory.copy (i32.const 0) (i32.const 8) (i32.const 3)) (drop (f64.const 1.5)) (drop (i64.const -1234567890123))
    (call_indirect (type $f) (i32.const 5) (i32.const 0)))
  (func $begin (drop (call $tail (i32.const 2)))) (start $begin))`);

/** Changes, removes, inserts or cuts a few bytes. */
function damage(bytes: Bytes, random: (below: number) => number): Bytes {
  if (random(4) === 0) return bytes.slice(0, random(bytes.length));
  const copy = [...bytes];
  for (let changes = 1 + random(3); changes > 0; changes--) {
    const at = 8 + random(copy.length - 8);
    const kind = random(6);
    if (kind === 0) copy.splice(at, 1);
    else if (kind === 1) copy.splice(at, 0, random(256));
    else if (kind === 2) copy[at] = copy[random(copy.length)]!;
    else if (kind === 3) copy[at] = (copy[at]! + 1) & 0xff;
    else copy[at] = random(256);
  }
  return Uint8Array.from(copy);
}

const INDEX_TOO_HIGH = /out of bounds|no signature at index|invalid (global|local) index/i;

/** Why the engine rejects a module; empty if it does not. */
function problemOf(bytes: Bytes): string {
  if (WebAssembly.validate(bytes)) return '';
  try {
    return String(new WebAssembly.Module(bytes));
  } catch (error) {
    return String(error);
  }
}

interface Tally {
  refused: number;
  valid: number;
  invalid: number;
}

function attempt(
  bytes: Bytes,
  names: readonly string[],
  contexts: boolean,
  tally: Tally,
  label: string,
): void {
  let rewritten: Bytes;
  try {
    const module = parseModule(bytes);
    const hooks = names.flatMap((name) => {
      const found = module.exports.find((entry) => entry.name === name && entry.kind === 0);
      const shape = /free/.test(name) ? SHAPES.free : SHAPES.malloc;
      return found === undefined ? [] : [{ functionIndex: found.index, shape }];
    });
    rewritten = rewriteModule(module, { hooks, contexts, start: 'moved' }).bytes as Bytes;
  } catch (error) {
    assert.equal((error as { code?: unknown }).code, 'OTRACE_WASM', `${label}: ${(error as Error).stack}`);
    tally.refused++;
    return;
  }
  const problem = problemOf(bytes);
  if (problem === '') {
    assert.equal(problemOf(rewritten), '', `${label}: made invalid`);
    tally.valid++;
  } else {
    const nowValid = WebAssembly.validate(rewritten);
    assert.ok(!nowValid || INDEX_TOO_HIGH.test(problem), `${label}: made valid, which was: ${problem}`);
    tally.invalid++;
  }
}

function fuzz(bytes: Bytes, names: readonly string[], rounds: number): Tally {
  const tally: Tally = { refused: 0, valid: 0, invalid: 0 };
  assert.ok(WebAssembly.validate(bytes));
  for (let seed = 1; seed <= rounds; seed++) {
    const damaged = damage(bytes, seededRandom(seed));
    for (const contexts of [false, true])
      attempt(damaged, names, contexts, tally, `seed ${seed}, ${contexts}`);
  }
  return tally;
}

test('a small module with something of everything, damaged', () => {
  const tally = fuzz(SMALL, ['malloc', 'free', 'new', 'calloc'], 6000);
  assert.ok(tally.refused > 2000 && tally.valid > 500 && tally.invalid > 500, JSON.stringify(tally));
});

test('a small module cut short anywhere', () => {
  const tally: Tally = { refused: 0, valid: 0, invalid: 0 };
  for (let length = 0; length < SMALL.length; length++) {
    for (const contexts of [false, true]) {
      attempt(SMALL.slice(0, length), ['malloc', 'free'], contexts, tally, `${length} bytes`);
    }
  }
  assert.ok(tally.refused > SMALL.length);
});

test('a published module, damaged', () => {
  const tally = fuzz(REAL_MODULES['source-map']!(), ['allocate_mappings', 'free_mappings'], 150);
  assert.ok(tally.refused > 50 && tally.valid > 10 && tally.invalid > 10, JSON.stringify(tally));
});
