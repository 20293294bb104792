/**
 * A heap graph with everything that questions about it need: what is reached, who owns what, and where functions are.
 *
 * Memory while it is made, outside the JavaScript heap: some 90 bytes an object and 17 a reference.
 */
import { className } from '../../heap/graph/class-name.js';
import { Dominators } from '../../heap/graph/dominators.js';
import type { ParsedGraph } from '../../heap/graph/graph-parser.js';
import { Holders } from '../../heap/graph/holders.js';
import { nodeKind, type ObjectGraph } from '../../heap/graph/object-graph.js';
import { pathText } from '../../heap/graph/path-text.js';
import { Reach } from '../../heap/graph/reach.js';
import type { TraceTree } from '../../heap/graph/trace-tree.js';
import type { SurvivorGroup } from '../../heap/retainers.js';
import { FunctionPlaces } from './function-places.js';
import { retainedSurvivors } from './survivors.js';
import type { FrameRules } from './trim.js';

const ENGINE_KINDS = new Set(
  (['hidden', 'code', 'object shape', 'synthetic', 'native'] as const).map(nodeKind),
);

export class HeapAnalysis {
  readonly graph: ObjectGraph;
  readonly trace: TraceTree;
  readonly reach: Reach;
  readonly dominators: Dominators;
  readonly holders: Holders;
  readonly #rules: FrameRules;
  readonly #places: FunctionPlaces;

  constructor({ graph, trace }: ParsedGraph, rules: FrameRules) {
    this.graph = graph;
    this.trace = trace;
    this.reach = new Reach(graph);
    this.dominators = new Dominators(graph, this.reach);
    this.holders = new Holders(graph, this.reach, this.dominators);
    this.#rules = rules;
    this.#places = new FunctionPlaces(graph, rules);
  }

  /** Whether the engine keeps the object for itself: code, shapes, feedback, native memory. */
  isEngine(node: number): boolean {
    return ENGINE_KINDS.has(this.graph.kindOf[node]!);
  }

  pathTo(node: number): string {
    return pathText(this.graph, this.reach, node, this.#places);
  }

  /** The path or URL of the script of a function, or of the one that sees these variables; empty for all else. */
  fileOf(node: number): string {
    return this.#places.fileOf(node);
  }

  /** Whether a script, as a path or URL, is a part of otrace. */
  isOwnScript(script: string): boolean {
    return this.#rules.isOwnFrame(script);
  }

  /** What survived since an id was the last, by holder; most bytes first. */
  survivorsSince(id: number, top: number): SurvivorGroup[] {
    const groups = new Map<string, SurvivorGroup>();
    for (const { member, objects, bytes } of retainedSurvivors(this, id)) {
      const path = this.pathTo(member);
      const same = groups.get(path); // a few large entries of one Map, each told for itself
      groups.set(path, {
        className: className(this.graph, member),
        objects: objects + (same?.objects ?? 0),
        bytes: bytes + (same?.bytes ?? 0),
        path,
      });
    }
    return [...groups.values()].sort((a, b) => b.bytes - a.bytes).slice(0, top);
  }
}
