/**
 * What has come since a mark and is still there. Ids rise, and every object alive at the mark has one, so whatever
 * has a higher one is new. The engine's own and otrace's own are left out: all that hangs on the instances which
 * copies of the package share by a global symbol.
 */
import type { HeldGroup } from '../../heap/graph/holders.js';
import { edgeKind, nodeKind, type ObjectGraph } from '../../heap/graph/object-graph.js';
import { NOT_REACHED } from '../../heap/graph/reach.js';
import type { HeapAnalysis } from './heap-analysis.js';

/** The main script's scope, which `otrace run` keeps to the end: it is the program's. */
const KEPT = '#kept';
const OWN = '<symbol otrace.';
const PROPERTY = edgeKind('property');
const SYNTHETIC = nodeKind('synthetic');
const CODE = nodeKind('code');
const OBJECT = nodeKind('object');
/** Classes of Node's own. */
const LOADERS: readonly string[] = ['ModuleLoader', 'ModuleJob', 'ModuleWrap', 'LoadCache', 'ResolveCache'];
/** `BuiltinModule > exports: Object > Agent()`. */
const EXPORTED_DEPTH = 3;

/** Most bytes first. */
export function retainedSurvivors(analysis: HeapAnalysis, since: number): readonly HeldGroup[] {
  const { graph, reach, holders } = analysis;
  return graph.columns.during(() => {
    const inSet = graph.columns.bytes(graph.nodeCount);
    for (let node = 0; node < graph.nodeCount; node++) {
      if (graph.idOf[node]! <= since || !reach.reached(node) || analysis.isEngine(node)) continue;
      // What compiled code refers to first of all is its source.
      if (graph.kindOf[reach.parent[node]!] !== CODE) inSet[node] = 1;
    }
    const own = leaveOutOwn(analysis, inSet);
    return holders
      .groups(inSet)
      .filter(({ member }) => !isOwn(analysis, own, member) && !isLoaders(analysis, member));
  });
}

/**
 * Takes the shared instances, what they refer to by name, our modules and whatever all these own out of the set.
 *
 * @returns the objects that this began with
 */
function leaveOutOwn(analysis: HeapAnalysis, inSet: Uint8Array): ReadonlySet<number> {
  const { graph, dominators } = analysis;
  const pending: number[] = [];
  for (const loaded of ownModules(analysis)) pending.push(loaded);
  for (const shared of sharedInstances(graph)) {
    pending.push(shared);
    for (const part of propertiesOf(graph, shared)) pending.push(part);
  }
  const own = new Set(pending);
  for (let node = pending.pop(); node !== undefined; node = pending.pop()) {
    inSet[node] = 0;
    const kept = graph.follow(node, 'property', KEPT);
    dominators.forEachOwned(node, (owned) => {
      if (owned !== kept) pending.push(owned);
    });
  }
  return own;
}

/** Whether an object is alive by way of ours, other than as a variable of the main script. */
function isOwn(analysis: HeapAnalysis, own: ReadonlySet<number>, member: number): boolean {
  const { graph, reach } = analysis;
  for (const node of wayTo(analysis, member)) {
    if (own.has(node)) return true;
    const before = reach.parent[node]!;
    if (before !== NOT_REACHED && graph.follow(before, 'property', KEPT) === node) return false;
    if (analysis.isOwnScript(analysis.fileOf(node))) return true;
  }
  return false;
}

/**
 * Whether an object is alive for Node's loader of modules alone, and not by way of a module's variables; or came with a
 * module of Node's, as what it exports. What has gathered in there since is told.
 */
function isLoaders(analysis: HeapAnalysis, member: number): boolean {
  const { graph, holders } = analysis;
  let depth = 0;
  for (const node of wayTo(analysis, member)) {
    if (analysis.fileOf(node) !== '') return false;
    if (!holders.isPart(node)) depth++;
    if (graph.kindOf[node] !== OBJECT) continue;
    const name = graph.name(node);
    if (LOADERS.includes(name)) return true;
    if (name === 'BuiltinModule') return depth <= EXPORTED_DEPTH;
  }
  return false;
}

/** From an object to its root. */
function* wayTo({ reach }: HeapAnalysis, member: number): Iterable<number> {
  for (let node = member; node !== 0 && node !== NOT_REACHED; node = reach.parent[node]!) yield node;
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

/** CommonJS modules of otrace, in Node's table of loaded ones. */
function ownModules(analysis: HeapAnalysis): number[] {
  const { graph } = analysis;
  const found: number[] = [];
  for (let edge = 0; edge < graph.edgeCount; edge++) {
    const target = graph.edgeTarget[edge]!;
    if (graph.edgeKindOf[edge] !== PROPERTY || !graph.strings.is(graph.nameOf[target]!, 'Module')) continue;
    if (analysis.isOwnScript(graph.edgeName(edge))) found.push(target);
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
