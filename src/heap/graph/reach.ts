/**
 * What is alive, and the way by which it is: a shortest path from a root to every object that is not merely held
 * weakly. Of several ways the one that a person would follow is taken: first through what the program made (globals,
 * variables, properties, elements), and only what is then still missing through the engine's own tables (compiled
 * code, caches, handles of native code, the stack of this moment).
 *
 * Not counted as keeping alive: weak references; what a `WeakRef` keeps to the end of the running job; a weak
 * collection's hold on a value whose key holds it too.
 *
 * Cost: 8 bytes a node, one pass over the edges; 4 bytes a node more while it runs.
 */
import { edgeKind, nodeKind, type ObjectGraph } from './object-graph.js';

export const NOT_REACHED = 0xffff_ffff;

const WEAK = edgeKind('weak');
const HIDDEN_EDGE = edgeKind('hidden');
const INTERNAL = edgeKind('internal');
const PROPERTY = edgeKind('property');
const CODE = nodeKind('code');
const SHAPE = nodeKind('object shape');
const HIDDEN = nodeKind('hidden');
const NATIVE = nodeKind('native');
const SYNTHETIC = nodeKind('synthetic');

/** Roots through which a person understands why something is alive; all other roots come after. */
const TELLING_ROOTS: readonly string[] = [
  '(GC roots)',
  '(Global handles)',
  '(Traced handles)',
  '(Eternal handles)',
  '(Strong roots)',
];

/**
 * Properties that are ways, and no explanations: through an object to its class and whatever the class' module has;
 * and how the global object holds otrace itself.
 */
const PUT_OFF: readonly string[] = ['__proto__', 'constructor', '<symbol otrace.instances/1>'];

const KEPT_FOR_JOB = 'weak_refs_keep_during_job';

export class Reach {
  /** The node before each on its way from the root; the root's own and what is not reached: `NOT_REACHED`. */
  readonly parent: Uint32Array;
  readonly parentEdge: Uint32Array;
  readonly #graph: ObjectGraph;
  readonly #strong: StrongEdges;

  constructor(graph: ObjectGraph) {
    this.#graph = graph;
    this.#strong = new StrongEdges(graph);
    this.parent = graph.columns.words(graph.nodeCount).fill(NOT_REACHED);
    this.parentEdge = graph.columns.words(graph.nodeCount);
    if (graph.nodeCount > 0) graph.columns.during(() => this.#search());
  }

  reached(node: number): boolean {
    return node === 0 || this.parent[node] !== NOT_REACHED;
  }

  /** Whether the edge keeps its target alive. */
  isStrong(from: number, edge: number): boolean {
    return this.#strong.has(from, edge);
  }

  /** Breadth first, twice: nodes put off are taken up one at a time when there is nothing better. */
  #search(): void {
    const { firstEdge, edgeTarget, nodeCount, columns } = this.#graph;
    const { parent, parentEdge } = this;
    const queue = columns.words(nodeCount);
    let head = 0;
    let tail = 0;
    queue[tail++] = 0;
    const putOff: number[] = [];
    /** 1 for what is put off already: only the first way to it counts, and shapes have one from each object. */
    const isPutOff = columns.bytes(nodeCount);
    let next = 0;
    for (;;) {
      while (head < tail) {
        const node = queue[head++]!;
        for (let edge = firstEdge[node]!; edge < firstEdge[node + 1]!; edge++) {
          const target = edgeTarget[edge]!;
          if (target === 0 || parent[target] !== NOT_REACHED || !this.#strong.has(node, edge)) continue;
          if (this.#isObscure(node, edge, target)) {
            if (isPutOff[target] === 0) putOff.push(edge, node);
            isPutOff[target] = 1;
            continue;
          }
          parent[target] = node;
          parentEdge[target] = edge;
          queue[tail++] = target;
        }
      }
      if (next >= putOff.length) return;
      const edge = putOff[next++]!;
      const node = putOff[next++]!;
      const target = edgeTarget[edge]!;
      if (parent[target] !== NOT_REACHED) continue;
      parent[target] = node;
      parentEdge[target] = edge;
      queue[tail++] = target;
    }
  }

  #isObscure(node: number, edge: number, target: number): boolean {
    const kind = this.#graph.kindOf[target]!;
    if (kind === SYNTHETIC) return !TELLING_ROOTS.includes(this.#graph.name(target));
    if (this.#graph.edgeKindOf[edge] === HIDDEN_EDGE && this.#graph.kindOf[node] !== SYNTHETIC) return true;
    if (this.#graph.edgeKindOf[edge] === PROPERTY) {
      const name = this.#graph.edgeNameOf[edge]!;
      if (PUT_OFF.some((link) => this.#graph.strings.is(name, link))) return true;
    }
    return kind === CODE || kind === SHAPE || kind === HIDDEN || kind === NATIVE;
  }
}

/** Tells edges that keep alive from those that do not; names are looked at once each. */
class StrongEdges {
  readonly #graph: ObjectGraph;
  /** 0 not looked at, 1 an ordinary name, 2 kept for the job, 3 a value of a weak collection. */
  readonly #nameKinds: Uint8Array;

  constructor(graph: ObjectGraph) {
    this.#graph = graph;
    this.#nameKinds = graph.columns.bytes(graph.strings.count);
  }

  has(from: number, edge: number): boolean {
    const graph = this.#graph;
    const kind = graph.edgeKindOf[edge];
    if (kind === WEAK) return false;
    if (kind !== INTERNAL) return true;
    const name = graph.edgeNameOf[edge]!;
    let known = this.#nameKinds[name];
    if (known === 0) {
      known = this.#look(name);
      this.#nameKinds[name] = known;
    }
    if (known === 1) return true;
    if (known === 2) return false;
    // V8 writes the reference to a value twice, from its key and from the table; the table's is not needed.
    return !graph.strings.endsWith(name, `(table @${graph.idOf[from]})`);
  }

  #look(name: number): number {
    const { strings } = this.#graph;
    if (strings.endsWith(name, KEPT_FOR_JOB)) return 2;
    return strings.endsWith(name, ')') && strings.get(name).includes(' pair in WeakMap (table @') ? 3 : 1;
  }
}
