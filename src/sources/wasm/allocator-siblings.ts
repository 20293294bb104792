/**
 * The functions around an allocator's malloc and free, found by calling them: realloc, calloc, memalign,
 * posix_memalign, Rust's realloc, and a memalign whose alignment the compiler built in.
 *
 * calloc and realloc would be seen through the malloc that they call, but not the size asked for, nor a block
 * resized where it is; and what memalign returns lies inside the block that malloc gave it.
 */
import type { AllocationShape } from './allocation-hook.js';
import { ALIGNMENT, type Allocate, type Free, MOST_NEEDED } from './allocator-candidates.js';
import {
  type AllocateCall,
  allocatesAligned,
  allocatesAndFrees,
  allocatesZeroed,
  reallocates,
} from './allocator-trial.js';
import type { ModuleGraph } from './module-graph.js';
import type { WasmModule } from './module-sections.js';
import { signatureOf } from './module-signature.js';
import type { TrialBench } from './trial-bench.js';
import type { TrialInstance } from './trial-instance.js';

/** Signatures of what a wrapper may lead to: malloc, free, and the same with an alignment and a size. */
const INSIDE: readonly string[] = ['(i) i', '(i)', '(i i i)'];
/** Signatures of siblings. */
const AROUND: readonly string[] = ['(i) i', '(i i) i', '(i i i) i', '(i i i i) i'];
const MOST_OF_A_SIGNATURE = 48;
/** What an allocator calls is part of it, and leads to its siblings, unless all call it (`memset`). */
const MOST_CALLS_OF_A_PART = 12;
/** Of a function around a pair: its own, and as many as the pair and its parts may be. */
export const MOST_NEEDED_AROUND = 3 * MOST_NEEDED;
/** More than what malloc itself aligns to. */
const BUILT_IN_ALIGNMENT = 32;

interface Pair {
  readonly allocate: Allocate;
  readonly free: Free;
}

/**
 * The functions around a pair, those that need least to run first: inside it, calling it, calling its parts.
 *
 * @param named functions known by name: what they call is likely to be the allocator's, too
 */
export function neighboursOf(
  module: WasmModule,
  graph: ModuleGraph,
  pair: Pair,
  named: ReadonlySet<number>,
): number[] {
  const inside = new Set<number>();
  for (const { functionIndex } of [pair.allocate, pair.free]) {
    for (const f of graph.closure(functionIndex, MOST_NEEDED)) inside.add(f);
  }
  const parts = new Set([...inside].filter((f) => graph.callCounts[f]! <= MOST_CALLS_OF_A_PART));
  // What frees only is no sibling, and destructors are many: so not the callers of free.
  parts.add(pair.allocate.functionIndex);
  for (const f of named) for (const callee of graph.callees(f)) inside.add(callee);
  const around = new Set([...inside, ...graph.callers(parts)]);
  const found = new Set<number>();
  const add = (functions: ReadonlySet<number>, signature: string): void => {
    const needs = new Map<number, number>();
    for (const f of functions) {
      if (signatureOf(module, f) !== signature) continue;
      // The pair itself is needed by all of them; and what it is made of may need much, to complain of something, say.
      const needed = [...graph.closure(f, MOST_NEEDED_AROUND)].filter((other) => !inside.has(other));
      if (inside.has(f) || needed.length < MOST_NEEDED) needs.set(f, needed.length);
    }
    const fitting = [...needs.keys()];
    fitting.sort((a, b) => needs.get(a)! - needs.get(b)!);
    for (const f of fitting.slice(0, MOST_OF_A_SIGNATURE)) found.add(f);
  };
  for (const signature of INSIDE) add(inside, signature);
  for (const signature of AROUND) add(around, signature);
  return [...found];
}

/** What a function does next to the pair, if it is a sibling. */
export function siblingShape(
  module: WasmModule,
  bench: TrialBench,
  f: number,
  { allocate, free }: Pair,
): AllocationShape | undefined {
  type Reallocate = Parameters<typeof reallocates>[2];
  type Allocate2 = (trial: TrialInstance, a: number, b: number) => number | undefined;
  const resizes = (call: Reallocate): boolean =>
    bench.passes(
      (trial) => {
        const address = allocate.call(trial, 40);
        if (address === undefined || address === 0) return 'ruined';
        trial.bytes.fill(7, address, address + 40);
        const moved = call(trial, address, 40, 80);
        return moved !== undefined && moved !== 0 && trial.bytes[moved + 39] === 7;
      },
      (trial) => reallocates(trial, allocate.call, call),
    );
  const aligns = (call: Allocate2): boolean =>
    bench.passes(
      (trial) => {
        const address = call(trial, 256, 40);
        return address !== undefined && address !== 0 && address % 256 === 0;
      },
      (trial) => allocatesAligned(trial, allocate.call, free.call, call),
    );
  switch (signatureOf(module, f)) {
    case '(i) i': {
      const call: AllocateCall = (trial, bytes) => {
        const address = trial.call(f, bytes);
        return address !== undefined && address % BUILT_IN_ALIGNMENT === 0 ? address : undefined;
      };
      const aligned = bench.passes(
        (trial) => [24, 40, 24].every((bytes) => Boolean(call(trial, bytes))),
        (trial) =>
          [24, 40, 24, 56].some((bytes) => (allocate.call(trial, bytes) ?? 0) % BUILT_IN_ALIGNMENT !== 0) &&
          allocatesAndFrees(trial, call, free.call),
      );
      return aligned ? { event: 'allocate', size: 0 } : undefined;
    }
    case '(i i) i': {
      const two: Allocate2 = (trial, a, b) => trial.call(f, a, b);
      if (resizes((trial, address, _, bytes) => two(trial, address, bytes))) {
        return { event: 'reallocate', pointer: 0, size: 1 };
      }
      if (aligns(two)) return { event: 'allocate', size: 1 };
      if (aligns((trial, alignment, bytes) => two(trial, bytes, alignment))) {
        return { event: 'allocate', size: 0 };
      }
      const zeroes = bench.passes(
        (trial) => Boolean(two(trial, 3, 40)),
        (trial) => allocatesZeroed(trial, allocate.call, free.call, two),
      );
      return zeroes ? { event: 'allocate', count: 0, size: 1 } : undefined;
    }
    case '(i i i) i': {
      const call: Allocate2 = (trial, alignment, bytes) => {
        const out = allocate.call(trial, ALIGNMENT);
        if (out === undefined || out === 0 || trial.call(f, out, alignment, bytes) !== 0) return undefined;
        return trial.addressAt(out);
      };
      return aligns(call) ? { event: 'allocate', size: 2, out: 0 } : undefined;
    }
    case '(i i i i) i':
      if (resizes((trial, address, old, bytes) => trial.call(f, address, old, ALIGNMENT, bytes))) {
        return { event: 'reallocate', pointer: 0, size: 3 };
      }
      if (resizes((trial, address, old, bytes) => trial.call(f, address, old, bytes, ALIGNMENT))) {
        return { event: 'reallocate', pointer: 0, size: 2 };
      }
      return undefined;
    default:
      return undefined;
  }
}
