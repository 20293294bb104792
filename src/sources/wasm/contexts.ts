/**
 * Makes code know its calling context: which chain of call sites led here, as one number. After Bond and
 * McKinley, "Probabilistic Calling Context", OOPSLA 2007. `docs/wasm-rewriting.md` has the whole scheme.
 *
 *   global `context`   the context of the code that is about to be entered
 *   on entry           local = MULTIPLIER * context + FIRST
 *   before each call   context = local + SITE
 *
 * FIRST is 2 and twice the number of call and return instructions before this function in the module, SITE twice
 * the number of them before this call in the function, plus 1 when an import is called: together a number, never
 * 0, of that site alone. Nothing is set back after a call, so that exceptions and longjmp do no harm.
 *
 * Two chains of call sites share a number only by chance: with n contexts in use about n^2 / 2^64.
 *
 * Left as they are: calls that can't lead to an allocation or to the outside; functions with no other calls; and
 * functions that only pass on: known callers only, one call that can lead there, which runs at most once. What
 * such a function calls, it calls in its caller's context, which says it all.
 */

import { I64 } from '../../wat/binary-codes.js';
import { unsignedLebSize } from '../../wat/leb128.js';
import type { AddedParts } from './added-parts.js';
import { EVENT } from './body-scanner.js';
import { BOUNDARY_LOCALS, type ContextGlobals, writeBoundary, writeDeparture } from './boundary.js';
import type { CodeScan } from './code-scan.js';
import { type CodeWriter, OP } from './code-writer.js';
import type { EditLog } from './edit-log.js';
import type { InnerCalls } from './inner-calls.js';
import type { WasmModule } from './module-sections.js';
import type { Unwinding } from './unwinding.js';

/**
 * `i64.const` of the multiplier, 2^34 divided by the golden ratio, made odd. Bond and McKinley multiply by 3;
 * a large odd number keeps contexts apart although the constants of the sites are small, and costs no more.
 */
const PUSH_MULTIPLIER: readonly number[] = [0x42, 0xe5, 0xcd, 0xf7, 0xc6, 0x27];
/** Engines accept 50,000 locals; a function this close to it is left as it is. */
const MOST_LOCALS = 49_990;
/** Engines accept bodies of 7,654,321 bytes; one that may come near it is left as it is. */
const MOST_BODY_BYTES = 5_000_000;

/** What the writer of instrumented bodies has to know. */
export interface ContextPlan {
  readonly globals: ContextGlobals;
  /** By function index: 1 for a call target that makes its call site worth telling apart. */
  readonly relevant: Uint8Array;
  /** Functions that may be called from outside, by function index. */
  readonly boundary: ReadonlySet<number>;
  /** Functions that an indirect call may reach, by function index. */
  readonly byReference: ReadonlySet<number>;
  /** Imported functions that only call back into the module, as Emscripten's `invoke_vi` does. */
  readonly transparent: ReadonlySet<number>;
  readonly unwinding: Unwinding;
}

export class ContextWriter {
  readonly #module: WasmModule;
  readonly #scan: CodeScan;
  readonly #plan: ContextPlan;
  readonly #added: AddedParts;
  readonly #edits: EditLog;
  readonly #imported: number;

  constructor(module: WasmModule, scan: CodeScan, plan: ContextPlan, added: AddedParts, edits: EditLog) {
    this.#module = module;
    this.#scan = scan;
    this.#plan = plan;
    this.#added = added;
    this.#edits = edits;
    this.#imported = module.importedFunctions.length;
  }

