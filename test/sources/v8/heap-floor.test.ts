import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { setImmediate as turn } from 'node:timers/promises';
import { HeapFloor } from '../../../src/sources/v8/heap-floor.js';

const gc = globalThis.gc;
assert.ok(gc, 'run with --expose-gc');

const MEGABYTE = 1024 * 1024;

function megabytes(count: number): number[][] {
  return Array.from({ length: count }, () => new Array<number>(MEGABYTE / 8).fill(0.5));
}

/** A full collection whose performance entry has been delivered. */
async function collected(): Promise<void> {
  gc?.();
  await turn();
  await turn();
}

function assertAbout(bytes: number, expectedMegabytes: number): void {
  const actual = bytes / MEGABYTE;
  assert.ok(Math.abs(actual - expectedMegabytes) < 1.5, `${actual} MB, expected ${expectedMegabytes}`);
}

describe('heap floor', () => {
  it('rises with what survives collections, and only then', async () => {
    const floor = new HeapFloor();
    await collected();
    floor.start();
    const kept: number[][] = [];
    for (let step = 1; step <= 3; step++) {
      kept.push(...megabytes(4));
      assertAbout(floor.liveBytes, 4 * (step - 1));
      await collected();
      assertAbout(floor.liveBytes, 4 * step);
    }
    megabytes(8);
    await collected();
    assertAbout(floor.liveBytes, 12);
    kept.length = 4;
    await collected();
    assertAbout(floor.liveBytes, 4);
    floor.stop();
    kept.push(...megabytes(4));
    await collected();
    assertAbout(floor.liveBytes, 4);
    assert.equal(kept.length, 8);
  });

  it('does not count garbage that was there when it started', async () => {
    await collected();
    let garbage: number[][] | undefined = megabytes(10);
    assert.equal(garbage.length, 10);
    const floor = new HeapFloor();
    floor.start();
    garbage = undefined;
    const kept = megabytes(3);
    await collected();
    const before = floor.liveBytes;
    kept.push(...megabytes(3));
    await collected();
    assertAbout(floor.liveBytes - before, 3);
    floor.stop();
    assert.equal(kept.length, 6);
  });

  it('is exact at once around a collection that is forced', () => {
    const floor = new HeapFloor();
    gc();
    floor.start();
    const kept = megabytes(5);
    assert.equal(floor.liveBytes, 0);
    assert.equal(
      floor.refresh(() => {
        gc();
        return 'result';
      }),
      'result',
    );
    assertAbout(floor.liveBytes, 5);
    assert.ok(floor.usedBytes > floor.liveBytes);
    floor.reset();
    assert.equal(floor.liveBytes, 0);
    floor.stop();
    assert.equal(kept.length, 5);
  });
});
