/**
 * What a person would call an object: by its class, a function by its name, a function that waits (`suspended load()`,
 * for an async function or a generator) or is bound (`bound load()`) by that of the function behind it.
 */
import { NODE_KINDS, nodeKind, type ObjectGraph } from './object-graph.js';

export const GLOBAL = '(Global)';

const MAX_NAME = 80;
const CLOSURE = nodeKind('closure');
const OBJECT = nodeKind('object');
/** V8's names of what stands for any function that waits, and for any that is bound. */
const WAITING = 'Generator';
const BOUND = 'native_bind';

export function className(graph: ObjectGraph, node: number): string {
  const kind = graph.kindOf[node]!;
  const name = graph.name(node);
  switch (NODE_KINDS[kind]) {
    case 'closure': {
      const bound = graph.follow(node, 'internal', 'bound_function');
      return bound < 0 ? functionName(name) : `bound ${functionName(graph.name(bound))}`;
    }
    case 'object': {
      if (isGlobal(name)) return GLOBAL;
      if (name === 'system / Context') return '(closure scope)';
      const waiting = suspended(graph, node);
      if (waiting >= 0) return `suspended ${functionName(graph.name(waiting))}`;
      return plain(name === '' ? 'Object' : name);
    }
    case 'string':
    case 'concatenated string':
    case 'sliced string':
      return 'string';
    case 'number':
    case 'bigint':
    case 'symbol':
    case 'regexp':
      return NODE_KINDS[kind] === 'regexp' ? 'RegExp' : NODE_KINDS[kind];
    case 'array':
      return name === '' ? '(internal array)' : plain(name);
    default:
      return plain(name === '' ? '(engine)' : name);
  }
}

/** The function by which an object is called: itself, the one that waits or that is bound; -1 for all else. */
export function functionBehind(graph: ObjectGraph, node: number): number {
  const kind = graph.kindOf[node]!;
  if (kind === OBJECT) return suspended(graph, node);
  if (kind !== CLOSURE) return -1;
  const bound = graph.follow(node, 'internal', 'bound_function');
  return bound < 0 ? node : bound;
}

/** Equal for objects that a person would call the same kind of thing; below `2 ** 36`. */
export function classKey(graph: ObjectGraph, node: number): number {
  const kind = graph.kindOf[node]!;
  let named = node;
  if (
    (kind === OBJECT && graph.strings.is(graph.nameOf[node]!, WAITING)) ||
    (kind === CLOSURE && graph.strings.is(graph.nameOf[node]!, BOUND))
  ) {
    const behind = functionBehind(graph, node);
    if (behind >= 0) named = behind;
  }
  return graph.nameOf[named]! * KINDS + kind;
}

/** More than there are kinds of nodes. */
export const KINDS = 16;

/** The global object or its proxy: `global`, `global / https://...`, from Node 26 on `global (global*)`. */
export function isGlobal(name: string): boolean {
  return name === 'global' || name.startsWith('global /') || name.startsWith('global (global');
}

function suspended(graph: ObjectGraph, node: number): number {
  if (graph.follow(node, 'internal', 'parameters_and_registers') < 0) return -1;
  return graph.follow(node, 'internal', 'function');
}

function functionName(name: string): string {
  return `${name === '' ? '(anonymous)' : plain(name)}()`;
}

/** Class names come from the program: nothing in them may look like the next step. */
function plain(name: string): string {
  const short = name.length > MAX_NAME ? `${name.slice(0, MAX_NAME)}…` : name;
  return short.replaceAll(' > ', '>').replace(/\s+/g, ' ');
}
