/**
 * The block that waits: what a rewritten module does by itself, without a call of the ledger. Most blocks of short life are
 * freed before anything else is allocated or freed. So the block that was allocated last stays in globals of the module,
 * and if its own free comes next, all that there is to do is to add to two sums:
 *
 *     allocated a | freed a                  a waits; a passes by
 *     allocated a | allocated b | freed a    a waits; the ledger is told of b and counts a first; then of the free
 *
 * The ledger says which blocks may wait: those that make no new high-water mark and belong to the site that it was told of
 * last. It reads and writes these globals itself, as imports of its own.
 */

import { I32, I64, KIND } from '../../wat/binary-codes.js';
import type { AddedParts } from './added-parts.js';
import { type CodeWriter, OP } from './code-writer.js';

/** Names of the exports for the globals: mutable, by the names under which the ledger imports them. */
export const WAITING_EXPORTS = {
  /** Address of the block that waits, 0 for none; then its bytes. */
  waiting: '\0otrace:waiting',
  waitingBytes: '\0otrace:waiting-bytes',
  /** i64: most bytes of a block that may wait; -1 when none may. */
  room: '\0otrace:room',
  /** i64, as is the next: blocks that passed by, which the ledger has yet to collect. */
  passedBytes: '\0otrace:passed-bytes',
  passedBlocks: '\0otrace:passed-blocks',
  /** i32: allocations until the next one whose stack is captured; with contexts, calls from JavaScript that allocate. */
  skip: '\0otrace:skip',
  /** i64 and i32; with contexts: whose blocks may wait. */
  knownContext: '\0otrace:known-context',
  knownEntry: '\0otrace:known-entry',
} as const;

type WaitingName = keyof typeof WAITING_EXPORTS;
export type WaitingGlobals<G> = Readonly<Record<WaitingName, G>>;

const NAMES = Object.keys(WAITING_EXPORTS) as readonly WaitingName[];
const OF_ADDRESS_TYPE: ReadonlySet<WaitingName> = new Set(['waiting', 'waitingBytes']);
const OF_I32: ReadonlySet<WaitingName> = new Set(['skip', 'knownEntry']);

function each<G>(addressType: number, make: (name: WaitingName, type: number) => G): WaitingGlobals<G> {
  const type = (name: WaitingName): number =>
    OF_ADDRESS_TYPE.has(name) ? addressType : OF_I32.has(name) ? I32 : I64;
  return Object.fromEntries(NAMES.map((name) => [name, make(name, type(name))])) as WaitingGlobals<G>;
}

/** Adds the globals to a module that is rewritten, and exports them. */
export function addWaitingGlobals(added: AddedParts, addressType: number): WaitingGlobals<number> {
  return each(addressType, (name, type) => {
    const index = added.global(type, name === 'room' || name === 'knownEntry' ? -1 : 0);
    added.export(WAITING_EXPORTS[name], KIND.global, index);
    return index;
  });
}

/** The globals of an instance. */
export function waitingGlobalsOf(realExports: WebAssembly.Exports): WaitingGlobals<WebAssembly.Global> {
  return each(I32, (name) => realExports[WAITING_EXPORTS[name]] as WebAssembly.Global);
}

/** Globals of no module, for a ledger that none calls. */
export function noWaitingGlobals(wideAddresses: boolean): WaitingGlobals<WebAssembly.Global> {
  return each(wideAddresses ? I64 : I32, (_, type) =>
    type === I64
      ? new WebAssembly.Global({ value: 'i64', mutable: true }, 0n)
      : new WebAssembly.Global({ value: 'i32', mutable: true }, 0),
  );
}

/** Pieces of code that leave one value on the operand stack. */
export interface AllocatedBlock {
  /** Of the type of addresses, as is the next. */
  readonly address: () => void;
  readonly bytes: () => void;
  /** With contexts. */
  readonly site: { readonly context: () => void; readonly entry: number } | undefined;
}

/** The entry of calls from JavaScript whose stack is not captured. */
const NOT_SAMPLED = 1;

/** Has a block wait if it may; else `tell` is for the code that tells the ledger of it. */
export function writeAllocated(
  code: CodeWriter,
  globals: WaitingGlobals<number>,
  addressType: number,
  { address, bytes, site }: AllocatedBlock,
  tell: () => void,
): void {
  const takeTurn = (): void => {
    code.globalGet(globals.skip);
    code.i32Const(1);
    code.op(OP.i32Sub);
    code.globalSet(globals.skip);
  };
  if (site !== undefined) {
    // Another call from JavaScript that is not to be captured, as it is most often.
    code.globalGet(site.entry);
    code.op(OP.i32Eqz);
    pushIsSkipped(code, globals);
    code.op(OP.i32And, OP.if, 0x40);
    takeTurn();
    code.i32Const(NOT_SAMPLED);
    code.globalSet(site.entry);
    code.end();
  }
  bytes();
  extend(code, addressType);
  code.globalGet(globals.room);
  code.op(OP.i64LeS);
  code.globalGet(globals.waiting);
  code.op(addressType === I64 ? OP.i64Eqz : OP.i32Eqz, OP.i32And);
  if (site === undefined) {
    pushIsSkipped(code, globals);
  } else {
    site.context();
    code.globalGet(globals.knownContext);
    code.op(OP.i64Eq);
    code.globalGet(site.entry);
    code.globalGet(globals.knownEntry);
    code.op(OP.i32Eq, OP.i32And);
  }
  code.op(OP.i32And, OP.if, 0x40);
  address();
  code.globalSet(globals.waiting);
  bytes();
  code.globalSet(globals.waitingBytes);
  if (site === undefined) takeTurn();
  code.op(OP.else);
  tell();
  code.end();
}

/** Lets a block pass by that waits; else `tell` is for the code that tells the ledger of its free. */
export function writeFreed(
  code: CodeWriter,
  globals: WaitingGlobals<number>,
  addressType: number,
  address: () => void,
  tell: () => void,
): void {
  address();
  code.globalGet(globals.waiting);
  code.op(addressType === I64 ? OP.i64Eq : OP.i32Eq, OP.if, 0x40);
  code.globalGet(globals.passedBytes);
  code.globalGet(globals.waitingBytes);
  extend(code, addressType);
  code.op(OP.i64Add);
  code.globalSet(globals.passedBytes);
  code.globalGet(globals.passedBlocks);
  code.i64Const(1);
  code.op(OP.i64Add);
  code.globalSet(globals.passedBlocks);
  code.zero(addressType);
  code.globalSet(globals.waiting);
  code.op(OP.else);
  tell();
  code.end();
}

function pushIsSkipped(code: CodeWriter, globals: WaitingGlobals<number>): void {
  code.globalGet(globals.skip);
  code.i32Const(0);
  code.op(OP.i32GtS);
}

function extend(code: CodeWriter, addressType: number): void {
  if (addressType === I32) code.op(OP.i64ExtendI32U);
}
