/**
 * The stable order of numbers that are nearly in order already: a scope is recorded when it ends but sorts where it
 * started, so most events are a few places off and a few are thousands off.
 *
 * A merge sort from the bottom up: blocks by insertion, where "a few places" costs a few steps; then merges, where
 * two neighbours that are in order already cost one comparison and a copy.
 */

const BLOCK = 32;

/** Indexes of `keys`, ascending by key; equal keys stay in their order. */
export function sortedOrder(keys: Float64Array): Uint32Array {
  const count = keys.length;
  let from = new Uint32Array(count);
  for (let start = 0; start < count; start += BLOCK) {
    insertBlock(keys, from, start, Math.min(count, start + BLOCK));
  }
  let to = new Uint32Array(count > BLOCK ? count : 0);
  for (let width = BLOCK; width < count; width *= 2) {
    for (let start = 0; start < count; start += 2 * width) {
      const middle = Math.min(count, start + width);
      const end = Math.min(count, middle + width);
      if (middle === end || keys[from[middle - 1]!]! <= keys[from[middle]!]!) {
        to.set(from.subarray(start, end), start);
      } else {
        merge(keys, from, to, start, middle, end);
      }
    }
    [from, to] = [to, from];
  }
  return from;
}

function insertBlock(keys: Float64Array, order: Uint32Array, start: number, end: number): void {
  for (let i = start; i < end; i++) {
    const key = keys[i]!;
    let at = i;
    while (at > start && keys[order[at - 1]!]! > key) {
      order[at] = order[at - 1]!;
      at--;
    }
    order[at] = i;
  }
}

function merge(
  keys: Float64Array,
  from: Uint32Array,
  to: Uint32Array,
  start: number,
  middle: number,
  end: number,
): void {
  let left = start;
  let right = middle;
  for (let at = start; at < end; at++) {
    const takeLeft = left < middle && (right >= end || keys[from[left]!]! <= keys[from[right]!]!);
    to[at] = takeLeft ? from[left++]! : from[right++]!;
  }
}
