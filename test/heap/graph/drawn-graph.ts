/** Small heap graphs as text, for tests of what is read from them. */
import {
  EDGE_KINDS,
  type EdgeKind,
  edgeKind,
  type NodeKind,
  nodeKind,
  ObjectGraph,
} from '../../../src/heap/graph/object-graph.js';

export interface Drawn {
  readonly graph: ObjectGraph;
  /** The node of that name in the drawing. */
  readonly node: (id: string) => number;
}

/**
 * One line a node, `id = kind Name, bytes`, and one a reference, `from kind:name to`; the first node is the root:
 *
 *     root = synthetic (GC roots)
 *     global = object global, 24
 *     root property:global global
 */
export function draw(text: string): Drawn {
  const lines = text.split('\n').map((line) => line.trim());
  const nodes = lines.flatMap((line) => {
    const parts = /^(\S+) = (\w+) ?([^,]*?)(?:, (\d+))?$/.exec(line);
    return parts === null
      ? []
      : [{ id: parts[1]!, kind: parts[2]!, name: parts[3]!, bytes: Number(parts[4] ?? 16) }];
  });
  const edges = lines.flatMap((line) => {
    const parts = /^(\S+) (\w+):(.*) (\S+)$/.exec(line);
    if (parts === null || line.includes(' = ')) return [];
    return [{ from: parts[1]!, kind: parts[2]! as EdgeKind, name: parts[3]!, to: parts[4]! }];
  });
  const node = (id: string): number => {
    const at = nodes.findIndex((one) => one.id === id);
    if (at < 0) throw new Error(`there is no node ${id}`);
    return at;
  };
  const graph = new ObjectGraph(nodes.length, edges.length);
  const strings: string[] = [];
  const number = (name: string): number => {
    if (!strings.includes(name)) {
      for (const char of name) graph.strings.push(char.charCodeAt(0));
      graph.strings.endText();
      strings.push(name);
    }
    return strings.indexOf(name);
  };
  let edge = 0;
  for (const [at, { id, kind, name, bytes }] of nodes.entries()) {
    graph.kindOf[at] = nodeKind(kind as NodeKind);
    graph.nameOf[at] = number(name);
    graph.idOf[at] = 2 * at + 1;
    graph.selfBytes[at] = bytes;
    for (const reference of edges.filter(({ from }) => from === id)) {
      if (!EDGE_KINDS.includes(reference.kind)) throw new Error(`there is no reference ${reference.kind}`);
      graph.edgeKindOf[edge] = edgeKind(reference.kind);
      const isIndex = reference.kind === 'element' || reference.kind === 'hidden';
      graph.edgeNameOf[edge] = isIndex ? Number(reference.name) : number(reference.name);
      graph.edgeTarget[edge++] = node(reference.to);
    }
    graph.firstEdge[at + 1] = edge;
  }
  if (edge !== edges.length) throw new Error('a reference comes from a node that is not there');
  return { graph, node };
}
