/**
 * From a heap graph with calling contexts to the exact `js` snapshot of a window: for each stack a reader would tell
 * apart, what was allocated, what of it is live, of which class, and for those that hold most, why.
 *
 * Live is what is reached from a root, without what the engine makes for itself when code runs for the first time
 * (compiled code, shapes, feedback): those are in `engine_bytes`. Totals are V8's own counts and include it.
 */
import { type Frame, hashStack } from '../../heap/frame.js';
import { classKey, className } from '../../heap/graph/class-name.js';
import { nodeKind, type ObjectGraph } from '../../heap/graph/object-graph.js';
import type { TracedFunction, TraceTree } from '../../heap/graph/trace-tree.js';
import { retainerText } from '../../heap/retainers.js';
import type { SiteUsage, SourceSnapshot } from '../../heap/snapshot.js';
import { FrameTable } from './frame-table.js';
import type { HeapAnalysis } from './heap-analysis.js';
import type { CallFrame } from './sampler.js';
import { type FrameRules, isLoading, LOADING, type StackLink, trimStack } from './trim.js';

interface Site {
  readonly frames: readonly Frame[];
  totalBytes: number;
  totalBlocks: number;
  liveBytes: number;
  liveBlocks: number;
  /** Live bytes by class, under the number that stands for it. */
  readonly classes: Map<number, { bytes: number; readonly node: number }>;
}

const NO_SITE = -1;
const OBJECT = nodeKind('object');

/**
 * @param stackDepth frames shown of a stack
 * @param top sites for which it is told why they are alive
 */
export function exactSnapshot(
  analysis: HeapAnalysis,
  rules: FrameRules,
  stackDepth: number,
  top: number,
): SourceSnapshot {
  const { graph, trace, reach, holders } = analysis;
  const { sites, siteOfRow } = sitesOf(graph, trace, rules, stackDepth);
  const siteOfNode = new Int32Array(graph.nodeCount).fill(NO_SITE);
  let engineBytes = 0;
  for (let node = 0; node < graph.nodeCount; node++) {
    const row = graph.traceOf[node] === 0 ? -1 : trace.rowOf(graph.traceOf[node]!);
    const number = row < 0 ? NO_SITE : siteOfRow[row]!;
    if (number === NO_SITE || !reach.reached(node)) continue;
    if (analysis.isEngine(node)) {
      engineBytes += graph.selfBytes[node]!;
      continue;
    }
    siteOfNode[node] = number;
    const site = sites[number]!;
    site.liveBytes += graph.selfBytes[node]!;
    site.liveBlocks++;
    if (!holders.isPart(node)) addClass(site, classKey(graph, node), node, graph.selfBytes[node]!);
  }

  const usages = sites.map((site) => usageOf(graph, site));
  const inSet = graph.columns.bytes(graph.nodeCount);
  for (const number of topSites(usages, top)) {
    for (let node = 0; node < graph.nodeCount; node++) inSet[node] = siteOfNode[node] === number ? 1 : 0;
    const [group] = holders.groups(inSet);
    if (group === undefined) continue;
    usages[number] = {
      ...usages[number]!,
      className: className(graph, group.member),
      retainer: retainerText(analysis.pathTo(group.member), group.bytes, group.objects),
    };
  }
  const sum = (figure: 'liveBytes' | 'liveBlocks'): number =>
    usages.reduce((total, site) => total + site[figure], 0);
  return {
    source: 'js',
    estimated: false,
    hasTotals: true,
    liveBytes: sum('liveBytes'),
    liveBlocks: sum('liveBlocks'),
    sites: usages,
    facts: { engine_bytes: `${engineBytes} bytes` },
  };
}

function sitesOf(
  graph: ObjectGraph,
  trace: TraceTree,
  rules: FrameRules,
  stackDepth: number,
): { sites: Site[]; siteOfRow: Int32Array } {
  const frames = new FrameTable(rules);
  const links: StackLink[] = [];
  const sites: Site[] = [];
  const numberOfKey = new Map<string, number>();
  const siteOfRow = new Int32Array(trace.count).fill(NO_SITE);
  for (let row = 0; row < trace.count; row++) {
    const call = callFrameOf(graph, trace.functions[trace.functionOf[row]!]);
    const link: StackLink = { entry: frames.of(call), outer: links[trace.parent[row]!] };
    links.push(link);
    if (trace.totalBlocks[row] === 0) continue;
    const stack = isLoading(link) ? [LOADING] : trimStack(link, stackDepth);
    if (stack === undefined) continue; // otrace allocated for itself
    const key = frames.keyOf(stack);
    let number = numberOfKey.get(key);
    if (number === undefined) {
      number = sites.length;
      numberOfKey.set(key, number);
      sites.push({
        frames: stack,
        totalBytes: 0,
        totalBlocks: 0,
        liveBytes: 0,
        liveBlocks: 0,
        classes: new Map(),
      });
    }
    siteOfRow[row] = number;
    sites[number]!.totalBytes += trace.totalBytes[row]!;
    sites[number]!.totalBlocks += trace.totalBlocks[row]!;
  }
  return { sites, siteOfRow };
}

/** As V8's sampler would describe the function, so that the same code has the same hash by either way. */
function callFrameOf(graph: ObjectGraph, called: TracedFunction | undefined): CallFrame {
  if (called === undefined)
    return { functionName: '(unknown)', scriptId: '0', url: '', lineNumber: -1, columnNumber: -1 };
  return {
    functionName: graph.strings.get(called.name),
    scriptId: String(called.scriptId),
    url: graph.strings.get(called.script),
    lineNumber: called.line - 1,
    columnNumber: called.column - 1,
  };
}

function addClass(site: Site, key: number, node: number, bytes: number): void {
  const known = site.classes.get(key);
  if (known === undefined) site.classes.set(key, { bytes, node });
  else known.bytes += bytes;
}

function usageOf(graph: ObjectGraph, site: Site): SiteUsage {
  const { frames, liveBytes, liveBlocks, totalBytes, totalBlocks, classes } = site;
  const [heaviest] = [...classes.values()].sort((a, b) => b.bytes - a.bytes);
  return {
    source: 'js',
    hash: hashStack('js', frames),
    frames,
    liveBytes,
    liveBlocks,
    // Optimized code may allocate two objects in one go, which V8 then counts as one.
    totalBytes: Math.max(totalBytes, liveBytes),
    totalBlocks: Math.max(totalBlocks, liveBlocks),
    ...(heaviest !== undefined && { className: className(graph, heaviest.node) }),
  };
}

function topSites(usages: readonly SiteUsage[], top: number): number[] {
  return [...usages.keys()]
    .filter((number) => usages[number]!.liveBytes > 0)
    .sort((a, b) => usages[b]!.liveBytes - usages[a]!.liveBytes)
    .slice(0, top);
}

/** Whether the window saw an object of this class being made: the recording was on from the beginning. */
export function wasTraced(graph: ObjectGraph, name: string): boolean {
  for (let node = 0; node < graph.nodeCount; node++) {
    if (graph.traceOf[node] !== 0 && isInstance(graph, node, name)) return true;
  }
  return false;
}

/** Whether the node is an object of the class of that name. */
export function isInstance(graph: ObjectGraph, node: number, name: string): boolean {
  return graph.kindOf[node] === OBJECT && graph.strings.is(graph.nameOf[node]!, name);
}
