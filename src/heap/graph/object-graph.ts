/**
 * Every object of V8's heap and every reference between them, in columns outside the JavaScript heap.
 *
 *     node i       kind, name, id, self bytes, trace context      17 bytes
 *     its edges    edges firstEdge[i] .. firstEdge[i + 1] - 1      4 bytes a node
 *     edge e       kind, name or index, target node                9 bytes
 *     strings      only those that name a class, a property or a function (`string-arena.ts`)
 *
 * Node 0 is the root of all. Not here: how it is read (`graph-parser.ts`), what keeps what alive (`reach.ts`,
 * `dominators.ts`).
 */
import { Columns } from './columns.js';
import { StringArena } from './string-arena.js';

/** What a node is, as V8 says it; kinds that are not listed count as `hidden`. */
export const NODE_KINDS = [
  'hidden',
  'array',
  'string',
  'object',
  'code',
  'closure',
  'regexp',
  'number',
  'native',
  'synthetic',
  'concatenated string',
  'sliced string',
  'symbol',
  'bigint',
  'object shape',
] as const;

export const EDGE_KINDS = [
  'context',
  'element',
  'property',
  'internal',
  'hidden',
  'shortcut',
  'weak',
] as const;

export type NodeKind = (typeof NODE_KINDS)[number];
export type EdgeKind = (typeof EDGE_KINDS)[number];

export function nodeKind(kind: NodeKind): number {
  return NODE_KINDS.indexOf(kind);
}

export function edgeKind(kind: EdgeKind): number {
  return EDGE_KINDS.indexOf(kind);
}

/** Where a function is defined: `line` and `column` from 0. */
export interface CodeLocation {
  readonly scriptId: number;
  readonly line: number;
  readonly column: number;
}

/**
 * The block holds the graph, what is known of names, the way from the root, the owners and the functions; beside them
 * what the search for owners, which takes most, needs meanwhile.
 */
const NODE_BYTES = 21 + 2 + 8 + 16 + 4 + 24;
const EDGE_BYTES = 9 + 2 + 4;

export class ObjectGraph {
  readonly nodeCount: number;
  readonly edgeCount: number;
  readonly columns: Columns;
  readonly kindOf: Uint8Array;
  /** Index of the node's name in `strings`: a class, a function, a string's text. */
  readonly nameOf: Uint32Array;
  /** Ids rise in the order in which V8 first saw the objects, and stay with them as they move. */
  readonly idOf: Uint32Array;
  readonly selfBytes: Uint32Array;
  /** Id of the calling context that allocated the object; 0 when it was not recorded. */
  readonly traceOf: Uint32Array;
  /** One entry more than nodes. */
  readonly firstEdge: Uint32Array;
  readonly edgeKindOf: Uint8Array;
  /** Index of the name in `strings`, or the element's index where the kind is `element` or `hidden`. */
  readonly edgeNameOf: Uint32Array;
  readonly edgeTarget: Uint32Array;
  readonly strings = new StringArena();
  /** Rows of node, script, line and column, for functions. */
  locations: Uint32Array = new Uint32Array(0);

  constructor(nodeCount: number, edgeCount: number) {
    this.nodeCount = nodeCount;
    this.edgeCount = edgeCount;
    const columns = new Columns(NODE_BYTES * (nodeCount + 8) + EDGE_BYTES * (edgeCount + 8));
    this.columns = columns;
    this.kindOf = columns.bytes(nodeCount);
    this.nameOf = columns.words(nodeCount);
    this.idOf = columns.words(nodeCount);
    this.selfBytes = columns.words(nodeCount);
    this.traceOf = columns.words(nodeCount);
    this.firstEdge = columns.words(nodeCount + 1);
    this.edgeKindOf = columns.bytes(edgeCount);
    this.edgeNameOf = columns.words(edgeCount);
    this.edgeTarget = columns.words(edgeCount);
  }

  name(node: number): string {
    return this.strings.get(this.nameOf[node]!);
  }

  /** Whether the edge's name is a text in `strings` and not an index. */
  isNamed(edge: number): boolean {
    const kind = this.edgeKindOf[edge]!;
    return kind !== ELEMENT && kind !== HIDDEN;
  }

  edgeName(edge: number): string {
    return this.isNamed(edge) ? this.strings.get(this.edgeNameOf[edge]!) : String(this.edgeNameOf[edge]);
  }

  /** The target of the node's edge of that kind and name; -1 when it has none. */
  follow(node: number, kind: 'internal' | 'property', name: string): number {
    const wanted = edgeKind(kind);
    for (let edge = this.firstEdge[node]!; edge < this.firstEdge[node + 1]!; edge++) {
      if (this.edgeKindOf[edge] === wanted && this.strings.is(this.edgeNameOf[edge]!, name))
        return this.edgeTarget[edge]!;
    }
    return -1;
  }

  /** Where a function begins; undefined for what has no place. Cost: a walk of all locations. */
  locationOf(node: number): CodeLocation | undefined {
    const rows = this.locations;
    for (let i = 0; i < rows.length; i += 4) {
      if (rows[i] === node) return { scriptId: rows[i + 1]!, line: rows[i + 2]!, column: rows[i + 3]! };
    }
    return undefined;
  }
}

const ELEMENT = edgeKind('element');
const HIDDEN = edgeKind('hidden');
