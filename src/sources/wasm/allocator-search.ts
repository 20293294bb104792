/**
 * Finds the allocator of a module that has no names for it, by trying functions out. Candidates are chosen by
 * signature, by what they call and by how often they are called; what decides is the trial alone
 * (`allocator-trial.ts`). Of functions that wrap one another the innermost is taken: every allocation passes it.
 *
 * Bounds: `MOST_INSTANCES` private instances and `MOST_MS` milliseconds, looked at between trials; each call of a
 * trial ends by itself. A module of 7 MB takes some 0.3 s, most of it for the list of who calls whom.
 */

import { KIND } from '../../wat/binary-codes.js';
import type { AllocationHook, AllocationShape } from './allocation-hook.js';
import {
  type Allocate,
  allocateCandidates,
  bestOfSignature,
  type Choice,
  type Free,
  freeCandidates,
  MOST_NEEDED,
} from './allocator-candidates.js';
import { MOST_NEEDED_AROUND, neighboursOf, siblingShape } from './allocator-siblings.js';
import { allocates, allocatesAndFrees, seemsToAllocate, seemsToFree } from './allocator-trial.js';
import { ModuleGraph } from './module-graph.js';
import type { WasmModule } from './module-sections.js';
import { signatureOf } from './module-signature.js';
import { TrialBench } from './trial-bench.js';
import { trialModule } from './trial-module.js';

const MOST_INSTANCES = 250;
const MOST_MS = 20_000;
/** Functions kept of what a module runs at its start, which may set the allocator up first. */
const MOST_NEEDED_TO_START = 8;

interface Pair {
  readonly allocate: Allocate;
  readonly free: Free;
}

/**
 * @param named functions known by name, tried before all others; those that only wrap what is found are left out,
 *   since some do more than that (`__wbindgen_malloc(0)` gives an address without a block)
 * @returns hooks for the allocator's functions; empty when no function passes
 * @throws OtraceError OTRACE_WASM when the module's code can't be scanned
 */
export function searchAllocator(
  module: WasmModule,
  named: ReadonlyMap<number, AllocationShape>,
): AllocationHook[] {
  return new AllocatorSearch(module, new Set(named.keys())).run(named);
}

class AllocatorSearch {
  readonly #module: WasmModule;
  readonly #graph: ModuleGraph;
  readonly #seeds: ReadonlySet<number>;
  readonly #initializers: readonly number[];
  readonly #limit: { instances: number; deadlineMs: number };

  constructor(module: WasmModule, seeds: ReadonlySet<number>) {
    this.#module = module;
    this.#seeds = seeds;
    this.#graph = new ModuleGraph(module, module.codeScan);
    const initializers = module.exports.flatMap(({ kind, index }) =>
      kind === KIND.function && signatureOf(module, index) === '()' ? [index] : [],
    );
    if (module.startFunction !== undefined) initializers.unshift(module.startFunction);
    this.#initializers = initializers.filter((f) => f >= module.importedFunctions.length);
    // The trials' own time: reading a large module's code is not counted.
    this.#limit = { instances: MOST_INSTANCES, deadlineMs: performance.now() + MOST_MS };
  }

