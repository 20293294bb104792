/**
 * The way from a root to an object, as a person reads it:
 *
 *     (Global) > sessions: Map > […]: Session
 *     (Global) > setTimeout() > timerListMap: Object > [100000]: TimersList > _idlePrev: Timeout > onTimer() > v: Job
 *
 * Each step is `name: Class`, the name being the property, variable (`cache`), private field (`#x`) or symbol
 * (`<symbol kEvents>`) that holds it, `[12]` for an element and `[…]` for an entry of a Map or Set. A name that could
 * be misread stands in quotes. Functions end in `()`. The engine's own arrays and contexts are left out: a variable
 * stands after the function that closes over it. A step that is repeated is written once with `×` and the number;
 * The module or script whose variables they are is named where no function is, `(variables of app.js)`, in place of the
 * loader's own objects before it; a CommonJS main script whose variables nothing else holds is `(main script)`;
 * of a way longer than 24 steps the middle is left out, and `… (N steps) …` says so.
 */
import { edgeKind, NODE_KINDS, nodeKind, type ObjectGraph } from './object-graph.js';
import { NOT_REACHED, type Reach } from './reach.js';

const MAX_STEPS = 24;
const STEPS_AT_START = 8;
const MAX_NAME = 80;
const GLOBAL = '(Global)';

const ELEMENT = edgeKind('element');
const INTERNAL = edgeKind('internal');
const HIDDEN_EDGE = edgeKind('hidden');
const ARRAY = nodeKind('array');
const CLOSURE = nodeKind('closure');
const OBJECT = nodeKind('object');
const SYNTHETIC = nodeKind('synthetic');
const CODE = nodeKind('code');
const SHAPE = nodeKind('object shape');
const HIDDEN = nodeKind('hidden');

/** Where things are in the program; both answer with an empty text when it is not known. */
export interface Places {
  /** `app.js:12` for a function. */
  functionAt(closure: number): string;
  /** `app.js` for the variables of a script or module, of which no function stands on the way. */
  scriptOf(context: number): string;
  /** `src/app.js` for the name under which a loaded CommonJS module stands in Node's table of them. */
  moduleAt(name: string): string;
}

export function pathText(graph: ObjectGraph, reach: Reach, node: number, places: Places): string {
  const way: number[] = [];
  for (let at = node; at !== 0 && at !== NOT_REACHED; at = reach.parent[at]!) way.push(at);
  way.reverse();
  const steps: string[] = [];
  /** The name by which the parts since the last shown step were reached. */
  let label = '';
  for (const [i, at] of way.entries()) {
    if (isMainScope(graph, reach, at)) {
      steps.splice(0, steps.length, '(main script)');
      label = '';
      continue;
    }
    const script = isLoneContext(graph, reach, at) ? places.scriptOf(at) : '';
    if (script !== '') {
      steps.splice(0, steps.length, `(variables of ${script})`);
      label = '';
      continue;
    }
    if (graph.kindOf[at] === OBJECT && isGlobal(graph.name(at))) {
      steps.splice(0, steps.length, GLOBAL); // whatever of the engine's holds it
      label = '';
      continue;
    }
    label = labelOf(graph, reach, at) || label;
    const module = graph.name(at) === 'Module' ? places.moduleAt(nameOfEdgeTo(graph, reach, at)) : '';
    if (module !== '') {
      steps.splice(0, steps.length, `(module ${module})`);
      label = '';
      continue;
    }
    if (isShown(graph, at) || i === way.length - 1) {
      steps.push(
        step(label, className(graph, at), graph.kindOf[at] === CLOSURE ? places.functionAt(at) : ''),
      );
      label = '';
    }
  }
  return shortened(joinRepeats(steps)).join(' > ');
}

