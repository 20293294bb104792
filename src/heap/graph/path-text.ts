/**
 * The way from a root to an object, as a person reads it:
 *
 *     (Global) > sessions: Map > […]: Session
 *     (variables of app.js) > cache: LRU > #entries: Map > […]: Page
 *     (timers of 60000 ms) > […]: Timeout > _onTimeout: poll() (app.js:12) > job: Job
 *
 * Each step is `name: Class`, the name being the property, variable (`cache`), private field (`#x`) or symbol
 * (`<symbol kEvents>`) that holds it, `[12]` for an element and `[…]` for an entry of a Map or Set. A name that could
 * be misread stands in quotes. Functions end in `()`. The engine's own arrays and contexts are left out: a variable
 * stands after the function that closes over it. A step that is repeated is written once with `×` and the number;
 * of a way longer than 24 steps the middle is left out, and `… (N steps) …` says so.
 */
import { className, functionBehind, GLOBAL, isGlobal } from './class-name.js';
import { edgeKind, nodeKind, type ObjectGraph } from './object-graph.js';
import { NOT_REACHED, type Reach } from './reach.js';

const MAX_STEPS = 24;
const STEPS_AT_START = 8;
const MAX_NAME = 80;
const MAX_NAMES = 3;

/** V8's name for the variables of a function that others close over. */
const CONTEXT = 'system / Context';
const TIMER_LISTS: readonly string[] = ['TimersList', 'Timeout', 'ImmediateList', 'Immediate'];

const ELEMENT = edgeKind('element');
const INTERNAL = edgeKind('internal');
const PROPERTY = edgeKind('property');
const HIDDEN_EDGE = edgeKind('hidden');
const ARRAY = nodeKind('array');
const CLOSURE = nodeKind('closure');
const OBJECT = nodeKind('object');
const SYNTHETIC = nodeKind('synthetic');
const CODE = nodeKind('code');
const SHAPE = nodeKind('object shape');
const HIDDEN = nodeKind('hidden');

/** Where things are in the program; all answer with an empty text when it is not known. */
export interface Places {
  /** `app.js:12` for a function. */
  functionAt(closure: number): string;
  /** `app.js` for the outermost variables of a script or module, which live as long as that does. */
  moduleOf(context: number): string;
  /** `app.js` for the variables of any function in there. */
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
    const beginning = beginningAt(graph, reach, at, places);
    if (beginning !== '') {
      steps.splice(0, steps.length, beginning);
      label = '';
      continue;
    }
    if (isTimerLink(graph, reach, at)) {
      // The list is Node's; which of its timers come before this one says nothing.
      if (isTimer(graph, reach.parent[at]!)) steps.pop();
      label = '[…]';
    } else label = labelOf(graph, reach, at) || label;
    const called = isTimer(graph, at) ? callbackOf(graph, at) : functionBehind(graph, at);
    const place = called < 0 ? '' : places.functionAt(called);
    if (i < way.length - 1 && (!isShown(graph, at) || isNameless(graph, at, place))) continue;
    const what = className(graph, at);
    steps.push(
      step(label, what === 'Object' && i === way.length - 1 ? what + shapeOf(graph, at) : what, place),
    );
    label = '';
  }
  return shortened(joinRepeats(steps)).join(' > ');
}

/**
 * What a path begins with when it comes by here, whatever of Node's or the engine's stands before: the global object,
 * the timers, a module, its variables. Empty for all else.
 */
function beginningAt(graph: ObjectGraph, reach: Reach, node: number, places: Places): string {
  if (graph.kindOf[node] !== OBJECT) return '';
  const name = graph.name(node);
  if (isGlobal(name)) return GLOBAL;
  if (name === 'TimersList') {
    const ms = /^\[(\d+)\]$/.exec(labelOf(graph, reach, node))?.[1];
    return ms === undefined || graph.name(reach.parent[node]!) !== 'Object'
      ? '(timers)'
      : `(timers of ${ms} ms)`;
  }
  if (name === 'ImmediateList') return '(immediates)';
  if (name === 'Module') {
    const module = places.moduleAt(nameOfEdgeTo(graph, reach, node));
    return module === '' ? '' : `(module ${module})`;
  }
  if (name !== CONTEXT) return '';
  const script = places.moduleOf(node) || (isLoneContext(graph, reach, node) ? places.scriptOf(node) : '');
  if (script !== '') return `(variables of ${script})`;
  return isMainScope(graph, reach, node) ? '(main script)' : '';
}

/** ` {id, user, …}`: the objects that a plain object has, for want of a class. */
function shapeOf(graph: ObjectGraph, node: number): string {
  const names: string[] = [];
  for (let edge = graph.firstEdge[node]!; edge < graph.firstEdge[node + 1]!; edge++) {
    const name = graph.edgeKindOf[edge] === PROPERTY ? graph.edgeName(edge) : '__proto__';
    if (name !== '__proto__') names.push(quoted(name));
  }
  if (names.length === 0) return '';
  return ` {${names.slice(0, MAX_NAMES).join(', ')}${names.length > MAX_NAMES ? ', …' : ''}}`;
}

/** Parts of objects, and the root of all roots, are no steps. */
function isShown(graph: ObjectGraph, node: number): boolean {
  const kind = graph.kindOf[node]!;
  if (kind === SYNTHETIC) return graph.name(node) !== '(GC roots)';
  if (kind === OBJECT) return graph.name(node) !== CONTEXT;
  return kind !== ARRAY && kind !== CODE && kind !== SHAPE && kind !== HIDDEN;
}

/** Variables that are not reached through a function that closes over them. */
function isLoneContext(graph: ObjectGraph, reach: Reach, node: number): boolean {
  const from = reach.parent[node]!;
  return graph.kindOf[from] !== CLOSURE && graph.name(from) !== CONTEXT;
}

/** The variables of the main script, held by the function by which `otrace run` keeps them to the end. */
function isMainScope(graph: ObjectGraph, reach: Reach, node: number): boolean {
  const kept = reach.parent[node]!;
  const from = reach.parent[kept] ?? 0;
  return (
    from !== 0 &&
    from !== NOT_REACHED &&
    graph.name(from) === 'MainScope' &&
    nameOfEdgeTo(graph, reach, kept) === '#kept'
  );
}

/** A function of Node's or the engine's that nobody has given a name: a link between two others. */
function isNameless(graph: ObjectGraph, node: number, place: string): boolean {
  return graph.kindOf[node] === CLOSURE && place === '' && graph.name(node) === '';
}

/** Timers of the same time, and immediates, are linked lists. */
function isTimerLink(graph: ObjectGraph, reach: Reach, node: number): boolean {
  if (!isTimer(graph, node)) return false;
  const from = graph.name(reach.parent[node]!);
  return (
    TIMER_LISTS.includes(from) && /^(_idleNext|_idlePrev|head|tail)$/.test(nameOfEdgeTo(graph, reach, node))
  );
}

function callbackOf(graph: ObjectGraph, timer: number): number {
  const callback = graph.follow(timer, 'property', '_onTimeout');
  return callback >= 0 ? callback : graph.follow(timer, 'property', '_onImmediate');
}

function isTimer(graph: ObjectGraph, node: number): boolean {
  const name = graph.name(node);
  return name === 'Timeout' || name === 'Immediate';
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