  run(named: ReadonlyMap<number, AllocationShape>): AllocationHook[] {
    const outer = this.#findPair(bestOfSignature(this.#module, this.#graph, this.#seeds));
    if (outer === undefined) return [];
    const near = neighboursOf(this.#module, this.#graph, outer, this.#seeds);
    const bench = this.#bench(near, MOST_NEEDED_AROUND);
    if (bench === undefined) return [];
    const pair = this.#innermostPair(bench, outer, (signature) =>
      near.filter((f) => signatureOf(this.#module, f) === signature),
    );
    const members = [pair.allocate, pair.free].map(({ functionIndex, shape }) => ({ functionIndex, shape }));
    const siblings: AllocationHook[] = [];
    for (const functionIndex of near) {
      if (members.some((member) => member.functionIndex === functionIndex)) continue;
      const shape = siblingShape(this.#module, bench, functionIndex, pair);
      if (shape !== undefined && !this.#isNameOf(pair.allocate, functionIndex))
        siblings.push({ functionIndex, shape });
    }
    const wraps = (outer: AllocationHook, inner: AllocationHook): boolean =>
      outer !== inner &&
      outer.shape.event === inner.shape.event &&
      this.#graph.closure(outer.functionIndex, MOST_NEEDED_AROUND).has(inner.functionIndex);
    const found = [...members, ...siblings.filter((outer) => !siblings.some((inner) => wraps(outer, inner)))];
    for (const [functionIndex, shape] of named) {
      const hook = { functionIndex, shape };
      const known = found.some((other) => other.functionIndex === functionIndex || wraps(hook, other));
      if (!known) found.push(hook);
    }
    return found;
  }

  #findPair(choice: Choice): Pair | undefined {
    const allocators = allocateCandidates(choice);
    const frees = freeCandidates(choice);
    if (allocators.length === 0 || frees.length === 0) return undefined;
    const bench = this.#bench([...allocators, ...frees].map((candidate) => candidate.functionIndex));
    if (bench === undefined) return undefined;
    const passing = allocators.filter((a) =>
      bench.passes(
        (trial) => seemsToAllocate(trial, a.call),
        (trial) => allocates(trial, a.call),
      ),
    );
    // What only gets memory from the system passes as well, but nothing frees it; it is the smaller function.
    const seedRank = (candidate: Allocate | Free): number =>
      this.#seeds.has(candidate.functionIndex) ? 1 : 0;
    const bodyBytes = (a: Allocate): number => this.#graph.bodyBytes(a.functionIndex);
    passing.sort((a, b) => seedRank(b) - seedRank(a) || bodyBytes(b) - bodyBytes(a));
    for (const allocate of passing) {
      const near = this.#graph.closure(allocate.functionIndex, MOST_NEEDED);
      const shares = (f: Free): number =>
        [...this.#graph.callees(f.functionIndex)].some((callee) => near.has(callee)) ? 1 : 0;
      const ranked = frees.toSorted((a, b) => seedRank(b) - seedRank(a) || shares(b) - shares(a));
      const free = ranked.find((f) => isPair(bench, allocate, f));
      if (free !== undefined) return { allocate, free };
    }
    return undefined;
  }

  /** Goes from a pair inwards: to what all the functions that wrap the allocator call in the end. */
  #innermostPair(bench: TrialBench, outer: Pair, choice: Choice): Pair {
    const free = this.#innermost(outer.free, freeCandidates(choice), (f) => isPair(bench, outer.allocate, f));
    const allocators = allocateCandidates(choice);
    const allocate = this.#innermost(outer.allocate, allocators, (a) => isPair(bench, a, free));
    return { allocate, free };
  }

  /** The last of those that a function leads to, by calls, and that pass. */
  #innermost<C extends Allocate | Free>(outer: C, all: readonly C[], passes: (candidate: C) => boolean): C {
    const reached = this.#graph.closure(outer.functionIndex, MOST_NEEDED);
    reached.delete(outer.functionIndex);
    for (const candidate of all) {
      if (reached.has(candidate.functionIndex) && passes(candidate)) {
        return this.#innermost(candidate, all, passes);
      }
    }
    return outer;
  }

  /** Whether a function known by name is but another way to call what was found: same parameters, passed on. */
  #isNameOf({ functionIndex: found }: Allocate, named: number): boolean {
    const signature = signatureOf(this.#module, found);
    if (!this.#seeds.has(named) || signatureOf(this.#module, named) !== signature) return false;
    return this.#graph.callees(named).has(found);
  }

  #bench(functions: readonly number[], mostNeeded = MOST_NEEDED): TrialBench | undefined {
    const kept = new Set<number>();
    const keep = (f: number, most: number): void => {
      for (const needed of this.#graph.closure(f, most)) kept.add(needed);
    };
    for (const f of functions) keep(f, mostNeeded);
    for (const f of this.#initializers) keep(f, MOST_NEEDED_TO_START);
    try {
      const compiled = new WebAssembly.Module(trialModule(this.#module, kept) as BufferSource);
      return new TrialBench(this.#module, compiled, this.#initializers, this.#limit);
    } catch {
      return undefined; // its code needs something that was cut away, or that the engine does not know
    }
  }
}

function isPair(bench: TrialBench, allocate: Allocate, free: Free): boolean {
  return bench.passes(
    (trial) => seemsToFree(trial, allocate.call, free.call),
    (trial) => allocatesAndFrees(trial, allocate.call, free.call),
  );
}
