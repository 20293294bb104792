import assert from 'node:assert/strict';
import { readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, describe, it } from 'node:test';
import { writeHeapSnapshot } from 'node:v8';
import fc from 'fast-check';
import { GraphParser } from '../../../src/heap/graph/graph-parser.js';

const META = {
  node_fields: ['type', 'name', 'id', 'self_size', 'edge_count', 'trace_node_id', 'detachedness'],
  node_types: [['hidden', 'array', 'string', 'object', 'synthetic'], 'string', 'number', 'number', 'number'],
  edge_fields: ['type', 'name_or_index', 'to_node'],
  edge_types: [['context', 'element', 'property', 'weak'], 'string_or_number', 'node'],
  trace_function_info_fields: ['function_id', 'name', 'script_name', 'script_id', 'line', 'column'],
  trace_node_fields: ['id', 'function_info_index', 'count', 'size', 'children'],
  location_fields: ['object_index', 'script_id', 'line', 'column'],
};

/** A root with two objects; the second is called `Ünïcode "x"`. */
const SMALL = `{"snapshot":{"meta":${JSON.stringify(META)},"node_count":3,"edge_count":2,"trace_function_count":1},
"nodes":[4,0,1,0,2,0,0
,3,1,3,24,0,2,0
,3,2,5,4294967295,0,0,0
],
"edges":[1,7,7
,2,3,14
],
"trace_function_infos":[0,4,5,9,10,11
],
"trace_tree":[1,0,0,0,[2,0,3,96,[],3,0,1,8,[]]],
"samples":[],
"locations":[],
"strings":["",
"A",
"\\u00dcn\\u00efcode \\"x\\"",
"name","make","/app.js"]}`;

function parsed(text: string, cuts: readonly number[] = []): ReturnType<GraphParser['finish']> {
  const bytes = new TextEncoder().encode(text);
  const parser = new GraphParser();
  let from = 0;
  for (const cut of [...cuts].map((n) => n % bytes.length).sort((a, b) => a - b)) {
    parser.push(bytes.subarray(from, cut));
    from = Math.max(from, cut);
  }
  parser.push(bytes.subarray(from));
  return parser.finish();
}

function assertSmall({ graph, trace }: ReturnType<GraphParser['finish']>): void {
  assert.deepEqual([graph.name(1), graph.name(2)], ['A', 'Ünïcode "x"']);
  assert.deepEqual([...graph.idOf], [1, 3, 5]);
  assert.deepEqual([...graph.selfBytes], [0, 24, 4294967295]);
  assert.deepEqual([...graph.edgeTarget], [1, 2]);
  assert.deepEqual([graph.edgeName(0), graph.edgeName(1)], ['7', 'name']);
  assert.deepEqual([trace.count, trace.rowOf(2), trace.parent[1], trace.parent[2]], [3, 1, 0, 0]);
  assert.deepEqual([trace.totalBlocks[1], trace.totalBytes[1]], [3, 96]);
  assert.deepEqual(trace.functions, [{ name: 4, script: 5, scriptId: 9, line: 10, column: 11 }]);
}

describe('GraphParser', () => {
  it('reads a snapshot however it is cut into chunks', () => {
    assertSmall(parsed(SMALL));
    fc.assert(
      fc.property(fc.array(fc.nat(100_000), { maxLength: 40 }), (cuts) => assertSmall(parsed(SMALL, cuts))),
      {
        seed: 1,
      },
    );
    assertSmall(
      parsed(
        SMALL,
        Array.from(SMALL, (_, i) => i),
      ),
    );
  });

  it('refuses what is cut short or damaged, and never anything but an OtraceError', () => {
    for (let length = 0; length < SMALL.length; length++) {
      assert.throws(() => parsed(SMALL.slice(0, length)), { code: 'OTRACE_INPUT' }, `${length}`);
    }
    fc.assert(
      fc.property(fc.nat(SMALL.length - 1), fc.string({ minLength: 1, maxLength: 3 }), (at, junk) => {
        try {
          parsed(SMALL.slice(0, at) + junk + SMALL.slice(at + 1));
        } catch (error) {
          assert.equal((error as { code?: string }).code, 'OTRACE_INPUT', String(error));
        }
      }),
      { seed: 2, numRuns: 2000 },
    );
  });

  const file = join(tmpdir(), `otrace-graph-${process.pid}.heapsnapshot`);
  after(() => rmSync(file, { force: true }));

  it('reads what this Node writes as JSON.parse does', () => {
    writeHeapSnapshot(file);
    const text = readFileSync(file, 'utf8');
    const { graph } = parsed(text, [1000, 1_000_000, 2_000_001]);
    const expected = JSON.parse(text) as {
      snapshot: { node_count: number; edge_count: number; meta: typeof META };
      nodes: number[];
      edges: number[];
      strings: string[];
    };
    const { node_fields: fields } = expected.snapshot.meta;
    const types = expected.snapshot.meta.node_types[0] as string[];
    assert.equal(graph.nodeCount, expected.snapshot.node_count);
    let bytes = 0;
    for (let node = 0; node < graph.nodeCount; node++) {
      const at = node * fields.length;
      bytes += expected.nodes[at + 3]!;
      assert.equal(graph.idOf[node], expected.nodes[at + 2]! >>> 0);
      if (types[expected.nodes[at]!] === 'object')
        assert.equal(graph.name(node), expected.strings[expected.nodes[at + 1]!]);
    }
    assert.equal(
      graph.selfBytes.reduce((sum, own) => sum + own, 0),
      bytes,
    );
    for (let edge = 0; edge < graph.edgeCount; edge++)
      assert.equal(graph.edgeTarget[edge]! * fields.length, expected.edges[edge * 3 + 2]);
  });
});
