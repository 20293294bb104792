import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import fc from 'fast-check';
import { Dominators } from '../../../src/heap/graph/dominators.js';
import { edgeKind, nodeKind, ObjectGraph } from '../../../src/heap/graph/object-graph.js';
import { Reach } from '../../../src/heap/graph/reach.js';

/** A graph of plain objects from the targets of each node; strong edges. */
function graphOf(targets: readonly (readonly number[])[]): ObjectGraph {
  const graph = new ObjectGraph(targets.length, targets.flat().length);
  graph.strings.endText();
  let edge = 0;
  for (const [node, list] of targets.entries()) {
    graph.kindOf[node] = nodeKind('object');
    for (const target of list) {
      graph.edgeKindOf[edge] = edgeKind('element');
      graph.edgeTarget[edge++] = target;
    }
    graph.firstEdge[node + 1] = edge;
  }
  return graph;
}

function reachedWithout(targets: readonly (readonly number[])[], removed: number): Set<number> {
  const seen = new Set<number>(removed === 0 ? [] : [0]);
  const pending = [...seen];
  for (let node = pending.pop(); node !== undefined; node = pending.pop()) {
    for (const target of targets[node]!) {
      if (target === removed || seen.has(target)) continue;
      seen.add(target);
      pending.push(target);
    }
  }
  return seen;
}

/** By definition: d dominates n when n is not reached without d; the nearest is the one dominated by all others. */
function expectedOwners(targets: readonly (readonly number[])[]): Map<number, number> {
  const all = reachedWithout(targets, -1);
  const without = new Map([...all].map((node) => [node, reachedWithout(targets, node)]));
  const owners = new Map<number, number>();
  for (const node of all) {
    if (node === 0) continue;
    const dominators = [...all].filter((d) => d !== node && !without.get(d)!.has(node));
    const nearest = dominators.find((d) =>
      dominators.every((other) => other === d || !without.get(other)!.has(d)),
    );
    owners.set(node, nearest!);
  }
  return owners;
}

describe('Dominators', () => {
  it('are those of the definition, in any graph', () => {
    const graphs = fc
      .integer({ min: 1, max: 14 })
      .chain((count) =>
        fc.array(fc.array(fc.nat(count - 1), { maxLength: 4 }), { minLength: count, maxLength: count }),
      );
    fc.assert(
      fc.property(graphs, (targets) => {
        const graph = graphOf(targets);
        const { owner, order } = new Dominators(graph, new Reach(graph));
        const expected = expectedOwners(targets);
        assert.equal(order.length, expected.size + 1);
        for (const [node, nearest] of expected) assert.equal(owner[node], nearest, `${node}`);
      }),
      { seed: 3, numRuns: 2000 },
    );
  });

  it('takes a list of 200,000 whose nodes all point to its first in a moment, without recursion', () => {
    const count = 200_000;
    const graph = graphOf(Array.from({ length: count }, (_, i) => (i + 1 < count ? [i + 1, 1] : [1])));
    const dominators = new Dominators(graph, new Reach(graph));
    assert.equal(dominators.owner[count - 1], count - 2);
    const bytes = new Float64Array(count).fill(1);
    dominators.accumulate(bytes);
    assert.deepEqual([bytes[0], bytes[1], bytes[count - 1]], [count, count - 1, 1]);
  });
});
