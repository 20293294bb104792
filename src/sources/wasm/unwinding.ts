/**
 * Code that runs when an exception passes through: the two forms in which WebAssembly can say it. An engine may
 * refuse a module that mixes them, so the form follows the module's own (V8 14 refuses, 13 does not).
 *
 * A trap is no exception: no code of the module runs when one passes.
 */
import { type CodeWriter, OP } from './code-writer.js';

/** `legacy`: try, catch_all, rethrow. `standard`: try_table, throw_ref. `none`: exceptions pass unseen. */
export type Unwinding = 'legacy' | 'standard' | 'none';

const CATCH_ALL_REF = 0x03;
const EXNREF = 0x69;

/**
 * Writes `guarded` so that `onException` runs when an exception leaves it, which then goes on its way.
 *
 * Around `guarded` there is exactly one label that takes the block's results, whatever the form: a branch to it
 * is a normal end. `onException` must leave the operand stack as it is.
 *
 * @param blockType the encoded type of what `guarded` leaves on the stack
 */
export function writeGuarded(
  code: CodeWriter,
  unwinding: Unwinding,
  blockType: readonly number[],
  guarded: () => void,
  onException: () => void,
): void {
  switch (unwinding) {
    case 'none':
      code.op(OP.block);
      code.raw(blockType);
      guarded();
      code.end();
      return;
    case 'legacy':
      code.op(OP.try);
      code.raw(blockType);
      guarded();
      code.op(OP.catchAll);
      onException();
      code.op(OP.rethrow, 0, OP.end);
      return;
    case 'standard':
      code.op(OP.block);
      code.raw(blockType);
      code.op(OP.block, EXNREF, OP.tryTable);
      code.raw(blockType);
      code.op(1, CATCH_ALL_REF, 0);
      guarded();
      code.op(OP.end, OP.br, 1, OP.end);
      onException();
      code.op(OP.throwRef, OP.end);
  }
}