  /** True when a body has to be instrumented; REQUIRES of `writeBody`. */
  changes(body: number): boolean {
    const { firstEvent, localCounts } = this.#scan;
    const { bodyStarts, bodyEnds } = this.#module.code;
    let sites = 0;
    let last = 0;
    for (let e = firstEvent[body]!; e < firstEvent[body + 1]!; e++) {
      if (!this.#isSite(e)) continue;
      sites++;
      last = e;
    }
    if (sites === 0 || (sites === 1 && this.#onlyPassesOn(body, last))) return false;
    if (bodyEnds[body]! - bodyStarts[body]! > MOST_BODY_BYTES) return false;
    return localCounts[body]! + this.#parameters(body) < MOST_LOCALS;
  }

  #onlyPassesOn(body: number, site: number): boolean {
    const { kind, inLoop } = this.#scan;
    const index = this.#imported + body;
    if (this.#plan.boundary.has(index) || this.#plan.byReference.has(index)) return false;
    if (kind[site] !== EVENT.call && kind[site] !== EVENT.callUnknown) return false;
    return inLoop[site] === 0 && !this.#leavesModule(site);
  }

  /**
   * Writes an instrumented body and notes what was inserted.
   *
   * @param body place among the defined functions
   * @param prelude writes instructions to stand before everything else
   */
  writeBody(code: CodeWriter, body: number, prelude?: () => void): void {
    this.#writeBody(code, body, this.#plan.boundary.has(this.#imported + body), undefined, prelude);
  }

  /** Writes a body that wrappers call, nobody else: it is no boundary, whatever its index was. */
  writeMovedBody(code: CodeWriter, body: number, innerCalls: InnerCalls | undefined): void {
    this.#writeBody(code, body, false, innerCalls);
  }

  #writeBody(
    code: CodeWriter,
    body: number,
    isBoundary: boolean,
    innerCalls: InnerCalls | undefined,
    prelude?: () => void,
  ): void {
    const { bytes } = this.#module;
    const { firstEvent, kind, localCounts, codeStarts } = this.#scan;
    const { bodyStarts, bodyEnds } = this.#module.code;
    const { globals, unwinding } = this.#plan;
    const codeStart = codeStarts[body]!;
    const codeEnd = bodyEnds[body]! - 1; // without the final `end`
    const firstLocal = this.#parameters(body) + localCounts[body]!;
    let keepsArrival = isBoundary;
    for (let e = firstEvent[body]!; e < firstEvent[body + 1]!; e++) {
      if (kind[e] === EVENT.tailCall || kind[e] === EVENT.tailCallUnknown) keepsArrival = true;
    }
    const begin = code.length;

    const ownLocals = isBoundary ? BOUNDARY_LOCALS : keepsArrival ? [I64] : [];
    this.#writeLocals(code, bodyStarts[body]!, codeStart, [...ownLocals, I64]);
    prelude?.();
    const context = firstLocal + ownLocals.length;
    const enter = (): void => {
      if (isBoundary) {
        code.localGet(firstLocal);
        code.i64Const(-2);
        code.op(OP.i64And);
      } else {
        code.globalGet(globals.context);
        if (keepsArrival) code.localTee(firstLocal);
      }
      code.raw(PUSH_MULTIPLIER);
      code.op(OP.i64Mul);
      code.i64Const((firstEvent[body]! + 1) * 2);
      code.op(OP.i64Add);
      code.localSet(context);
      this.#edits.add(codeStart, code.length - begin - (codeStart - bodyStarts[body]!));
      this.#writeCode(code, body, firstLocal, context, isBoundary, innerCalls);
    };
    if (!isBoundary) {
      enter();
    } else {
      const type = this.#module.functionType(this.#imported + body);
      writeBoundary(code, globals, firstLocal, this.#added.blockType(type), unwinding, enter);
    }
    code.copy(bytes, codeEnd, codeEnd + 1);
  }

  /** The instructions up to the final `end`, with their call sites prepared. */
  #writeCode(
    code: CodeWriter,
    body: number,
    firstLocal: number,
    context: number,
    isBoundary: boolean,
    innerCalls: InnerCalls | undefined,
  ): void {
    const { bytes } = this.#module;
    const { firstEvent, at, kind, operand, codeStarts } = this.#scan;
    const { globals } = this.#plan;
    const first = firstEvent[body]!;
    /** Everything before this offset is written, or has been replaced. */
    let done = codeStarts[body]!;
    for (let e = first; e < firstEvent[body + 1]!; e++) {
      const offset = at[e]!;
      if (kind[e] === EVENT.return) {
        if (!isBoundary) continue;
        // The label around the whole body is as far out as there are blocks open.
        code.copy(bytes, done, offset);
        code.u8(OP.br);
        code.u32(operand[e]!);
        done = offset + 1;
        this.#edits.add(offset + 1, unsignedLebSize(operand[e]!));
        continue;
      }
      const isTail = kind[e] === EVENT.tailCall || kind[e] === EVENT.tailCallUnknown;
      if (!isTail && !this.#isSite(e)) continue;
      code.copy(bytes, done, offset);
      done = offset;
      const begin = code.length;
      if (isTail) {
        // The frame of this function ends: its callee arrives as it did itself.
        if (isBoundary) writeDeparture(code, globals, firstLocal);
        else this.#writeContext(code, firstLocal, 0);
        if (this.#leavesModule(e)) {
          code.localGet(firstLocal);
          code.i64Const(1);
          code.op(OP.i64Or);
          code.globalSet(globals.context);
        }
      } else {
        this.#writeContext(code, context, (e - first) * 2 + (this.#leavesModule(e) ? 1 : 0));
      }
      this.#edits.add(offset, code.length - begin);
      if (innerCalls?.redirects(kind[e]!, operand[e]!))
        done = innerCalls.writeCall(code, offset, operand[e]!);
    }
    code.copy(bytes, done, this.#module.code.bodyEnds[body]! - 1);
  }

  #writeContext(code: CodeWriter, local: number, site: number): void {
    code.localGet(local);
    if (site !== 0) {
      code.i64Const(site);
      code.u8(OP.i64Add);
    }
    code.globalSet(this.#plan.globals.context);
  }

  #writeLocals(code: CodeWriter, start: number, end: number, types: readonly number[]): void {
    const { bytes } = this.#module;
    let groups = 0;
    let p = start;
    for (let scale = 1; ; scale *= 128) {
      const byte = bytes[p++]!;
      groups += (byte & 0x7f) * scale;
      if (byte < 0x80) break;
    }
    code.u32(groups + types.length);
    code.copy(bytes, p, end);
    for (const type of types) code.op(1, type);
  }

  /** True for a call that may lead to an allocation or to the outside. */
  #isSite(event: number): boolean {
    const kind = this.#scan.kind[event]!;
    if (kind === EVENT.return) return false;
    if (kind === EVENT.callUnknown || kind === EVENT.tailCallUnknown) return true;
    return this.#plan.relevant[this.#scan.operand[event]!] === 1;
  }

  #leavesModule(event: number): boolean {
    const kind = this.#scan.kind[event];
    if (kind !== EVENT.call && kind !== EVENT.tailCall) return false;
    const target = this.#scan.operand[event]!;
    return target < this.#imported && !this.#plan.transparent.has(target);
  }

  #parameters(body: number): number {
    return this.#module.functionType(this.#imported + body).params.length;
  }
}
