/**
 * The head of a heap snapshot: how many objects and references follow, and at which place of a row each figure
 * stands. `meta` of V8 names the fields, so a field that moves or is added does no harm.
 */
import { OtraceError } from '../../errors.js';
import { EDGE_KINDS, NODE_KINDS } from './object-graph.js';

interface Meta {
  readonly node_fields: readonly string[];
  readonly node_types: readonly (readonly string[] | string)[];
  readonly edge_fields: readonly string[];
  readonly edge_types: readonly (readonly string[] | string)[];
  readonly trace_function_info_fields?: readonly string[];
  readonly trace_node_fields?: readonly string[];
  readonly location_fields?: readonly string[];
}

export interface SnapshotHeader {
  readonly nodeCount: number;
  readonly edgeCount: number;
  /** Places in a row; `kinds` turns V8's number of a kind into ours. */
  readonly node: {
    readonly count: number;
    readonly kinds: readonly number[];
    readonly type: number;
    readonly name: number;
    readonly id: number;
    readonly selfSize: number;
    readonly edgeCount: number;
    /** -1 where V8 does not tell. */
    readonly traceNodeId: number;
  };
  readonly edge: {
    readonly count: number;
    readonly kinds: readonly number[];
    readonly type: number;
    readonly nameOrIndex: number;
    readonly toNode: number;
  };
  readonly functionInfo: {
    readonly count: number;
    readonly name: number;
    readonly scriptName: number;
    readonly scriptId: number;
    readonly line: number;
    readonly column: number;
  };
  readonly traceNode: {
    readonly count: number;
    readonly id: number;
    readonly functionInfoIndex: number;
    readonly blocks: number;
    readonly bytes: number;
  };
  readonly location: {
    readonly count: number;
    readonly objectIndex: number;
    readonly scriptId: number;
    readonly line: number;
    readonly column: number;
  };
}

/** Above this the columns could not be made; V8's own limits are lower. */
const MAX_COUNT = 2 ** 31;
const MAX_FIELDS = 64;

/**
 * @param json `{"snapshot":{...}}`
 * @throws OtraceError `OTRACE_INPUT` when it is something else
 */
export function snapshotHeader(json: string): SnapshotHeader {
  try {
    return read(JSON.parse(json) as { snapshot: { meta: Meta; node_count: number; edge_count: number } });
  } catch (error) {
    const reason = error instanceof Error ? error.message : String(error);
    throw new OtraceError('OTRACE_INPUT', `this is not a heap snapshot of V8's: ${reason}`, { cause: error });
  }
}

function read({
  snapshot,
}: {
  snapshot: { meta: Meta; node_count: number; edge_count: number };
}): SnapshotHeader {
  const { meta } = snapshot;
  const node = placesIn('node_fields', meta.node_fields);
  const edge = placesIn('edge_fields', meta.edge_fields);
  const functionInfo = placesIn('trace_function_info_fields', meta.trace_function_info_fields ?? []);
  const traceNode = placesIn('trace_node_fields', meta.trace_node_fields ?? []);
  const location = placesIn('location_fields', meta.location_fields ?? []);
  return {
    nodeCount: count('node_count', snapshot.node_count),
    edgeCount: count('edge_count', snapshot.edge_count),
    node: {
      count: meta.node_fields.length,
      kinds: numbersOf(meta.node_types[0], NODE_KINDS),
      type: node('type'),
      name: node('name'),
      id: node('id'),
      selfSize: node('self_size'),
      edgeCount: node('edge_count'),
      traceNodeId: meta.node_fields.indexOf('trace_node_id'),
    },
    edge: {
      count: meta.edge_fields.length,
      kinds: numbersOf(meta.edge_types[0], EDGE_KINDS),
      type: edge('type'),
      nameOrIndex: edge('name_or_index'),
      toNode: edge('to_node'),
    },
    functionInfo: {
      count: Math.max(1, meta.trace_function_info_fields?.length ?? 0),
      name: functionInfo('name'),
      scriptName: functionInfo('script_name'),
      scriptId: functionInfo('script_id'),
      line: functionInfo('line'),
      column: functionInfo('column'),
    },
    traceNode: {
      count: Math.max(1, meta.trace_node_fields?.length ?? 0),
      id: traceNode('id'),
      functionInfoIndex: traceNode('function_info_index'),
      blocks: traceNode('count'),
      bytes: traceNode('size'),
    },
    location: {
      count: Math.max(1, meta.location_fields?.length ?? 0),
      objectIndex: location('object_index'),
      scriptId: location('script_id'),
      line: location('line'),
      column: location('column'),
    },
  };
}

/** A table that is described has all the fields that are read of it. */
function placesIn(table: string, fields: readonly string[]): (field: string) => number {
  if (fields.length > MAX_FIELDS) throw new Error(`${table} names ${fields.length} fields`);
  return (field) => {
    const place = fields.indexOf(field);
    if (place < 0 && fields.length > 0) throw new Error(`${table} lacks ${field}`);
    return place;
  };
}

function numbersOf(
  names: readonly string[] | string | undefined,
  known: readonly string[],
): readonly number[] {
  if (!Array.isArray(names)) throw new Error('the kinds are not listed');
  const hidden = known.indexOf('hidden');
  return (names as readonly string[]).map((name) => (known.includes(name) ? known.indexOf(name) : hidden));
}

function count(field: string, value: unknown): number {
  if (typeof value === 'number' && Number.isInteger(value) && value >= 0 && value < MAX_COUNT) return value;
  throw new Error(`${field} is ${String(value)}`);
}

/** The error of whatever can't be read as a heap snapshot. */
export function broken(what: string): OtraceError {
  return new OtraceError('OTRACE_INPUT', `this is not a heap snapshot of V8's: ${what}`);
}
