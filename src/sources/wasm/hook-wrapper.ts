/**
 * The body that takes the place of an allocation function: it calls the function's own code, now elsewhere, and
 * tells the hook table what happened, unless it can do so by itself (`waiting-block.ts`). `docs/wasm-rewriting.md` spells
 * the code out.
 *
 * Two globals keep one allocation from being told twice:
 *
 *   inside    0   no allocation is under way: the next one is told
 *             >0  one is: those that it makes on its way (operator new calls malloc) are not told. It counts down
 *                 with each, so that a trap, which no code can catch, silences at most NESTED_LIMIT of them
 *             -1  nothing is told: the hooks are not attached, or switched off
 *   freeing   the address being freed or moved, 0 for none: the free of it by inner code is not told again.
 *             Another address freed meanwhile is told, marked as nested (a collector freeing inside `new`).
 *
 * A free that can't lead to another hook stays where it is and tells by a prelude instead: see `lone-frees.ts`.
 */

import { I32, I64 } from '../../wat/binary-codes.js';
import type { AddedParts } from './added-parts.js';
import { type AllocationHook, shapeParameter } from './allocation-hook.js';
import type { ContextGlobals } from './boundary.js';
import { type CodeWriter, OP } from './code-writer.js';
import { HOOK_SLOTS } from './hook-table.js';
import type { FunctionType } from './module-types.js';
import { type Unwinding, writeGuarded } from './unwinding.js';
import { type AllocatedBlock, type WaitingGlobals, writeAllocated, writeFreed } from './waiting-block.js';

/** How many allocations inside another one may go untold before `inside` is taken for stuck. */
export const NESTED_LIMIT = 16;

/** The indices that all wrappers of a module share. */
export interface HookParts {
  readonly table: number;
  readonly inside: number;
  readonly freeing: number;
  /** Type index of each slot's function, in the order of `HOOK_SLOTS`. */
  readonly types: readonly number[];
  /** I32, or I64 in a module with 64-bit addresses: what the hooks are given for addresses and sizes. */
  readonly addressType: number;
  readonly waiting: WaitingGlobals<number>;
  /** With contexts: the globals whose values are told too. */
  readonly contexts: ContextGlobals | undefined;
}

export class HookWrapper {
  readonly #code: CodeWriter;
  readonly #parts: HookParts;
  readonly #hook: AllocationHook;
  readonly #type: FunctionType;
  readonly #blockType: readonly number[];
  readonly #moved: number | undefined;
  readonly #unwinding: Unwinding;
  /** First local after the parameters: see `localTypes`. */
  readonly #ownLocals: number;

  /** @param moved index of the function that has the original body now; undefined where only `writePrelude` is wanted */
  constructor(
    code: CodeWriter,
    added: AddedParts,
    parts: HookParts,
    hook: AllocationHook,
    type: FunctionType,
    moved: number | undefined,
    unwinding: Unwinding,
  ) {
    this.#code = code;
    this.#parts = parts;
    this.#hook = hook;
    this.#type = type;
    this.#blockType = added.blockType(type);
    this.#moved = moved;
    this.#unwinding = unwinding;
    this.#ownLocals = type.params.length;
  }

