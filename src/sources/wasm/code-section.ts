/**
 * Writes the code section of a rewritten module: the original bodies in their order, those of hooked functions
 * replaced by wrappers and those with contexts instrumented, then the bodies that wrappers moved away. What
 * stays as it is is copied in runs over many functions at once.
 */

import { SECTION } from '../../wat/binary-codes.js';
import type { ByteWriter } from '../../wat/byte-writer.js';
import type { AddedParts } from './added-parts.js';
import type { AllocationHook } from './allocation-hook.js';
import { BodyScanner } from './body-scanner.js';
import { BOUNDARY_LOCALS, writeBoundary } from './boundary.js';
import { CodeWriter } from './code-writer.js';
import type { ContextWriter } from './contexts.js';
import type { EditLog } from './edit-log.js';
import { type HookParts, HookWrapper } from './hook-wrapper.js';
import { InnerCalls } from './inner-calls.js';
import type { WasmModule } from './module-sections.js';
import type { OffsetTables } from './offset-map.js';
import type { Unwinding } from './unwinding.js';

export interface CodePlan {
  /** By ascending function index. */
  readonly hooks: readonly AllocationHook[];
  /** Index of the function that gets each hook's original body; undefined where it stays and tells by itself. */
  readonly moved: readonly (number | undefined)[];
  readonly parts: HookParts;
  readonly unwinding: Unwinding;
  /** Hooked functions that may be called from outside; only looked at with contexts. */
  readonly boundary: ReadonlySet<number>;
  /** Makes the instrumented bodies, noting its insertions in `edits`; undefined without contexts. */
  readonly contexts: ContextWriter | undefined;
  readonly edits: EditLog;
}

/** @returns the tables of the offset map */
export function writeCodeSection(
  module: WasmModule,
  added: AddedParts,
  plan: CodePlan,
  out: ByteWriter,
): OffsetTables {
  const imported = module.importedFunctions.length;
  const { bytes, code } = module;
  const { bodyStarts, bodyEnds } = code;
  const { hooks, contexts, edits } = plan;
  const defined = bodyStarts.length;
  const movedHooks = hooks.filter((_, i) => plan.moved[i] !== undefined);
  const bodies = defined + movedHooks.length;
  const starts = new Uint32Array(bodies + 1);
  const originals = new Uint32Array(bodies);
  const firstEdit = new Uint32Array(bodies + 1);
  const scratch = new CodeWriter(1 << 16);

  /** Everything of the original before this offset is written, or has been replaced. */
  let done = code.start;
  let nextHook = 0;
  const copyUpTo = (offset: number): void => {
    out.copy(bytes, done, offset);
    done = offset;
  };
  const writeBody = (body: number, write: () => void): void => {
    scratch.length = 0;
    write();
    out.sized(scratch);
    starts[body] = out.length - scratch.length;
  };

  out.u8(SECTION.code);
  const sizeAt = out.length;
  out.raw([0, 0, 0, 0, 0]);
  out.u32(bodies);
  for (let body = 0; body < defined; body++) {
    firstEdit[body] = edits.count;
    const hook = hooks[nextHook];
    const isHooked = hook?.functionIndex === imported + body;
    if (!isHooked && contexts?.changes(body) !== true) {
      starts[body] = out.length + bodyStarts[body]! - done;
      originals[body] = bodyStarts[body]!;
      continue;
    }
    copyUpTo(body === 0 ? code.start : bodyEnds[body - 1]!);
    const number = nextHook;
    if (isHooked) nextHook++;
    if (isHooked && plan.moved[number] !== undefined) {
      writeBody(body, () => writeWrapper(module, added, plan, number, scratch));
    } else {
      const prelude = (): void => wrapperOf(module, added, plan, number, scratch).writePrelude();
      writeBody(body, () => {
        if (contexts?.changes(body) === true)
          contexts.writeBody(scratch, body, isHooked ? prelude : undefined);
        else writeWithPrelude(module, body, scratch, edits, prelude);
      });
      originals[body] = bodyStarts[body]!;
    }
    done = bodyEnds[body]!;
  }
  if (defined > 0) copyUpTo(bodyEnds[defined - 1]!);
  const innerCalls = new InnerCalls(module, hooks, plan.moved, edits);
  movedHooks.forEach((hook, i) => {
    const body = hook.functionIndex - imported;
    firstEdit[defined + i] = edits.count;
    originals[defined + i] = bodyStarts[body]!;
    const inner = hook.shape.event === 'free' ? undefined : innerCalls;
    writeBody(defined + i, () => {
      if (contexts?.changes(body) === true) contexts.writeMovedBody(scratch, body, inner);
      else if (inner !== undefined) inner.copyBody(scratch, body);
      else scratch.copy(bytes, bodyStarts[body]!, bodyEnds[body]!);
    });
  });
  starts[bodies] = out.length;
  firstEdit[bodies] = edits.count;
  out.patchPaddedU32(sizeAt, out.length - sizeAt - 5);
  return {
    importedFunctions: imported,
    definedFunctions: defined,
    starts,
    originals,
    firstEdit,
    ...edits.columns(),
    movedFrom: movedHooks.map((hook) => hook.functionIndex),
  };
}

function wrapperOf(
  module: WasmModule,
  added: AddedParts,
  { hooks, moved, parts, unwinding }: CodePlan,
  number: number,
  code: CodeWriter,
): HookWrapper {
  const hook = hooks[number]!;
  const type = module.functionType(hook.functionIndex);
  return new HookWrapper(code, added, parts, hook, type, moved[number], unwinding);
}

/** A body as it is, but for what stands before its first instruction. */
function writeWithPrelude(
  module: WasmModule,
  body: number,
  code: CodeWriter,
  edits: EditLog,
  prelude: () => void,
): void {
  const { bytes } = module;
  const start = module.code.bodyStarts[body]!;
  const end = module.code.bodyEnds[body]!;
  const codeStart = new BodyScanner(bytes, 0).scanLocals(start, end);
  code.copy(bytes, start, codeStart);
  const before = code.length;
  prelude();
  edits.add(codeStart, code.length - before);
  code.copy(bytes, codeStart, end);
}

function writeWrapper(
  module: WasmModule,
  added: AddedParts,
  plan: CodePlan,
  number: number,
  code: CodeWriter,
): void {
  const hook = plan.hooks[number]!;
  const type = module.functionType(hook.functionIndex);
  const { parts, unwinding } = plan;
  const wrapper = wrapperOf(module, added, plan, number, code);
  const isBoundary = parts.contexts !== undefined && plan.boundary.has(hook.functionIndex);
  const locals = isBoundary ? [...wrapper.localTypes, ...BOUNDARY_LOCALS] : wrapper.localTypes;
  code.u32(locals.length);
  for (const local of locals) code.op(1, local);
  if (isBoundary) {
    const firstLocal = type.params.length + wrapper.localTypes.length;
    const write = (): void => wrapper.write();
    writeBoundary(code, parts.contexts!, firstLocal, added.blockType(type), unwinding, write);
  } else {
    wrapper.write();
  }
  code.end();
}
