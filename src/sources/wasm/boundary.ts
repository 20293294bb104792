/**
 * Code at the border between a module and whoever calls it from outside.
 *
 * The context global is odd exactly while control is outside: it starts as 1, and a call of an import leaves an
 * odd value. A function that can be called from outside ("boundary function") therefore knows on arrival where
 * it was called from. Called from outside it sets the entry to 0 ("whoever called is not known yet") and sets it back when
 * it leaves; and however it was called, it leaves the context as it found it, also when an exception passes.
 */

import { I32, I64 } from '../../wat/binary-codes.js';
import { type CodeWriter, OP } from './code-writer.js';
import { type Unwinding, writeGuarded } from './unwinding.js';

/** Global indices. */
export interface ContextGlobals {
  /** Mutable i64: see `contexts.ts`. */
  readonly context: number;
  /** Mutable i32: a number that JavaScript gave the present call from outside, 0 for none yet. */
  readonly entry: number;
}

/** Types of the two locals that a boundary function needs. */
export const BOUNDARY_LOCALS: readonly number[] = [I64, I32];

/**
 * Writes a boundary function's instructions, without the final `end`.
 *
 * @param firstLocal index of the two locals: the context on arrival (for `body` to read), the entry on arrival
 * @param blockType the encoded type of what `body` leaves on the stack; a branch to the label around it returns
 */
export function writeBoundary(
  code: CodeWriter,
  globals: ContextGlobals,
  firstLocal: number,
  blockType: readonly number[],
  unwinding: Unwinding,
  body: () => void,
): void {
  code.globalGet(globals.context);
  code.localTee(firstLocal);
  writeIfOutside(code, () => {
    code.globalGet(globals.entry);
    code.localSet(firstLocal + 1);
    code.i32Const(0);
    code.globalSet(globals.entry);
  });
  const leave = (): void => writeDeparture(code, globals, firstLocal);
  writeGuarded(code, unwinding, blockType, body, leave);
  leave();
}

/** Sets the context back to what it was on arrival and, after an arrival from outside, the entry as well. */
export function writeDeparture(code: CodeWriter, globals: ContextGlobals, firstLocal: number): void {
  code.localGet(firstLocal);
  code.globalSet(globals.context);
  code.localGet(firstLocal);
  writeIfOutside(code, () => {
    code.localGet(firstLocal + 1);
    code.globalSet(globals.entry);
  });
}

/** Runs `then` if the context on the operand stack is odd. */
function writeIfOutside(code: CodeWriter, then: () => void): void {
  code.op(OP.i32WrapI64);
  code.i32Const(1);
  code.op(OP.i32And, OP.if, 0x40);
  then();
  code.end();
}
