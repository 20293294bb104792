/**
 * The stable order of numbers that are nearly in order already: a scope is recorded when it ends but sorts where it
 * started, so most events are a few places off and a few are thousands off.
 *
 * A merge sort from the bottom up: blocks by insertion, where "a few places" costs a few steps; then merges in place,
 * each of only that part of two neighbours that is out of order: mostly none or a few places.
 *
 * Cost: 4 bytes a number, and half as many again for what a merge sets aside, if any is needed.
 */

const BLOCK = 32;

/** Indexes of `keys`, ascending by key; equal keys stay in their order. */
export function sortedOrder(keys: Float64Array): Uint32Array {
  const count = keys.length;
  const order = new Uint32Array(count);
  for (let start = 0; start < count; start += BLOCK) {
    insertBlock(keys, order, start, Math.min(count, start + BLOCK));
  }
  let aside = new Uint32Array(0);
  for (let width = BLOCK; width < count; width *= 2) {
    for (let middle = width; middle < count; middle += 2 * width) {
      const first = keys[order[middle]!]!;
      if (keys[order[middle - 1]!]! <= first) continue;
      const start = firstAbove(keys, order, middle - width, middle, first);
      if (aside.length < middle - start) aside = new Uint32Array(width);
      aside.set(order.subarray(start, middle));
      merge(keys, order, aside, start, middle, Math.min(count, middle + width));
    }
  }
  return order;
}

function insertBlock(keys: Float64Array, order: Uint32Array, start: number, end: number): void {
  let last = Number.NEGATIVE_INFINITY;
  for (let i = start; i < end; i++) {
    const key = keys[i]!;
    let at = i;
    if (key >= last) {
      last = key;
    } else {
      do {
        order[at] = order[at - 1]!;
        at--;
      } while (at > start && keys[order[at - 1]!]! > key);
    }
    order[at] = i;
  }
}

/** Where, from `start` to `end`, which are in order, the first key above `limit` is. REQUIRES: the last one is. */
function firstAbove(
  keys: Float64Array,
  order: Uint32Array,
  start: number,
  end: number,
  limit: number,
): number {
  let low = start;
  let high = end - 1;
  while (low < high) {
    const middle = (low + high) >>> 1;
    if (keys[order[middle]!]! > limit) high = middle;
    else low = middle + 1;
  }
  return low;
}

/** Merges what was set aside from `start` to `middle` with what is there up to `end`. */
function merge(
  keys: Float64Array,
  order: Uint32Array,
  aside: Uint32Array,
  start: number,
  middle: number,
  end: number,
): void {
  const asideCount = middle - start;
  let left = 0;
  let right = middle;
  // When nothing is left aside, the rest is in its place.
  for (let at = start; left < asideCount; at++) {
    const takeLeft = right >= end || keys[aside[left]!]! <= keys[order[right]!]!;
    order[at] = takeLeft ? aside[left++]! : order[right++]!;
  }
}
