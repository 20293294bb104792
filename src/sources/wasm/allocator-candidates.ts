/**
 * Which functions of a nameless module are worth trying as parts of its allocator. An allocator's functions have
 * few possible signatures, need few other functions to run, and are exported or called from many places.
 */

import { KIND } from '../../wat/binary-codes.js';
import type { AllocationShape } from './allocation-hook.js';
import type { AllocateCall, FreeCall } from './allocator-trial.js';
import type { ModuleGraph } from './module-graph.js';
import type { WasmModule } from './module-sections.js';
import { hasWideAddresses, signatureOfType } from './module-signature.js';

/**
 * Functions that an allocator may need to run, itself included; one that needs more is no candidate. Rust's need some
 * 40 where each field of a chunk has a function of its own.
 */
export const MOST_NEEDED = 64;
/** An alignment that is asked for where one must be given. */
export const ALIGNMENT = 8;
const MOST_CANDIDATES = 48;

/** A function that may play a part, and how to call it so. */
export interface Candidate<Call> {
  readonly functionIndex: number;
  readonly shape: AllocationShape;
  readonly call: Call;
}

export type Allocate = Candidate<AllocateCall>;
export type Free = Candidate<FreeCall>;

/** Gives the functions of a signature that are to be considered. */
export type Choice = (signature: string) => readonly number[];

/** malloc: of a size, or as Rust has it, of a size and an alignment in either order. */
export function allocateCandidates(choice: Choice): Allocate[] {
  const list: Allocate[] = choice('(i) i').map((f) => ({
    functionIndex: f,
    shape: { event: 'allocate', size: 0 },
    call: (trial, bytes) => trial.call(f, bytes),
  }));
  for (const f of choice('(i i) i')) {
    list.push({
      functionIndex: f,
      shape: { event: 'allocate', size: 0 },
      call: (trial, bytes) => trial.call(f, bytes, ALIGNMENT),
    });
    list.push({
      functionIndex: f,
      shape: { event: 'allocate', size: 1 },
      call: (trial, bytes) => trial.call(f, ALIGNMENT, bytes),
    });
  }
  return list;
}

/** free: of an address, or as Rust has it, with size and alignment. */
export function freeCandidates(choice: Choice): Free[] {
  const shape = { event: 'free', pointer: 0 } as const;
  const plain = choice('(i)').map(
    (f): Free => ({ functionIndex: f, shape, call: (trial, address) => trial.call(f, address) }),
  );
  const sized = choice('(i i i)').map(
    (f): Free => ({
      functionIndex: f,
      shape,
      call: (trial, address, bytes) => trial.call(f, address, bytes, ALIGNMENT),
    }),
  );
  return [...plain, ...sized];
}

/**
 * Of a signature, those that are called most and, by turns with them, those that are exported: bindings may export
 * hundreds of functions that are none of the allocator's.
 *
 * @param seeds functions that come first, and without whom nothing is asked of their surroundings
 */
export function bestOfSignature(module: WasmModule, graph: ModuleGraph, seeds: ReadonlySet<number>): Choice {
  const { callCounts } = graph;
  const exported = new Set<number>();
  for (const { kind, index } of module.exports) if (kind === KIND.function) exported.add(index);
  const wide = hasWideAddresses(module);
  const signatures = module.typeSection.types.map((type) => type && signatureOfType(type, wide));
  return (signature) => {
    const found: number[] = [];
    for (let f = module.importedFunctions.length; f < callCounts.length; f++) {
      if (callCounts[f]! < 2 && !exported.has(f) && !seeds.has(f)) continue;
      if (signatures[module.functionTypeIndex(f)] === signature) found.push(f);
    }
    found.sort((a, b) => callCounts[b]! - callCounts[a]!);
    const best = new Set(found.filter((f) => seeds.has(f)));
    // Only as many as are taken are looked into: a large module has tens of thousands.
    const queues = [found, found.filter((f) => exported.has(f))].map((queue) => smallOf(graph, queue, best));
    while (queues.length > 0 && best.size < MOST_CANDIDATES) {
      const queue = queues.shift()!;
      const { done, value } = queue.next();
      if (done) continue;
      best.add(value);
      queues.push(queue);
    }
    return [...best];
  };
}

function* smallOf(
  graph: ModuleGraph,
  functions: readonly number[],
  but: ReadonlySet<number>,
): Generator<number> {
  for (const f of functions) if (!but.has(f) && isSmall(graph, f)) yield f;
}

function isSmall(graph: ModuleGraph, functionIndex: number): boolean {
  return graph.closure(functionIndex, MOST_NEEDED).size < MOST_NEEDED;
}
