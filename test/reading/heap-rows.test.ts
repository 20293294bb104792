import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import fc from 'fast-check';
import { type Frame, formatStack } from '../../src/heap/frame.js';
import { parseFrame, parseGrowthRow, parseHeapRow } from '../../src/reading/heap-rows.js';

describe('parseHeapRow', () => {
  it('takes a stack and its totals apart', () => {
    const text = 'keepBlock (app.ts:12:3) <- main (app.ts:30:1) (1966080 bytes, 120 allocations)';
    assert.deepEqual(parseHeapRow(1, text), {
      rank: 1,
      text,
      frames: [
        { name: 'keepBlock', file: 'app.ts', line: 12, column: 3 },
        { name: 'main', file: 'app.ts', line: 30, column: 1 },
      ],
      hash: null,
      className: null,
      label: null,
      bytes: 1966080,
      blocks: 120,
      estimated: false,
    });
  });

  it('takes a hash, and an estimate', () => {
    const row = parseHeapRow(2, 'hash=0x00000000DEADbeef (~2048 bytes, ~1 allocations)');
    assert.deepEqual(
      [row.hash, row.frames, row.bytes, row.blocks, row.estimated],
      ['00000000deadbeef', [], 2048, 1, true],
    );
  });

  it('keeps text of another shape', () => {
    for (const text of ['', 'something else', 'f (1 byte)', '(12 bytes)']) {
      const row = parseHeapRow(3, text);
      assert.deepEqual([row.text, row.bytes, row.blocks, row.estimated], [text, null, null, false]);
    }
    assert.deepEqual(parseHeapRow(1, ' (5 bytes, 1 allocation)').frames, []);
  });

  it('reads a name of any length at once', () => {
    const name = '( '.repeat(100_000);
    assert.equal(parseHeapRow(1, `${name} (5 bytes, 1 allocations)`).bytes, 5);
    assert.equal(parseHeapRow(1, `${name} (5 bytes, 1 allocations`).bytes, null);
  });

  it('reads back whatever the heap tracer formats', () => {
    const word = fc.stringMatching(/^[A-Za-z_$.#<>:*& ]*[A-Za-z_$]$/);
    const file = fc.stringMatching(/^[A-Za-z_/.@-]*(\([A-Za-z0-9 ]*\)[A-Za-z_/.@-]*)?[A-Za-z]$/);
    const place = fc.constantFrom([0, 0] as const, [12, 0] as const, [12, 34] as const);
    const frame: fc.Arbitrary<Frame> = fc.oneof(
      word.map((name) => ({ name, file: '', line: 0, column: 0 })),
      fc.tuple(word, file, place).map(([name, path, [line, column]]) => ({ name, file: path, line, column })),
    );
    fc.assert(
      fc.property(
        fc.array(frame, { minLength: 1 }),
        fc.maxSafeNat(),
        fc.nat(),
        fc.boolean(),
        (frames, bytes, blocks, about) => {
          fc.pre(
            frames.every(
              ({ name }) => !name.includes(' <- ') && name === name.trim() && !name.endsWith(' <-'),
            ),
          );
          const tilde = about ? '~' : '';
          const row = parseHeapRow(
            1,
            `${formatStack(frames)} (${tilde}${bytes} bytes, ${tilde}${blocks} allocations)`,
          );
          assert.deepEqual(row.frames, frames);
          assert.deepEqual([row.bytes, row.blocks, row.estimated], [bytes, blocks, about]);
        },
      ),
      { numRuns: 1000, seed: 3 },
    );
  });
});

describe('parseFrame', () => {
  const unknown = { file: '', line: 0, column: 0 };
  for (const [text, expected] of [
    ['Foo.bar', { name: 'Foo.bar', ...unknown }],
    ['(anonymous)', { name: '(anonymous)', ...unknown }],
    ['(anonymous) (node:fs:12:3)', { name: '(anonymous)', file: 'node:fs', line: 12, column: 3 }],
    [
      'f (C:\\Program Files (x86)\\a.js:1:2)',
      { name: 'f', file: 'C:\\Program Files (x86)\\a.js', line: 1, column: 2 },
    ],
    ['ns::f(int, char*)', { name: 'ns::f(int, char*)', ...unknown }],
    [
      '(anonymous namespace)::f(int) (a.cpp:7)',
      { name: '(anonymous namespace)::f(int)', file: 'a.cpp', line: 7, column: 0 },
    ],
    ['malloc (sqlite3.wasm)', { name: 'malloc', file: 'sqlite3.wasm', line: 0, column: 0 }],
    [
      'get [as x] (file:///a%20b.js:3:4)',
      { name: 'get [as x]', file: 'file:///a%20b.js', line: 3, column: 4 },
    ],
    ['unbalanced) (', { name: 'unbalanced) (', ...unknown }],
    ['unbalanced))', { name: 'unbalanced))', ...unknown }],
  ] as const) {
    it(text, () => assert.deepEqual(parseFrame(text), expected));
  }
});

describe('parseGrowthRow', () => {
  it('takes a row apart, with and without a guess at what was inlined', () => {
    const exact = parseGrowthRow(
      1,
      'push (a (b).js:3:4) <- main (+600 bytes/min, 10 -> 90 bytes, confidence 87%)',
    );
    assert.deepEqual(
      [exact.frames[0]?.file, exact.bytesPerMinute, exact.fromBytes, exact.toBytes, exact.confidence],
      ['a (b).js', 600, 10, 90, 0.87],
    );
    assert.deepEqual([exact.estimated, exact.inlined, exact.hash], [false, [], null]);
    const guessed = parseGrowthRow(
      2,
      'handle (a.js:1:2) (+~600 bytes/min, ~10 -> ~90 bytes, confidence 99%, maybe inlined: f (b.js:5:6) <- g)',
    );
    assert.equal(guessed.estimated, true);
    assert.deepEqual(
      guessed.inlined.map(({ name, line }) => [name, line]),
      [
        ['f', 5],
        ['g', 0],
      ],
    );
    const hash = parseGrowthRow(3, 'hash=0x00ff00ff00ff00ff (+1 bytes/min, 1 -> 2 bytes, confidence 50%)');
    assert.deepEqual([hash.hash, hash.frames], ['00ff00ff00ff00ff', []]);
  });

  it('keeps text in another shape', () => {
    const row = parseGrowthRow(1, 'who knows');
    assert.deepEqual([row.text, row.bytesPerMinute, row.confidence], ['who knows', null, null]);
  });
});
