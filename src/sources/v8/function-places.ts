/**
 * Where functions and variables of a heap graph are in the program, as a path names them.
 *
 * A module's outermost variables live as long as the module; so when a path comes by them it begins there, by whatever
 * function of the module the shortest way led. That is an answer only while there is one such set of variables: of
 * modules that are loaded again and again each copy is kept by something, and that is then told.
 *
 * Cost: one walk over all functions when variables are first asked for.
 */
import { nodeKind, type ObjectGraph } from '../../heap/graph/object-graph.js';
import type { Places } from '../../heap/graph/path-text.js';
import type { FrameRules } from './trim.js';

const CLOSURE = nodeKind('closure');
/** The engine's own, in which all outermost variables stand. */
const NATIVE_CONTEXT = 'system / NativeContext';

export class FunctionPlaces implements Places {
  readonly #graph: ObjectGraph;
  readonly #rules: FrameRules;
  /** By set of variables, a function of the program that sees them; 0 for none. */
  readonly #seenBy: Uint32Array;
  #read = false;
  /** How many sets of outermost variables each file has. */
  readonly #copies = new Map<string, number>();
  readonly #outermost = new Set<number>();

  constructor(graph: ObjectGraph, rules: FrameRules) {
    this.#graph = graph;
    this.#rules = rules;
    this.#seenBy = graph.columns.words(graph.nodeCount);
  }

  /** Functions of Node and the engine have no place. */
  functionAt(closure: number): string {
    const file = this.#fileOfFunction(closure);
    const location = file === '' ? undefined : this.#graph.locationOf(closure);
    if (location === undefined) return '';
    const { line, column } = location;
    const frame = this.#rules.mapFrame({ name: '', file, line: line + 1, column: column + 1 });
    return `${this.#rules.displayPath(frame.file)}:${frame.line}`;
  }

  /** The path or URL of the script of a function, or of one that sees these variables; empty for all else. */
  fileOf(node: number): string {
    return this.#fileOfFunction(this.#graph.kindOf[node] === CLOSURE ? node : this.#functionThatSees(node));
  }

  moduleOf(context: number): string {
    const script = this.scriptOf(context);
    return this.#outermost.has(context) && this.#copies.get(this.fileOf(context)) === 1 ? script : '';
  }

  scriptOf(context: number): string {
    const place = this.functionAt(this.#functionThatSees(context));
    return place.slice(0, Math.max(0, place.lastIndexOf(':')));
  }

  moduleAt(name: string): string {
    return isFile(name) ? this.#rules.displayPath(name) : '';
  }

  /** Node 0, the root, for none. */
  #functionThatSees(context: number): number {
    if (!this.#read) this.#readContexts();
    return this.#seenBy[context]!;
  }

  #readContexts(): void {
    this.#read = true;
    const graph = this.#graph;
    const seenBy = this.#seenBy;
    for (let node = 0; node < graph.nodeCount; node++) {
      if (graph.kindOf[node] !== CLOSURE) continue;
      // From the function's own variables out to those of the module.
      let context = graph.follow(node, 'internal', 'context');
      let file = '';
      while (context >= 0 && seenBy[context] === 0) {
        const outer = graph.follow(context, 'internal', 'previous');
        file ||= this.#fileOfFunction(node);
        if (outer < 0 || file === '') break;
        seenBy[context] = node;
        if (graph.strings.is(graph.nameOf[outer]!, NATIVE_CONTEXT)) {
          this.#outermost.add(context);
          this.#copies.set(file, (this.#copies.get(file) ?? 0) + 1);
        }
        context = outer;
      }
    }
  }

  #fileOfFunction(closure: number): string {
    const graph = this.#graph;
    if (graph.kindOf[closure] !== CLOSURE) return '';
    const shared = graph.follow(closure, 'internal', 'shared');
    const script = shared < 0 ? -1 : this.#scriptNodeOf(shared);
    const file = script < 0 ? '' : graph.name(script);
    return isFile(file) ? file : '';
  }

  /** The reference is called otherwise since V8 12. */
  #scriptNodeOf(shared: number): number {
    const script = this.#graph.follow(shared, 'internal', 'script');
    return script >= 0 ? script : this.#graph.follow(shared, 'internal', 'script_or_debug_info');
  }
}

function isFile(name: string): boolean {
  return /^(?:file:|\/|[A-Za-z]:\\)/.test(name);
}
