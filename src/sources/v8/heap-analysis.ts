/**
 * A heap graph with everything that questions about it need: what is reached, who owns what, and where functions are.
 *
 * Memory while it is made, outside the JavaScript heap: some 90 bytes an object and 17 a reference.
 */
import { Dominators } from '../../heap/graph/dominators.js';
import type { ParsedGraph } from '../../heap/graph/graph-parser.js';
import { Holders } from '../../heap/graph/holders.js';
import { nodeKind, type ObjectGraph } from '../../heap/graph/object-graph.js';
import { className, pathText } from '../../heap/graph/path-text.js';
import { Reach } from '../../heap/graph/reach.js';
import type { TraceTree } from '../../heap/graph/trace-tree.js';
import type { SurvivorGroup } from '../../heap/retainers.js';
import { retainedSurvivors } from './survivors.js';
import type { FrameRules } from './trim.js';

const ENGINE_KINDS = new Set(
  (['hidden', 'code', 'object shape', 'synthetic', 'native'] as const).map(nodeKind),
);
const CLOSURE = nodeKind('closure');

export class HeapAnalysis {
  readonly graph: ObjectGraph;
  readonly trace: TraceTree;
  readonly reach: Reach;
  readonly dominators: Dominators;
  readonly holders: Holders;
  readonly #rules: FrameRules;
  readonly #scripts = new Map<number, string>();

  constructor({ graph, trace }: ParsedGraph, rules: FrameRules) {
    this.graph = graph;
    this.trace = trace;
    this.reach = new Reach(graph);
    this.dominators = new Dominators(graph, this.reach);
    this.holders = new Holders(graph, this.reach, this.dominators);
    this.#rules = rules;
  }

  /** Whether the engine keeps the object for itself: code, shapes, feedback, native memory. */
  isEngine(node: number): boolean {
    return ENGINE_KINDS.has(this.graph.kindOf[node]!);
  }

  pathTo(node: number): string {
    return pathText(this.graph, this.reach, node, {
      functionAt: (closure) => this.#functionAt(closure),
      scriptOf: (context) => {
        const known = this.#scripts.get(context) ?? this.#scriptOf(context);
        this.#scripts.set(context, known);
        return known;
      },
      moduleAt: (name) => (isFile(name) ? this.#rules.displayPath(name) : ''),
    });
  }

  /** Whether a script, as a path or URL, is a part of otrace. */
  isOwnScript(script: string): boolean {
    return this.#rules.isOwnFrame(script);
  }

  /** What survived since an id was the last, by holder; most bytes first. */
  survivorsSince(id: number, top: number): SurvivorGroup[] {
    return retainedSurvivors(this, id, top).map(({ member, objects, bytes }) => ({
      className: className(this.graph, member),
      objects,
      bytes,
      path: this.pathTo(member),
    }));
  }

  /** The file of any function that sees the variables of a context. Cost: a walk of all functions. */
  #scriptOf(context: number): string {
    const { graph } = this;
    for (let node = 0; node < graph.nodeCount; node++) {
      if (graph.kindOf[node] !== CLOSURE || graph.follow(node, 'internal', 'context') !== context) continue;
      const place = this.#functionAt(node);
      if (place !== '') return place.slice(0, place.lastIndexOf(':'));
    }
    return '';
  }

  /** The reference is called otherwise since V8 12. */
  #scriptNodeOf(shared: number): number {
    const script = this.graph.follow(shared, 'internal', 'script');
    return script >= 0 ? script : this.graph.follow(shared, 'internal', 'script_or_debug_info');
  }

  /** `file:line` of a function of the program, in its source; empty for those of Node and the engine. */
  #functionAt(closure: number): string {
    const { graph } = this;
    if (graph.kindOf[closure] !== CLOSURE) return '';
    const location = graph.locationOf(closure);
    const shared = graph.follow(closure, 'internal', 'shared');
    const script = shared < 0 ? -1 : this.#scriptNodeOf(shared);
    const file = script < 0 ? '' : graph.name(script);
    if (location === undefined || !isFile(file)) return '';
    const { line, column } = location;
    const frame = this.#rules.mapFrame({ name: '', file, line: line + 1, column: column + 1 });
    return `${this.#rules.displayPath(frame.file)}:${frame.line}`;
  }
}

function isFile(name: string): boolean {
  return /^(?:file:|\/|[A-Za-z]:\\)/.test(name);
}
