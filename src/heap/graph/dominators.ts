/**
 * Who owns what: the dominator of an object is the nearest other object through which every way from the root leads,
 * so that the object would be garbage without it. What an object dominates is what it retains.
 *
 * The Semi-NCA algorithm of Georgiadis and Tarjan ("Finding dominators in practice", 2006): nodes are numbered as a
 * depth-first search meets them, semidominators are found with path compression, and a node's dominator is the
 * nearest ancestor of its parent that is no later than its semidominator. Nothing is recursive, and nothing is made by
 * `slice`: its array would be one of the program's constructors, which may be counted.
 *
 * Cost: 4 bytes for each of: node's number, its node, dominator, first child, next sibling. While it runs, 12 bytes a
 * node and 4 bytes a reference more.
 */
import type { ObjectGraph } from './object-graph.js';
import type { Reach } from './reach.js';

const NONE = 0xffff_ffff;

export class Dominators {
  /** Reached nodes in depth-first order: an owner stands before what it owns. */
  readonly order: Uint32Array;
  /** The dominator of each node; the root's own and those of nodes not reached are `NONE`. */
  readonly owner: Uint32Array;
  /** The nodes that a node owns directly, as a list. */
  readonly #firstChild: Uint32Array;
  readonly #nextSibling: Uint32Array;

  constructor(graph: ObjectGraph, reach: Reach) {
    const { columns, nodeCount } = graph;
    const order = columns.words(nodeCount);
    this.owner = columns.words(nodeCount).fill(NONE);
    this.#firstChild = columns.words(nodeCount).fill(NONE);
    this.#nextSibling = columns.words(nodeCount).fill(NONE);
    this.order = columns.during(() => {
      const numbering = depthFirst(graph, reach, order);
      findOwners(graph, reach, numbering, this.owner);
      return numbering.order;
    });
    for (let i = this.order.length - 1; i > 0; i--) {
      const node = this.order[i]!;
      const owner = this.owner[node]!;
      this.#nextSibling[node] = this.#firstChild[owner]!;
      this.#firstChild[owner] = node;
    }
  }

  forEachOwned(node: number, visit: (owned: number) => void): void {
    for (let child = this.#firstChild[node]!; child !== NONE; child = this.#nextSibling[child]!) visit(child);
  }

  /** Adds to each node's figure those of all that it owns, directly or not. */
  accumulate(figures: Float64Array): void {
    for (let i = this.order.length - 1; i > 0; i--) {
      const node = this.order[i]!;
      const figure = figures[node]!;
      if (figure !== 0) figures[this.owner[node]!]! += figure;
    }
  }
}

interface Numbering {
  readonly order: Uint32Array;
  /** Place in `order` of each node. */
  readonly numberOf: Uint32Array;
  /** By number: the number of the node from which the search came. */
  readonly parent: Uint32Array;
}

function depthFirst(graph: ObjectGraph, reach: Reach, order: Uint32Array): Numbering {
  const { nodeCount, columns } = graph;
  const numberOf = columns.words(nodeCount).fill(NONE);
  const parent = columns.words(nodeCount);
  const count = columns.during(() => walk(graph, reach, order, numberOf, parent));
  return { order: order.subarray(0, count), numberOf, parent: parent.subarray(0, count) };
}

/** @returns how many nodes there are on all ways from the root */
function walk(
  { nodeCount, firstEdge, edgeTarget, columns }: ObjectGraph,
  reach: Reach,
  order: Uint32Array,
  numberOf: Uint32Array,
  parent: Uint32Array,
): number {
  const stack = columns.words(nodeCount);
  const nextEdge = columns.words(nodeCount + 1);
  nextEdge.set(firstEdge);
  let count = 0;
  let depth = 0;
  if (nodeCount > 0) {
    numberOf[0] = count;
    order[count++] = 0;
    stack[depth++] = 0;
  }
  while (depth > 0) {
    const node = stack[depth - 1]!;
    const edge = nextEdge[node]!;
    if (edge === firstEdge[node + 1]!) {
      depth--;
      continue;
    }
    nextEdge[node] = edge + 1;
    const target = edgeTarget[edge]!;
    if (numberOf[target] !== NONE || !reach.isStrong(node, edge)) continue;
    parent[count] = numberOf[node]!;
    numberOf[target] = count;
    order[count++] = target;
    stack[depth++] = target;
  }
  return count;
}

/** The references to each node, by number: those of number n are from[first[n]] .. from[first[n + 1] - 1]. */
function referencesTo(
  graph: ObjectGraph,
  reach: Reach,
  { order, numberOf }: Numbering,
): { first: Uint32Array; from: Uint32Array } {
  const { firstEdge, edgeTarget, columns } = graph;
  const first = columns.words(order.length + 1);
  for (const node of order) {
    for (let edge = firstEdge[node]!; edge < firstEdge[node + 1]!; edge++) {
      if (reach.isStrong(node, edge)) first[numberOf[edgeTarget[edge]!]! + 1]!++;
    }
  }
  for (let n = 0; n < order.length; n++) first[n + 1]! += first[n]!;
  const from = columns.words(first[order.length]!);
  columns.during(() => {
    const free = columns.words(order.length + 1);
    free.set(first);
    for (let n = 0; n < order.length; n++) {
      const node = order[n]!;
      for (let edge = firstEdge[node]!; edge < firstEdge[node + 1]!; edge++) {
        if (reach.isStrong(node, edge)) from[free[numberOf[edgeTarget[edge]!]!]!++] = n;
      }
    }
  });
  return { first, from };
}

function findOwners(graph: ObjectGraph, reach: Reach, numbering: Numbering, owner: Uint32Array): void {
  const { columns } = graph;
  const { order, parent } = numbering;
  const { first, from } = referencesTo(graph, reach, numbering);
  const count = order.length;
  const dominator = parent;
  const ancestor = columns.words(count);
  ancestor.set(parent);
  const semi = columns.words(count);
  const label = columns.words(count);
  for (let n = 0; n < count; n++) {
    semi[n] = n;
    label[n] = n;
  }
  const path: number[] = [];
  for (let n = count - 1; n > 0; n--) {
    let least = n;
    for (let i = first[n]!; i < first[n + 1]!; i++) {
      const before = from[i]!;
      // Nodes from n on are linked already; the least semidominator on the way up from them counts.
      const candidate = before <= n ? before : semi[leastLabel(before, n, ancestor, label, semi, path)]!;
      if (candidate < least) least = candidate;
    }
    semi[n] = least;
  }
  for (let n = 1; n < count; n++) {
    let at = dominator[n]!;
    while (at > semi[n]!) at = dominator[at]!;
    dominator[n] = at;
  }
  for (let n = 1; n < count; n++) owner[order[n]!] = order[dominator[n]!]!;
}

/**
 * The label of least semidominator from `start` up to, but without, the first ancestor that is not yet linked
 * (`last` and those before it). Ways walked are shortened for the next time.
 */
function leastLabel(
  start: number,
  last: number,
  ancestor: Uint32Array,
  label: Uint32Array,
  semi: Uint32Array,
  path: number[],
): number {
  let at = start;
  while (ancestor[at]! > last) {
    path.push(at);
    at = ancestor[at]!;
  }
  for (let next = path.pop(); next !== undefined; next = path.pop()) {
    const above = ancestor[next]!;
    if (semi[label[above]!]! < semi[label[next]!]!) label[next] = label[above]!;
    ancestor[next] = ancestor[above]!;
  }
  return label[start]!;
}