  /** Types of the locals that the code needs after the parameters: result, context. */
  get localTypes(): readonly number[] {
    if (this.#hook.shape.event === 'free') return [];
    return this.#parts.contexts === undefined ? [this.#type.results[0]!] : [this.#type.results[0]!, I64];
  }

  /** Writes the instructions, without the final `end`; they leave the function's results on the stack. */
  write(): void {
    if (this.#hook.shape.event === 'free') this.#writeFree();
    else this.#writeAllocation();
  }

  /** What a free tells that needs no wrapper (`lone-frees.ts`): instructions to stand before its own. */
  writePrelude(): void {
    const code = this.#code;
    this.#pushIsTold();
    code.op(OP.if, 0x40);
    this.#tellFree();
    code.end();
  }

  #pushIsTold(): void {
    const code = this.#code;
    const { inside, freeing, addressType } = this.#parts;
    const pointer = this.#parameter('pointer')!;
    const type = this.#type.params[pointer]!;
    // pointer != 0 && inside >= 0 && pointer != freeing
    code.localGet(pointer);
    code.zero(type);
    code.op(type === I64 ? OP.i64Ne : OP.i32Ne);
    code.globalGet(inside);
    code.i32Const(0);
    code.op(OP.i32GeS, OP.i32And);
    this.#pushPointer();
    code.globalGet(freeing);
    code.op(addressType === I64 ? OP.i64Ne : OP.i32Ne, OP.i32And);
  }

  #tellFree(): void {
    const { inside, addressType, waiting } = this.#parts;
    const pushPointer = (): void => this.#pushPointer();
    writeFreed(this.#code, waiting, addressType, pushPointer, () => {
      this.#pushPointer();
      this.#code.globalGet(inside);
      this.#callHook('freed');
    });
  }

  #pushPointer(): void {
    const pointer = this.#parameter('pointer')!;
    this.#code.localGet(pointer);
    widen(this.#code, this.#type.params[pointer]!, this.#parts.addressType);
  }

  #writeFree(): void {
    const code = this.#code;
    const { freeing, addressType } = this.#parts;
    this.#pushIsTold();
    code.op(OP.if);
    code.raw(this.#blockType);
    this.#pushPointer();
    code.globalSet(freeing);
    this.#tellFree();
    this.#callMoved();
    code.zero(addressType);
    code.globalSet(freeing);
    code.op(OP.else);
    this.#callMoved();
    code.end();
  }

  #writeAllocation(): void {
    const code = this.#code;
    const { inside, freeing, addressType, contexts } = this.#parts;
    const result = this.#ownLocals;
    const pointer = this.#parameter('pointer');
    code.globalGet(inside);
    code.op(OP.if);
    code.raw(this.#blockType);
    // inside -= inside > 0
    code.globalGet(inside);
    code.globalGet(inside);
    code.i32Const(0);
    code.op(OP.i32GtS, OP.i32Sub);
    code.globalSet(inside);
    this.#callMoved();
    code.op(OP.else);
    code.i32Const(NESTED_LIMIT);
    code.globalSet(inside);
    if (pointer === undefined) {
      code.zero(addressType);
    } else {
      this.#pushPointer();
    }
    code.globalSet(freeing);
    if (contexts !== undefined) {
      code.globalGet(contexts.context);
      code.localSet(result + 1);
    }
    const leave = (): void => {
      code.i32Const(0);
      code.globalSet(inside);
    };
    writeGuarded(code, this.#unwinding, this.#blockType, () => this.#callMoved(), leave);
    code.localSet(result);
    leave();
    this.#tellAllocation();
    code.localGet(result);
    code.end();
  }

  #tellAllocation(): void {
    const code = this.#code;
    const { freeing, addressType } = this.#parts;
    const result = this.#ownLocals;
    const resultType = this.#type.results[0]!;
    const pointer = this.#parameter('pointer');
    const out = this.#parameter('out');
    if (pointer !== undefined) {
      code.zero(addressType);
      code.globalSet(freeing);
      this.#pushPointer();
      this.#pushSize();
      code.localGet(result);
      widen(code, resultType, addressType);
      this.#pushSite();
      this.#callHook('reallocated');
      return;
    }
    code.localGet(result);
    if (out === undefined) {
      code.zero(resultType);
      code.op(resultType === I64 ? OP.i64Ne : OP.i32Ne, OP.if, 0x40);
    } else {
      code.op(resultType === I64 ? OP.i64Eqz : OP.i32Eqz, OP.if, 0x40);
    }
    const block = {
      address: () => this.#pushAddress(),
      bytes: () => this.#pushSize(),
      site: this.#site,
    };
    writeAllocated(code, this.#parts.waiting, addressType, block, () => {
      this.#pushAddress();
      this.#pushSize();
      this.#pushSite();
      this.#callHook('allocated');
    });
    code.end();
  }

  /** The address of the block that was allocated. */
  #pushAddress(): void {
    const code = this.#code;
    const { addressType } = this.#parts;
    const out = this.#parameter('out');
    if (out === undefined) {
      code.localGet(this.#ownLocals);
      widen(code, this.#type.results[0]!, addressType);
      return;
    }
    code.localGet(out);
    const wide = this.#type.params[out] === I64;
    // i64.load or i32.load of memory 0, natural alignment, offset 0
    code.op(wide ? 0x29 : 0x28, wide ? 3 : 2, 0);
    widen(code, wide ? I64 : I32, addressType);
  }

  #pushSize(): void {
    const code = this.#code;
    const size = this.#parameter('size')!;
    const count = this.#parameter('count');
    const { addressType } = this.#parts;
    code.localGet(size);
    widen(code, this.#type.params[size]!, addressType);
    if (count === undefined) return;
    code.localGet(count);
    widen(code, this.#type.params[count]!, addressType);
    code.op(addressType === I64 ? OP.i64Mul : OP.i32Mul);
  }

  #pushSite(): void {
    const site = this.#site;
    if (site === undefined) return;
    site.context();
    this.#code.globalGet(site.entry);
  }

  get #site(): AllocatedBlock['site'] {
    const { contexts } = this.#parts;
    if (contexts === undefined) return undefined;
    return { context: () => this.#code.localGet(this.#ownLocals + 1), entry: contexts.entry };
  }

  #callHook(slot: (typeof HOOK_SLOTS)[number]): void {
    const number = HOOK_SLOTS.indexOf(slot);
    const { contexts, table, types } = this.#parts;
    this.#code.i32Const(number);
    this.#code.callIndirect(types[number]!, table);
    if (contexts !== undefined && slot !== 'freed') this.#code.globalSet(contexts.entry);
  }

  #callMoved(): void {
    for (let i = 0; i < this.#ownLocals; i++) this.#code.localGet(i);
    this.#code.call(this.#moved!);
  }

  #parameter(part: 'size' | 'count' | 'out' | 'pointer'): number | undefined {
    return shapeParameter(this.#hook.shape, part);
  }
}

/** Brings the address or size on the stack to the type that the hooks are given. REQUIRES: `to` is I64 where `from` is. */
function widen(code: CodeWriter, from: number, to: number): void {
  if (from === I32 && to === I64) code.op(OP.i64ExtendI32U);
}
