/**
 * Who calls whom, as far as the calling context of allocations asks for it: which functions can lead to a hooked
 * function or out of the module at all. A call of any other function need not be told apart from the next one,
 * so its site is left as it is; in a real module that is a third of the calls.
 */
import { EVENT } from './body-scanner.js';
import type { CodeScan } from './code-scan.js';
import type { WasmModule } from './module-sections.js';

/**
 * Functions that may, by whatever they call, reach a hooked function, an import, or code that is not known
 * (through a table or reference).
 *
 * @param hooked function indices
 * @returns 1 or 0 by function index; imports are 1
 */
export function findRelevantFunctions(
  module: WasmModule,
  scan: CodeScan,
  hooked: readonly number[],
): Uint8Array {
  const imported = module.importedFunctions.length;
  const bodies = module.code.bodyStarts.length;
  const total = imported + bodies;
  const { firstEvent, kind, operand } = scan;
  const events = firstEvent[bodies]!;
  const relevant = new Uint8Array(total);
  const pending: number[] = [];
  // The direct calls of function f, as a list: event lastCall[f] - 1, then nextCall of that, until 0.
  const lastCall = new Uint32Array(total);
  const nextCall = new Uint32Array(events);
  const caller = new Uint32Array(events);
  for (let body = 0; body < bodies; body++) {
    for (let e = firstEvent[body]!; e < firstEvent[body + 1]!; e++) {
      if (kind[e] === EVENT.call || kind[e] === EVENT.tailCall) {
        const callee = operand[e]!;
        if (callee >= total) continue;
        caller[e] = imported + body;
        nextCall[e] = lastCall[callee]!;
        lastCall[callee] = e + 1;
      } else if (kind[e] !== EVENT.return && relevant[imported + body] === 0) {
        relevant[imported + body] = 1;
        pending.push(imported + body);
      }
    }
  }
  for (let f = 0; f < imported; f++) {
    relevant[f] = 1;
    pending.push(f);
  }
  for (const f of hooked) {
    relevant[f] = 1;
    pending.push(f);
  }
  for (let f = pending.pop(); f !== undefined; f = pending.pop()) {
    for (let e = lastCall[f]!; e !== 0; e = nextCall[e - 1]!) {
      const g = caller[e - 1]!;
      if (relevant[g] !== 0) continue;
      relevant[g] = 1;
      pending.push(g);
    }
  }
  return relevant;
}

/**
 * Adds to `boundary` what its functions may become by a tail call: the callee then returns to the caller of the
 * boundary function, and has to leave things as that function would have.
 *
 * @param boundary function indices; extended in place
 * @param byReference targets of indirect calls
 */
export function closeOverTailCalls(
  module: WasmModule,
  scan: CodeScan,
  boundary: Set<number>,
  byReference: ReadonlySet<number>,
): void {
  const imported = module.importedFunctions.length;
  const { firstEvent, kind, operand } = scan;
  const events = firstEvent[firstEvent.length - 1]!;
  const tail = kind.subarray(0, events).some((k) => k === EVENT.tailCall || k === EVENT.tailCallUnknown);
  if (!tail) return;
  // A set hands out what is added while it is walked.
  for (const f of boundary) {
    const body = f - imported;
    if (body < 0) continue;
    for (let e = firstEvent[body]!; e < firstEvent[body + 1]!; e++) {
      if (kind[e] === EVENT.tailCall) boundary.add(operand[e]!);
      else if (kind[e] === EVENT.tailCallUnknown) for (const g of byReference) boundary.add(g);
    }
  }
}
