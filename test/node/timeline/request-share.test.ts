import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { RequestShare } from '../../../src/node/timeline/request-share.js';

/** Requests of one second, evenly. @returns the numbers of those that are kept */
function second(share: RequestShare, at: number, count: number, tookUs = (_: number) => 1000): number[] {
  const kept: number[] = [];
  for (let i = 0; i < count; i++) {
    if (share.keeps(at * 1e6 + (i * 1e6) / count, tookUs(i), false)) kept.push(i);
  }
  return kept;
}

describe('the share of requests that is kept', () => {
  it('is all of them up to 200 a second', () => {
    const share = new RequestShare(() => assert.fail('nothing is left out'), 200);
    for (let at = 1; at <= 5; at++) assert.equal(second(share, at, 200).length, 200);
    assert.equal(share.leftOut, 0);
  });

  it('is spread evenly over busy seconds, whose rate it holds, and counts what it leaves out', () => {
    let turns = 0;
    const share = new RequestShare(() => turns++, 200, 200);
    const first = second(share, 1, 10_000).length;
    assert.ok(first >= 200 && first < 1200, `${first} of a busy second that nobody could foresee`);
    for (let at = 2; at <= 4; at++) {
      const kept = second(share, at, 10_000);
      assert.ok(Math.abs(kept.length - 200) <= 10, `${kept.length}`);
      const gaps = kept.slice(1).map((number, i) => number - kept[i]!);
      assert.deepEqual([Math.min(...gaps), Math.max(...gaps)], [50, 50]);
    }
    assert.equal(turns, 3);
    const seen = 40_000 - share.leftOut;
    assert.ok(seen >= 800 && seen < 1900);
  });

  it('is all of a second with many, and fewer of a server that goes on having more', () => {
    const share = new RequestShare(() => {}, 1000, 250);
    for (let at = 1; at <= 3; at++) assert.equal(second(share, at, 1000).length, 1000);
    assert.ok(second(share, 4, 1100).length >= 1000);
    for (let at = 5; at <= 7; at++) {
      const { length } = second(share, at, 1100);
      assert.ok(length >= 200 && length <= 250, `${length}`);
    }
    second(share, 8, 900);
    assert.equal(second(share, 9, 900).length, 900);
  });

  it('is all of them again when it is calm again', () => {
    const share = new RequestShare(() => {}, 200);
    second(share, 1, 10_000);
    second(share, 2, 150); // the end of the busy time is not foreseen either
    assert.equal(second(share, 3, 150).length, 150);
    second(share, 4, 10_000);
    assert.equal(second(share, 60, 150).length, 150); // after a pause of a minute
  });

  it('has all slow and failed ones, within the same rate again', () => {
    const share = new RequestShare(() => {}, 200);
    second(share, 1, 10_000);
    const slow = (i: number): boolean => i % 100 === 50;
    const kept = second(share, 2, 10_000, (i) => (slow(i) ? 10_000 : 1000));
    assert.equal(kept.filter(slow).length, 100);
    let failed = 0;
    for (let i = 0; i < 10_000; i++)
      if (share.keeps(3e6 + i * 100, 1000, i % 3 === 0) && i % 3 === 0) failed++;
    assert.ok(failed >= 200 && failed < 400, `${failed}`);
  });
});
