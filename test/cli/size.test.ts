import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import fc from 'fast-check';
import { formatBytes, parseSize } from '../../src/cli/size.js';

describe('parseSize', () => {
  for (const [text, bytes] of [
    ['0', 0],
    ['4096', 4096],
    ['12 B', 12],
    ['512KiB', 524288],
    ['10MiB', 10485760],
    ['10 mib', 10485760],
    ['1.5GB', 1_500_000_000],
    ['.5kb', 500],
    ['0.0001KiB', 0],
    ['8TiB', 8796093022208],
  ] as const) {
    it(`reads ${text}`, () => assert.equal(parseSize(text, '--every'), bytes));
  }

  for (const text of [
    '',
    'KiB',
    '-1',
    '1e3',
    '1,5MB',
    '10 M',
    '1.2.3',
    'NaN',
    '0x10',
    '9999999TiB',
    '1 MiB x',
  ]) {
    it(`refuses ${JSON.stringify(text)} and says what is accepted`, () => {
      assert.throws(
        () => parseSize(text, '--every'),
        (error: unknown) => {
          assert.ok(error instanceof Error && 'code' in error);
          assert.equal(error.code, 'OTRACE_BAD_OPTION');
          assert.ok(
            error.message.startsWith(
              `--every is ${JSON.stringify(text)}, which is not a size; write bytes or a unit`,
            ),
          );
          return true;
        },
      );
    });
  }
});

describe('formatBytes', () => {
  for (const [bytes, text] of [
    [0, '0 B'],
    [1023, '1023 B'],
    [1024, '1.0 KiB'],
    [1966080, '1.9 MiB'],
    [1024 * 1024 - 1, '1.0 MiB'],
    [123_456_789, '118 MiB'],
    [104_805_172, '100 MiB'],
    [-2048, '-2.0 KiB'],
    [2 ** 60, '1024 PiB'],
  ] as const) {
    it(text, () => assert.equal(formatBytes(bytes), text));
  }

  it('is read back within its rounding', () => {
    fc.assert(
      fc.property(fc.maxSafeNat(), (bytes) => {
        fc.pre(bytes < 2 ** 49);
        const back = parseSize(formatBytes(bytes), 'size');
        assert.ok(Math.abs(back - bytes) <= bytes * 0.051, `${bytes} -> ${formatBytes(bytes)} -> ${back}`);
      }),
      { seed: 1 },
    );
  });
});
