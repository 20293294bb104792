/** Which of a heap snapshot's strings name something: a class, a property, a function, a script. */
import { EDGE_KINDS, NODE_KINDS, type ObjectGraph } from './object-graph.js';
import { broken } from './snapshot-header.js';
import type { TraceTree } from './trace-tree.js';

/** The text of a string of the program, or of a number, names nothing; it is what most strings are. */
const NAMELESS: readonly boolean[] = NODE_KINDS.map((kind) =>
  ['string', 'concatenated string', 'sliced string', 'number', 'bigint'].includes(kind),
);

/**
 * @returns 1 for each string that is wanted
 * @throws OtraceError `OTRACE_INPUT` when a name's number is out of all proportion
 */
export function wantedStrings(graph: ObjectGraph, trace: TraceTree): Uint8Array {
  const { nodeCount, edgeCount, columns, kindOf, nameOf, edgeNameOf } = graph;
  // There are no more names than there are things to name.
  const wanted = columns.bytes(nodeCount + edgeCount + 2 * trace.functions.length + EDGE_KINDS.length);
  const want = (name: number): void => {
    if (name >= wanted.length) throw broken('a name is out of range');
    wanted[name] = 1;
  };
  for (let node = 0; node < nodeCount; node++) {
    if (!NAMELESS[kindOf[node]!]!) want(nameOf[node]!);
  }
  for (let edge = 0; edge < edgeCount; edge++) {
    if (graph.isNamed(edge)) want(edgeNameOf[edge]!);
  }
  for (const { name, script } of trace.functions) {
    want(name);
    want(script);
  }
  return wanted;
}
