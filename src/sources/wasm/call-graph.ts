/**
 * Who calls whom, as far as the calling context of allocations asks for it: which functions can lead to a hooked
 * function or out of the module at all. A call of any other function need not be told apart from the next one,
 * so its site is left as it is; in a real module that is a third of the calls.
 */
import { type CodeScan, EVENT } from './instructions.js';
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

  // Callers by callee: those of function f are callers[first[f]] .. callers[first[f+1]-1].
  const first = new Uint32Array(total + 2);
  forEachDirectCall(scan, total, (_, callee) => {
    first[callee + 2]!++;
  });
  for (let f = 2; f < first.length; f++) first[f]! += first[f - 1]!;
  const callers = new Uint32Array(first[total + 1]!);
  forEachDirectCall(scan, total, (body, callee) => {
    callers[first[callee + 1]!++] = body;
  });

  const relevant = new Uint8Array(total);
  const pending: number[] = [];
  const mark = (f: number): void => {
    if (relevant[f] !== 0) return;
    relevant[f] = 1;
    pending.push(f);
  };
  for (let f = 0; f < imported; f++) mark(f);
  for (const f of hooked) mark(f);
  for (let body = 0; body < bodies; body++) {
    for (let e = firstEvent[body]!; e < firstEvent[body + 1]!; e++) {
      if (kind[e] === EVENT.callUnknown || kind[e] === EVENT.tailCallUnknown) mark(imported + body);
    }
  }
  for (let f = pending.pop(); f !== undefined; f = pending.pop()) {
    for (let i = first[f]!; i < first[f + 1]!; i++) mark(imported + callers[i]!);
  }
  return relevant;

  function forEachDirectCall(
    { firstEvent }: CodeScan,
    functions: number,
    visit: (body: number, callee: number) => void,
  ): void {
    for (let body = 0; body < bodies; body++) {
      for (let e = firstEvent[body]!; e < firstEvent[body + 1]!; e++) {
        const direct = kind[e] === EVENT.call || kind[e] === EVENT.tailCall;
        if (direct && operand[e]! < functions) visit(body, operand[e]!);
      }
    }
  }
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
