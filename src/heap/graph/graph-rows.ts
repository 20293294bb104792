/**
 * What the rows of a heap snapshot's sections mean: each section has a sink that puts its rows into the columns of the
 * graph or the trace tree. What does not fit together is refused.
 */

import type { RowSink } from './number-rows.js';
import { edgeKind, nodeKind, type ObjectGraph } from './object-graph.js';
import { broken, type SnapshotHeader } from './snapshot-header.js';
import type { TraceTree } from './trace-tree.js';

const HIDDEN_NODE = nodeKind('hidden');
const HIDDEN_EDGE = edgeKind('hidden');
const CLOSURE = nodeKind('closure');

/** A section without lists within it. */
abstract class FlatRows implements RowSink {
  abstract take(row: Float64Array): void;

  openList(): void {
    throw broken('a section is nested that should not be');
  }

  closeList(): void {}
}

export class NodeRows extends FlatRows {
  count = 0;
  /** References that the nodes announce. */
  edges = 0;
  readonly #graph: ObjectGraph;
  readonly #place: SnapshotHeader['node'];

  constructor(graph: ObjectGraph, { node }: SnapshotHeader) {
    super();
    this.#graph = graph;
    this.#place = node;
  }

  take(row: Float64Array): void {
    const graph = this.#graph;
    const place = this.#place;
    const at = this.count++;
    if (at >= graph.nodeCount) throw broken('it has more objects than it announces');
    graph.kindOf[at] = place.kinds[row[place.type]!] ?? HIDDEN_NODE;
    graph.nameOf[at] = row[place.name]!;
    graph.idOf[at] = row[place.id]!;
    graph.selfBytes[at] = Math.min(row[place.selfSize]!, 0xffff_ffff);
    if (place.traceNodeId >= 0) graph.traceOf[at] = row[place.traceNodeId]!;
    this.edges += row[place.edgeCount]!;
    graph.firstEdge[at + 1] = this.edges;
  }
}

export class EdgeRows extends FlatRows {
  count = 0;
  readonly #graph: ObjectGraph;
  readonly #place: SnapshotHeader['edge'];
  readonly #nodeFields: number;

  constructor(graph: ObjectGraph, { node, edge }: SnapshotHeader) {
    super();
    this.#graph = graph;
    this.#place = edge;
    this.#nodeFields = node.count;
  }

  take(row: Float64Array): void {
    const graph = this.#graph;
    const place = this.#place;
    const at = this.count++;
    if (at >= graph.edgeCount) throw broken('it has more references than it announces');
    const target = row[place.toNode]! / this.#nodeFields;
    if (!(target < graph.nodeCount) || target !== Math.floor(target)) {
      throw broken('a reference leads nowhere');
    }
    graph.edgeKindOf[at] = place.kinds[row[place.type]!] ?? HIDDEN_EDGE;
    graph.edgeNameOf[at] = row[place.nameOrIndex]!;
    graph.edgeTarget[at] = target;
  }
}

export class FunctionRows extends FlatRows {
  readonly #trace: TraceTree;
  readonly #place: SnapshotHeader['functionInfo'];

  constructor(trace: TraceTree, { functionInfo }: SnapshotHeader) {
    super();
    this.#trace = trace;
    this.#place = functionInfo;
  }

  take(row: Float64Array): void {
    const place = this.#place;
    this.#trace.functions.push({
      name: row[place.name]!,
      script: row[place.scriptName]!,
      scriptId: row[place.scriptId]!,
      line: row[place.line]!,
      column: row[place.column]!,
    });
  }
}

/** Where functions are; of other objects too, which nobody asks for. */
export class LocationRows extends FlatRows {
  /** Four numbers each: node, script, line, column. */
  readonly found: number[] = [];
  readonly #graph: ObjectGraph;
  readonly #place: SnapshotHeader['location'];
  readonly #nodeFields: number;

  constructor(graph: ObjectGraph, { node, location }: SnapshotHeader) {
    super();
    this.#graph = graph;
    this.#place = location;
    this.#nodeFields = node.count;
  }

  take(row: Float64Array): void {
    const place = this.#place;
    const at = row[place.objectIndex]! / this.#nodeFields;
    if (this.#graph.kindOf[at] !== CLOSURE) return;
    this.found.push(at, row[place.scriptId]!, row[place.line]!, row[place.column]!);
  }
}

/** Rows whose last field is the list of their children. */
export class TraceRows implements RowSink {
  readonly #trace: TraceTree;
  readonly #place: SnapshotHeader['traceNode'];
  /** Rows of the tree around the position. */
  readonly #open: number[] = [];

  constructor(trace: TraceTree, { traceNode }: SnapshotHeader) {
    this.#trace = trace;
    this.#place = traceNode;
  }

  take(): void {
    throw broken('its trace tree has too many fields');
  }

  openList(row: Float64Array, filled: number): void {
    const place = this.#place;
    if (filled !== place.count - 1) throw broken('its trace tree is not a tree');
    const parent = this.#open.at(-1) ?? -1;
    this.#open.push(
      this.#trace.add(
        parent,
        row[place.id]!,
        row[place.functionInfoIndex]!,
        row[place.blocks]!,
        row[place.bytes]!,
      ),
    );
  }

  closeList(): void {
    this.#open.pop();
  }
}

/** A section of which nothing is needed. */
export const IGNORED: RowSink = { take() {}, openList() {}, closeList() {} };
