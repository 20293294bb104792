/**
 * The ledger: the WebAssembly module in which allocations and frees are counted, so that they leave WebAssembly only
 * when there is something to find out. Its three exports of `HOOK_SLOTS` go into the hook table of a rewritten module;
 * the memory that it works on is drawn in `ledger-layout.ts`. Here it is put together from
 *
 *     ledger-events     what is told: allocated, freed, reallocated
 *     ledger-cells      context, entry -> cell
 *     ledger-probing    address -> slot, in a segment
 *     ledger-segments   the segments of a heap
 *     ledger-memory     memory and its lock
 *
 * JavaScript is called
 *
 *     discover  for a context that was never seen, and what is to be known of it: gives the number of a record, or
 *               ~record to be asked again
 *     enter     for a call from JavaScript whose turn it is to have its stack captured: gives its entry
 *     sampled   without contexts, for an allocation whose turn it is: gives the number of a record
 *     pause     when so many operations were told, to look at the clock
 *     full      once, when there is no memory for more
 *     hold      before blocks wait in the module's globals: has what waits in another module's counted
 *
 * While `busy` is not 0 nothing is added and no free counts as unmatched; blocks already known may be freed.
 */
import { cellsText } from './ledger-cells.js';
import { eventsText } from './ledger-events.js';
import { memoryText } from './ledger-memory.js';
import { probingText } from './ledger-probing.js';
import { segmentsText } from './ledger-segments.js';
import { LedgerTerms, type LedgerVariant } from './ledger-terms.js';

/** @returns the module's fields, in the text form of WebAssembly */
export function ledgerText(variant: LedgerVariant): string {
  const { shared, wideAddresses } = variant;
  const A = wideAddresses ? 'i64' : 'i32';
  const terms = new LedgerTerms(variant);
  const parts = [eventsText, cellsText, probingText, segmentsText, memoryText].map((text) => text(terms));
  return `
  (import "otrace" "memory" (memory 1 65536 ${shared ? 'shared' : ''}))
  (import "otrace" "heap" (global $heap i32))           ;; address of the heap's control
  (import "otrace" "module" (global $module i64))       ;; keeps contexts of different modules on one heap apart
  (import "otrace" "busy" (global $busy (mut i32)))
  ${shared ? '(import "otrace" "mayWait" (global $mayWait i32))' : ''}
  (import "otrace" "discover" (func $discover (param i32) (param i32) (param i32) (result i32)))
  (import "otrace" "enter" (func $enter (param i32) (result i32)))
  (import "otrace" "sampled" (func $sampled (result i32)))
  (import "otrace" "pause" (func $pause))
  (import "otrace" "full" (func $full))
  (import "otrace" "hold" (func $hold))
  (import "otrace" "waiting" (global $waiting (mut ${A})))  ;; these are the module's: see waiting-block.ts
  (import "otrace" "waitingBytes" (global $waitingBytes (mut ${A})))
  (import "otrace" "room" (global $room (mut i64)))
  (import "otrace" "passedBytes" (global $passedBytes (mut i64)))
  (import "otrace" "passedBlocks" (global $passedBlocks (mut i64)))
  (import "otrace" "skip" (global $skip (mut i32)))          ;; allocations or entries until the next sampled one
  (import "otrace" "knownContext" (global $knownContext (mut i64)))
  (import "otrace" "knownEntry" (global $knownEntry (mut i32)))
  (global $account (mut i32) (i32.const 0))                  ;; the cell of what waits or has passed by
  (global $holds (mut i32) (i32.const 0))                    ;; not 0: blocks may wait in the module's globals
  (global $always (mut i32) (i32.const 0)) ;; not 0: each is sampled
  (global $left (export "left") (mut i32) (i32.const 0))     ;; operations until the next pause
  ${parts.join('\n')}`;
}
