import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import fc from 'fast-check';
import { LooseJsonError, parseLoose } from '../../src/reading/loose-json.js';

describe('parseLoose', () => {
  it('agrees with JSON.parse on all JSON', () => {
    fc.assert(
      fc.property(fc.json({ maxDepth: 6 }), (text) => {
        const value = parseLoose(text);
        const rounded = JSON.stringify(value, (_key, v) => (typeof v === 'bigint' ? Number(v) : v));
        assert.equal(rounded, JSON.stringify(JSON.parse(text)));
      }),
      { numRuns: 2000, seed: 1 },
    );
  });

  it('reads what other tools write for numbers that JSON does not have', () => {
    assert.deepEqual(parseLoose('[NaN,-NaN,nan,-nan,Infinity,-Infinity,inf,-inf,1.]'), [
      Number.NaN,
      Number.NaN,
      Number.NaN,
      Number.NaN,
      Infinity,
      -Infinity,
      Infinity,
      -Infinity,
      1,
    ]);
  });

  it('reads long strings without deep recursion', () => {
    const text = 'a"\\\n'.repeat(1_000_000);
    assert.deepEqual(parseLoose(`[${JSON.stringify(text)},NaN]`), [text, Number.NaN]);
  });

  for (const [text, position] of [
    ['', 0],
    ['{"a":?}', 5],
    ['{"a" 1}', 5],
    ['{a:1}', 1],
    ['[1 2]', 3],
    ['[1,2', 4],
    ['"abc', 4],
    ['"a\\q"', 2],
    ['"a\\u12g4"', 2],
    ['1 x', 2],
    ['nano', 0],
    ['-', 0],
  ] as const) {
    it(`says where ${JSON.stringify(text)} stops being JSON`, () => {
      assert.throws(
        () => parseLoose(text),
        (error: unknown) => error instanceof LooseJsonError && error.position === position,
      );
    });
  }
});
