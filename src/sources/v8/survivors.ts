/**
 * What has come since a mark and is still there. Ids rise, and every object alive at the mark has one, so whatever
 * has a higher one is new. The engine's own and otrace's own are left out: all that hangs on the instances which
 * copies of the package share by a global symbol.
 */
import type { HeldGroup } from '../../heap/graph/holders.js';
import { edgeKind, nodeKind, type ObjectGraph } from '../../heap/graph/object-graph.js';
import type { HeapAnalysis } from './heap-analysis.js';

/** The main script's scope, which `otrace run` keeps to the end: it is the program's. */
const KEPT = '#kept';
const OWN = '<symbol otrace.';
const PROPERTY = edgeKind('property');
const SYNTHETIC = nodeKind('synthetic');

export function retainedSurvivors(analysis: HeapAnalysis, since: number, top: number): readonly HeldGroup[] {
  const { graph, reach, holders } = analysis;
  const inSet = new Uint8Array(graph.nodeCount);
  for (let node = 0; node < graph.nodeCount; node++) {
    if (graph.idOf[node]! > since && reach.reached(node) && !analysis.isEngine(node)) inSet[node] = 1;
  }
  leaveOutOwn(analysis, inSet);
  return holders.groups(inSet).slice(0, top);
}

/** The shared instances, what they refer to by name, and whatever those own. */
function leaveOutOwn({ graph, dominators }: HeapAnalysis, inSet: Uint8Array): void {
  const pending: number[] = [];
  for (const shared of sharedInstances(graph)) {
    pending.push(shared);
    for (const part of propertiesOf(graph, shared)) pending.push(part);
  }
  for (let node = pending.pop(); node !== undefined; node = pending.pop()) {
    inSet[node] = 0;
    const kept = graph.follow(node, 'property', KEPT);
    dominators.forEachOwned(node, (owned) => {
      if (owned !== kept) pending.push(owned);
    });
  }
}

function sharedInstances(graph: ObjectGraph): number[] {
  const found: number[] = [];
  for (let edge = graph.firstEdge[0]!; edge < graph.firstEdge[1]!; edge++) {
    const root = graph.edgeTarget[edge]!;
    if (graph.kindOf[root] === SYNTHETIC) continue;
    for (let e = graph.firstEdge[root]!; e < graph.firstEdge[root + 1]!; e++) {
      if (graph.edgeKindOf[e] === PROPERTY && graph.edgeName(e).startsWith(OWN))
        found.push(graph.edgeTarget[e]!);
    }
  }
  return found;
}

function propertiesOf(graph: ObjectGraph, node: number): number[] {
  const targets: number[] = [];
  for (let edge = graph.firstEdge[node]!; edge < graph.firstEdge[node + 1]!; edge++) {
    const name = graph.edgeKindOf[edge] === PROPERTY ? graph.edgeName(edge) : '__proto__';
    if (name !== '__proto__') targets.push(graph.edgeTarget[edge]!);
  }
  return targets;
}
