import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import fc from 'fast-check';
import { DIGITS, putDecimal, putMicroseconds, putNumber } from '../../src/output/json-digits.js';

const view = new DataView(new ArrayBuffer(64));
const textTo = (end: number): string => Buffer.from(view.buffer, 0, end).toString('latin1');

/** Thousandths as a decimal, made of whole numbers only. */
function decimal(thousandths: bigint): string {
  const decimals = String(thousandths % 1000n).padStart(3, '0');
  return `${thousandths / 1000n}.${decimals}`.replace(/\.?0*$/, '');
}

describe('json digits', () => {
  it('writes a whole number and thousandths', () => {
    const check = (whole: number, thousandths: number): void => {
      const end = putDecimal(view, 0, DIGITS, whole, thousandths);
      assert.equal(textTo(end), decimal(BigInt(whole) * 1000n + BigInt(thousandths)));
    };
    for (let n = 0; n < 1000; n++) {
      check(n, n);
      check(n * 1000, 0);
      check(n * 1_000_000 + 999_000 + n, 999 - n);
    }
    fc.assert(fc.property(fc.nat(999_999_999), fc.nat(999), check));
  });

  it('writes nanoseconds as microseconds, to the last one', () => {
    const check = (ns: number): void => {
      const end = putMicroseconds(view, 0, Float64Array.of(ns), 0);
      assert.equal(textTo(end), decimal(BigInt(ns)));
    };
    for (let power = 0; power <= 16; power++)
      for (const by of [-1, 0, 1]) check(Math.max(0, 10 ** power + by));
    fc.assert(fc.property(fc.maxSafeNat(), check));
  });

  it('writes any other number as JSON has it', () => {
    const check = (value: number): void => {
      const end = putNumber(view, 0, Float64Array.of(value), 0);
      assert.equal(JSON.parse(textTo(end)), value === 0 ? 0 : value);
    };
    fc.assert(fc.property(fc.double({ noNaN: true, noDefaultInfinity: true }), check));
  });
});
