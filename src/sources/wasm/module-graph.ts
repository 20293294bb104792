/**
 * A module's functions as a graph of direct calls, for finding the allocator in it: who calls whom, how often
 * a function is called, and what a function needs to run. Indirect calls are known only as "calls something".
 */
import { EVENT } from './body-scanner.js';
import type { CodeScan } from './code-scan.js';
import type { WasmModule } from './module-sections.js';

export class ModuleGraph {
  readonly #module: WasmModule;
  readonly #scan: CodeScan;
  /** Number of direct calls of each function, by function index. */
  readonly callCounts: Uint32Array;

  constructor(module: WasmModule, scan: CodeScan) {
    this.#module = module;
    this.#scan = scan;
    this.callCounts = new Uint32Array(module.importedFunctions.length + module.definedTypes.length);
    const events = scan.firstEvent.at(-1)!;
    for (let e = 0; e < events; e++) {
      if (this.#isDirect(e) && scan.operand[e]! < this.callCounts.length) {
        this.callCounts[scan.operand[e]!]!++;
      }
    }
  }

  /** The functions that a function calls directly, each once, in the order of its code. Empty for an import. */
  callees(functionIndex: number): ReadonlySet<number> {
    const callees = new Set<number>();
    const body = functionIndex - this.#module.importedFunctions.length;
    if (body < 0) return callees;
    for (let e = this.#scan.firstEvent[body]!; e < this.#scan.firstEvent[body + 1]!; e++) {
      if (this.#isDirect(e)) callees.add(this.#scan.operand[e]!);
    }
    return callees;
  }

  /** The functions that call one of these directly. One pass over all calls. */
  callers(functions: ReadonlySet<number>): Set<number> {
    const { firstEvent, operand } = this.#scan;
    const callers = new Set<number>();
    for (let body = 0; body + 1 < firstEvent.length; body++) {
      for (let e = firstEvent[body]!; e < firstEvent[body + 1]!; e++) {
        if (!this.#isDirect(e) || !functions.has(operand[e]!)) continue;
        callers.add(this.#module.importedFunctions.length + body);
        break;
      }
    }
    return callers;
  }

  bodyBytes(functionIndex: number): number {
    const body = functionIndex - this.#module.importedFunctions.length;
    if (body < 0) return 0;
    return this.#module.code.bodyEnds[body]! - this.#module.code.bodyStarts[body]!;
  }

  /**
   * The defined functions that a function may call directly, by way of others too, and itself; nearest first.
   *
   * @param mostFunctions where to stop: what is farther away is left out
   */
  closure(functionIndex: number, mostFunctions: number): Set<number> {
    const { firstEvent, operand } = this.#scan;
    const imported = this.#module.importedFunctions.length;
    const reached = new Set<number>([functionIndex]);
    // A set hands out what is added while it is walked.
    for (const f of reached) {
      if (f < imported) continue;
      for (let e = firstEvent[f - imported]!; e < firstEvent[f - imported + 1]!; e++) {
        if (reached.size >= mostFunctions) return reached;
        if (this.#isDirect(e) && operand[e]! >= imported) reached.add(operand[e]!);
      }
    }
    return reached;
  }

  #isDirect(event: number): boolean {
    const kind = this.#scan.kind[event];
    return kind === EVENT.call || kind === EVENT.tailCall;
  }
}
