/**
 * Numbers as digits in a `DataView`: three at a time, from a table. What is written is told by where it ends.
 *
 * Functions, not methods, and none takes a double: what an optimizing compiler puts in place costs a few
 * instructions, a call 20 to 30 ns, and a double that is an argument of one is boxed.
 */
import { numberJson } from '../recorder/safe-json.js';

/**
 * For each of 0 ... 999, in a little-endian word:
 *
 *     | its three digits as bytes | bits 24 to 26: length as decimals | bits 27, 28: zeros in front |
 *
 * As decimals it has a point and no trailing zeros: 250 is `.25`, 0 is nothing. The bytes of a word that are not meant are
 * written too, and overwritten by what comes next.
 */
export const DIGITS = new Int32Array(1000).map((_, n) => {
  const bytes = 0x303030 | ((n / 100) | 0) | ((((n / 10) | 0) % 10) << 8) | ((n % 10) << 16);
  const decimals = n === 0 ? 0 : n % 10 !== 0 ? 4 : n % 100 !== 0 ? 3 : 2;
  const zeros = n < 10 ? 2 : n < 100 ? 1 : 0;
  return bytes | (decimals << 24) | (zeros << 27);
});

/** Above this many nanoseconds (some two years) a double has no room for the decimals of microseconds. */
const EXACT_NS = 2 ** 56;

/** Text known to be ASCII and short. */
export function putAscii(view: DataView, at: number, text: string): number {
  for (let i = 0; i < text.length; i++) view.setUint8(at + i, text.charCodeAt(i));
  return at + text.length;
}

/**
 * A number from 0 to 10^9 with up to three decimals.
 *
 * @param digits `DIGITS`, which a loop has at hand
 * @param whole an integer from 0 to 10^9
 * @param thousandths from 0 to 999
 */
export function putDecimal(
  view: DataView,
  at: number,
  digits: Int32Array,
  whole: number,
  thousandths: number,
): number {
  if (whole < 1000) {
    at = putLeading(view, at, digits, whole);
  } else {
    const head = (whole / 1000) | 0;
    at = head < 1000 ? putLeading(view, at, digits, head) : putMillions(view, at, head);
    view.setInt32(at, digits[whole - head * 1000]!, true);
    at += 3;
  }
  const word = digits[thousandths]!;
  view.setInt32(at, 0x2e | (word << 8), true);
  return at + ((word >> 24) & 7);
}

/** An integer from 0 to 999 without leading zeros: they are shifted out of its word. */
function putLeading(view: DataView, at: number, digits: Int32Array, value: number): number {
  const word = digits[value]!;
  const zeros = word >> 27;
  view.setInt32(at, word >> (zeros << 3), true);
  return at + 3 - zeros;
}

/** An integer from 1000 to 10^6. */
function putMillions(view: DataView, at: number, value: number): number {
  const head = (value / 1000) | 0;
  const end = putLeading(view, at, DIGITS, head);
  view.setInt32(end, DIGITS[value - head * 1000]!, true);
  return end + 3;
}

/**
 * Whole nanoseconds, however many, as microseconds.
 *
 * @param list where the number is, at `index`; not negative
 */
export function putMicroseconds(view: DataView, at: number, list: Float64Array, index: number): number {
  const ns = list[index]!;
  if (ns > EXACT_NS) return putAscii(view, at, String(Math.round(ns / 1000)));
  let seconds = Math.floor(ns / 1e9);
  let restNs = ns - seconds * 1e9;
  if (restNs < 0) {
    seconds--; // the quotient was rounded up
    restNs += 1e9;
  }
  const us = (restNs / 1000) | 0;
  const thousandths = restNs - us * 1000;
  if (seconds === 0) return putDecimal(view, at, DIGITS, us, thousandths);
  const ms = (us / 1000) | 0;
  at = seconds < 1e9 ? putDecimal(view, at, DIGITS, seconds | 0, 0) : putAscii(view, at, String(seconds));
  view.setInt32(at, DIGITS[ms]!, true);
  view.setInt32(at + 3, DIGITS[us - ms * 1000]!, true);
  const word = DIGITS[thousandths]!;
  view.setInt32(at + 6, 0x2e | (word << 8), true);
  return at + 6 + ((word >> 24) & 7);
}

/** A finite number that is not worth a shorter way. @param list where it is, at `index` */
export function putNumber(view: DataView, at: number, list: Float64Array, index: number): number {
  return putAscii(view, at, numberJson(list[index]!)!);
}