/** What a person would call the object's class. */
export function className(graph: ObjectGraph, node: number): string {
  const kind = graph.kindOf[node]!;
  const name = graph.name(node);
  switch (NODE_KINDS[kind]) {
    case 'closure':
      return `${name === '' ? '(anonymous)' : plain(name)}()`;
    case 'object':
      if (isGlobal(name)) return GLOBAL;
      return name === 'system / Context' ? '(closure scope)' : plain(name === '' ? 'Object' : name);
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

/** The global object or its proxy: `global`, `global / https://...`, from Node 26 on `global (global*)`. */
function isGlobal(name: string): boolean {
  return name === 'global' || name.startsWith('global /') || name.startsWith('global (global');
}

/** Parts of objects, and the root of all roots, are no steps. */
function isShown(graph: ObjectGraph, node: number): boolean {
  const kind = graph.kindOf[node]!;
  if (kind === SYNTHETIC) return graph.name(node) !== '(GC roots)';
  if (kind === OBJECT) return graph.name(node) !== 'system / Context';
  return kind !== ARRAY && kind !== CODE && kind !== SHAPE && kind !== HIDDEN;
}

/** Variables that are not reached through a function that closes over them. */
function isLoneContext(graph: ObjectGraph, reach: Reach, node: number): boolean {
  if (graph.kindOf[node] !== OBJECT || graph.name(node) !== 'system / Context') return false;
  const from = reach.parent[node]!;
  return graph.kindOf[from] !== CLOSURE && graph.name(from) !== 'system / Context';
}

/** The function by which `otrace run` keeps the variables of the main script to the end. */
function isMainScope(graph: ObjectGraph, reach: Reach, node: number): boolean {
  const from = reach.parent[node]!;
  return (
    from !== 0 && graph.name(from) === 'MainScope' && graph.edgeName(reach.parentEdge[node]!) === '#kept'
  );
}

function nameOfEdgeTo(graph: ObjectGraph, reach: Reach, node: number): string {
  return graph.edgeName(reach.parentEdge[node]!);
}

function labelOf(graph: ObjectGraph, reach: Reach, node: number): string {
  const from = reach.parent[node]!;
  if (from === 0 || from === NOT_REACHED || graph.kindOf[from] === SYNTHETIC) return '';
  const edge = namedEdge(graph, reach, from, node);
  const kind = graph.edgeKindOf[edge]!;
  const name = graph.edgeName(edge);
  if (kind === ELEMENT) return `[${name}]`;
  if (kind === HIDDEN_EDGE) return '';
  if (kind === INTERNAL) {
    if (graph.kindOf[from] === ARRAY && /^\d+$/.test(name)) return '[…]';
    const weak = / pair in WeakMap \(table @\d+\)$/.test(name);
    return weak ? '[…]' : '';
  }
  return quoted(name);
}

/** V8 lists some references twice, once without their name. */
function namedEdge(graph: ObjectGraph, reach: Reach, from: number, node: number): number {
  const taken = reach.parentEdge[node]!;
  const kind = graph.edgeKindOf[taken];
  if (kind !== HIDDEN_EDGE && kind !== INTERNAL) return taken;
  for (let edge = graph.firstEdge[from]!; edge < graph.firstEdge[from + 1]!; edge++) {
    const other = graph.edgeKindOf[edge];
    if (graph.edgeTarget[edge] === node && other !== HIDDEN_EDGE && other !== INTERNAL) return edge;
  }
  return taken;
}

function step(label: string, what: string, place: string): string {
  const where = place === '' ? '' : ` (${place})`;
  // `setTimeout: setTimeout()` says it twice.
  return label === '' || `${label}()` === what ? what + where : `${label}: ${what}${where}`;
}

function quoted(name: string): string {
  const short = name.length > MAX_NAME ? `${name.slice(0, MAX_NAME)}…` : name;
  return /^[#\w$]+$|^<symbol [^>]*>$/.test(short) ? short : JSON.stringify(short);
}

/** Class names come from the program: nothing in them may look like the next step. */
function plain(name: string): string {
  const short = name.length > MAX_NAME ? `${name.slice(0, MAX_NAME)}…` : name;
  return short.replaceAll(' > ', '>').replace(/\s+/g, ' ');
}

function joinRepeats(steps: readonly string[]): string[] {
  const joined: string[] = [];
  for (let i = 0; i < steps.length; ) {
    let end = i + 1;
    while (end < steps.length && steps[end] === steps[i]) end++;
    joined.push(end - i > 1 ? `${steps[i]!} ×${end - i}` : steps[i]!);
    i = end;
  }
  return joined;
}

function shortened(steps: readonly string[]): readonly string[] {
  if (steps.length <= MAX_STEPS) return steps;
  const kept = MAX_STEPS - STEPS_AT_START - 1;
  const hidden = steps.length - STEPS_AT_START - kept;
  return [...steps.slice(0, STEPS_AT_START), `… (${hidden} steps) …`, ...steps.slice(-kept)];
}
