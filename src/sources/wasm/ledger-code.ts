/**
 * The ledger: the WebAssembly module in which allocations and frees are counted, so that they leave WebAssembly only
 * when there is something to find out. Its three exports of `HOOK_SLOTS` go into the hook table of a rewritten module;
 * the memory that it works on is drawn in `ledger-layout.ts`.
 *
 * JavaScript is called
 *
 *     discover  for a context that was never seen, and what is to be known of it: gives the number of a record, or
 *               ~record to be asked again
 *     enter     for a call from JavaScript whose turn it is to have its stack captured: gives its entry
 *     sampled   without contexts, for an allocation whose turn it is: gives the number of a record
 *     pause     when so many operations have passed, to look at the clock
 *     full      once, when there is no memory for more
 *
 * While `busy` is not 0 nothing is added and no free counts as unmatched; blocks already known may be freed.
 */
import { type HookVariant, hookSignatures } from './hook-table.js';
import {
  CELL,
  CELL_BYTES,
  CHUNK_BYTES,
  HEAP,
  LEDGER,
  MOST_CELLS,
  MOST_SHARED_HEAPS,
  SEGMENT_HEAD_BYTES,
  SEGMENT_LIMIT,
  SEGMENT_SLOTS,
  segmentBytes,
  slotOf,
} from './ledger-layout.js';
import { I32 } from './module-types.js';

export interface LedgerVariant extends HookVariant {
  /** Several threads work on the ledger's memory at once. */
  readonly shared: boolean;
}

/** Most bits of a hash that choose in the directory: 2^20 segments are 700 million blocks. */
const MOST_DIRECTORY_BITS = 20;
/** Spins on a lock (a power of two) before it is waited for, for so long. */
const SPINS = 256;
const WAIT_NS = 50_000;
/** Spins before a lock is taken from its holder, which must be a thread that was stopped in the middle: seconds. */
const MOST_SPINS = 20_000_000;

const FIRST_BUCKET_BITS = 10;

/** Golden ratio times 2^64: the upper half of a product with it depends on all of the other factor. */
const SPREAD = '0x9e3779b97f4a7c15';

/** @returns the module's fields, in the text form of WebAssembly */
export function ledgerText({ wideAddresses, contexts, shared }: LedgerVariant): string {
  const slot = slotOf(wideAddresses);
  const slotsBytes = SEGMENT_SLOTS * slot.bytes;
  const A = hookSignatures(wideAddresses, false)[0]!.params[0] === I32 ? 'i32' : 'i64';

  const spare = wideAddresses ? 'spareWideSegment' : 'spareSegment';
  const get = (field: keyof typeof LEDGER): string => `(i32.load offset=${LEDGER[field]} (i32.const 0))`;
  const set = (field: keyof typeof LEDGER, value: string): string =>
    `(i32.store offset=${LEDGER[field]} (i32.const 0) ${value})`;
  const getHeap = (field: keyof typeof HEAP): string => `(i32.load offset=${HEAP[field]} (global.get $heap))`;
  const setHeap = (field: keyof typeof HEAP, value: string): string =>
    `(i32.store offset=${HEAP[field]} (global.get $heap) ${value})`;
  /** Adds to an i64 in memory. */
  const add = (field: number, address: string, value: string, sign = 'add'): string =>
    `(i64.store offset=${field} ${address} (i64.${sign} (i64.load offset=${field} ${address}) ${value}))`;
  const addHeap = (field: keyof typeof HEAP, value: string, sign = 'add'): string =>
    add(HEAP[field], '(global.get $heap)', value, sign);
  const addCell = (field: keyof typeof CELL, value: string): string =>
    add(CELL[field], '(local.get $cell)', value);
  const cellLive = (what: 'Bytes' | 'Blocks'): string =>
    `(i64.sub (i64.load offset=${CELL[`allocated${what}`]} (local.get $cell))
      (i64.load offset=${CELL[`freed${what}`]} (local.get $cell)))`;
  /** Before $cell changes: writes down what it held at the mark. */
  const note = `
    (if (i32.ne (i32.load offset=${CELL.epoch} (local.get $cell)) ${get('epoch')}) (then (call $note (local.get $cell))))`;
  /** A block of $cell is live no more. */
  const leave = (size: string): string => `
    (if ${get('rising')}
      (then
        ${set('rising', '(i32.const 0)')}
        ${set('epoch', `(i32.add ${get('epoch')} (i32.const 1))`)}))
    ${note}
    ${addCell('freedBytes', size)}
    ${addCell('freedBlocks', '(i64.const 1)')}
    ${addHeap('liveBytes', size, 'sub')}
    ${add(LEDGER.liveBytes, '(i32.const 0)', size, 'sub')}`;
  const step = (local: string, by: string, sign = 'add'): string =>
    `(local.set ${local} (i32.${sign} (local.get ${local}) ${by}))`;

  /** An address as the number that the table knows it by; 64-bit ones are counted in units of 8 bytes. */
  const keyOf = (local: string): string =>
    wideAddresses ? `(i32.wrap_i64 (i64.shr_u (local.get ${local}) (i64.const 3)))` : `(local.get ${local})`;
  const hashOf = (key: string): string =>
    `(i32.wrap_i64 (i64.shr_u (i64.mul (i64.extend_i32_u ${key}) (i64.const ${SPREAD})) (i64.const 32)))`;
  const sizeOf = (local: string): string =>
    wideAddresses ? `(local.get ${local})` : `(i64.extend_i32_u (local.get ${local}))`;
  const storeSize = (local: string): string =>
    `(${A}.store offset=${slot.size} (local.get $slot) (local.get ${local}))`;
  const loadSize = wideAddresses
    ? `(i64.load offset=${slot.size} (local.get $slot))`
    : `(i64.extend_i32_u (i32.load offset=${slot.size} (local.get $slot)))`;
  const segmentOf = `(i32.load (i32.add ${getHeap('directory')}
    (i32.shl (i32.shr_u (local.get $hash) ${getHeap('directoryShift')}) (i32.const 2))))`;
  const homeOf = (segment: string, hash: string): string =>
    `(i32.add (i32.add ${segment} (i32.const ${SEGMENT_HEAD_BYTES}))
      (i32.mul (i32.and ${hash} (i32.const ${SEGMENT_SLOTS - 1})) (i32.const ${slot.bytes})))`;
  /** The slot after a slot, the first after the last. */
  const after = (local: string): string => `${step(local, `(i32.const ${slot.bytes})`)}
    (if (i32.eq (local.get ${local}) (i32.add (local.get $segment) (i32.const ${SEGMENT_HEAD_BYTES + slotsBytes})))
      (then (local.set ${local} (i32.add (local.get $segment) (i32.const ${SEGMENT_HEAD_BYTES})))))`;
  /** Address of a context's bucket: of the word that holds the first cell. */
  const bucketOf = (key: string, entry: string): string =>
    `(i32.add ${get('buckets')} (i32.shl (i32.wrap_i64 (i64.shr_u
      (i64.mul (i64.add ${key} (i64.mul (i64.extend_i32_u ${entry}) (i64.const 0x85ebca6bc2b2ae35))) (i64.const ${SPREAD}))
      (i64.extend_i32_u ${get('bucketShift')}))) (i32.const 2)))`;

  const locked = (address: string, code: string): string =>
    shared ? `(call $lock ${address}) ${code} (i32.atomic.store ${address} (i32.const 0))` : code;
  const lock = shared ? `(call $lock (i32.const ${LEDGER.lock}))` : '';
  const unlock = shared ? `(i32.atomic.store (i32.const ${LEDGER.lock}) (i32.const 0))` : '';
  const tick = `
    (global.set $left (i32.sub (global.get $left) (i32.const 1)))
    (if (i32.lt_s (global.get $left) (i32.const 0)) (then (call $pause)))`;

  /** Enters a block at $key of $size into the ledger, on the account of $cell. */
  const put = `
    (local.set $hash ${hashOf('(local.get $key)')})
    (local.set $segment ${segmentOf})
    (local.set $slot ${homeOf('(local.get $segment)', '(local.get $hash)')})
    (if (i32.load (local.get $slot))
      (then (local.set $slot (call $place (local.get $segment) (local.get $slot) (local.get $key)))))
    (i32.store (local.get $slot) (local.get $key))
    ${storeSize('$size')}
    (i32.store offset=${slot.cell} (local.get $slot) (local.get $cell))
    ${note}
    ${addCell('allocatedBytes', sizeOf('$size'))}
    ${addCell('allocatedBlocks', '(i64.const 1)')}
    (local.set $live (i64.add (i64.load offset=${HEAP.liveBytes} (global.get $heap)) ${sizeOf('$size')}))
    (i64.store offset=${HEAP.liveBytes} (global.get $heap) (local.get $live))
    (if (i64.gt_s (local.get $live) (i64.load offset=${HEAP.peakBytes} (global.get $heap)))
      (then (i64.store offset=${HEAP.peakBytes} (global.get $heap) (local.get $live))))
    (local.set $live (i64.add (i64.load offset=${LEDGER.liveBytes} (i32.const 0)) ${sizeOf('$size')}))
    (i64.store offset=${LEDGER.liveBytes} (i32.const 0) (local.get $live))
    (if (i64.gt_s (local.get $live) (i64.load offset=${LEDGER.peakBytes} (i32.const 0)))
      (then
        (i64.store offset=${LEDGER.peakBytes} (i32.const 0) (local.get $live))
        ${set('rising', '(i32.const 1)')}))
    (local.set $count (i32.add (i32.load (local.get $segment)) (i32.const 1)))
    (i32.store (local.get $segment) (local.get $count))
    (if (i32.ge_u (local.get $count) (i32.const ${SEGMENT_LIMIT}))
      (then (if (i32.eqz (call $split (local.get $segment) (local.get $hash)))
        (then
          ${set('stopped', '(i32.const 1)')}
          (local.set $count (i32.const -1))))))`;

  const putLocals = `(local $key i32) (local $cell i32) (local $hash i32) (local $segment i32) (local $slot i32)
    (local $live i64) (local $count i32)`;

  /** Takes the block at $key out of the ledger; what it was leaves $slot at 0 where there is none. */
  const take = `
    (local.set $hash ${hashOf('(local.get $key)')})
    (local.set $segment ${segmentOf})
    (local.set $slot ${homeOf('(local.get $segment)', '(local.get $hash)')})
    (if (i32.ne (i32.load (local.get $slot)) (local.get $key))
      (then (local.set $slot (call $find (local.get $segment) (local.get $slot) (local.get $key)))))
    (if (local.get $slot)
      (then
        (local.set $cell (i32.load offset=${slot.cell} (local.get $slot)))
        ${leave(loadSize)}
        (i32.store (local.get $segment) (i32.sub (i32.load (local.get $segment)) (i32.const 1)))
        (if (i32.load offset=${slot.bytes} (local.get $slot))
          (then (call $erase (local.get $segment) (local.get $slot)))
          (else (i32.store (local.get $slot) (i32.const 0)))))
      (else
        (if (i32.eqz (i32.or (global.get $busy) (local.get $nested)))
          (then ${addHeap('unmatchedFrees', '(i64.const 1)')}))))`;

  const chooseCell = contexts
    ? `
    (if (i32.eqz (local.get $entry)) (then (local.set $entry (call $entered (local.get $context)))))
    ${lock}
    (local.set $context (i64.xor (local.get $context) (global.get $module)))
    (local.set $cell (i32.load ${bucketOf('(local.get $context)', '(local.get $entry)')}))
    (if (i32.or
          (i32.eqz (i64.eq (i64.load (local.get $cell)) (local.get $context)))
          (i32.ne (i32.load offset=${CELL.entry} (local.get $cell)) (local.get $entry)))
      (then (local.set $cell (call $cellOf (local.get $context) (local.get $entry)))))`
    : `
    (global.set $skip (i32.sub (global.get $skip) (i32.const 1)))
    (if (i32.lt_s (global.get $skip) (i32.const 0))
      (then
        (local.set $count (call $sampled))
        ${lock}
        (local.set $cell (call $cellOfRecord (local.get $count))))
      (else
        ${lock}
        (local.set $cell (i32.add ${get('firstChunk')} (i32.const ${CELL_BYTES})))))`;
  const site = contexts ? '(param $context i64) (param $entry i32) (result i32)' : '';
  const same = contexts ? '(local.get $entry)' : '';
  const silent = `(i32.or (global.get $busy) ${get('stopped')})`;

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
  (global $skip (export "skip") (mut i32) (i32.const 0))     ;; allocations or entries until the next sampled one
  (global $always (export "always") (mut i32) (i32.const 0)) ;; not 0: each is sampled
  (global $left (export "left") (mut i32) (i32.const 0))     ;; operations until the next pause

  ;; Makes the first buckets and cells. Traps when there is no memory.
  (func $open (export "open")
    (local $at i32)
    ${set('top', `(i32.const ${LEDGER.end + (shared ? MOST_SHARED_HEAPS * HEAP.bytes : 0)})`)}
    ${set('entries', '(i32.const 1)')}
    ${set('epoch', '(i32.const 1)')}
    ${set('buckets', `(call $take (i32.const ${4 << FIRST_BUCKET_BITS}))`)}
    ${set('bucketShift', `(i32.const ${64 - FIRST_BUCKET_BITS})`)}
    (local.set $at (call $take (i32.const ${CHUNK_BYTES})))
    (if (i32.eqz (local.get $at)) (then (unreachable)))
    ${set('firstChunk', '(local.get $at)')}
    ${set('lastChunk', '(local.get $at)')}
    ${set('cells', '(i32.const 1)')}
    ${set('nextCell', `(i32.add (local.get $at) (i32.const ${2 * CELL_BYTES}))`)})

  ;; Makes the first directory and segments of the heap.
  (func $openHeap (export "openHeap")
    (local $at i32)
    ${lock}
    (local.set $at (call $take (i32.const 8)))
    (if (i32.eqz (local.get $at)) (then (unreachable)))
    ${setHeap('directory', '(local.get $at)')}
    ${setHeap('directoryShift', '(i32.const 31)')}
    ${setHeap('wide', `(i32.const ${wideAddresses ? 1 : 0})`)}
    (i32.store (local.get $at) (call $newSegment (i32.const 1)))
    (i32.store offset=4 (local.get $at) (call $newSegment (i32.const 1)))
    (if (i32.eqz (i32.load offset=4 (local.get $at))) (then (unreachable)))
    ${unlock})

  (func $note (param $cell i32)
    (i32.store offset=${CELL.epoch} (local.get $cell) ${get('epoch')})
    (i64.store offset=${CELL.markBytes} (local.get $cell) ${cellLive('Bytes')})
    (i64.store offset=${CELL.markBlocks} (local.get $cell) ${cellLive('Blocks')}))

  (func $allocated (export "allocated") (param $pointer ${A}) (param $size ${A}) ${site}
    ${putLocals}
    (if ${silent} (then (return ${same})))
    (local.set $key ${keyOf('$pointer')})
    (if (i32.eqz (local.get $key)) (then (return ${same})))
    ${chooseCell}
    ${put}
    ${unlock}
    (if (i32.eq (local.get $count) (i32.const -1)) (then (call $full)))
    ${tick}
    ${same})

  (func $freed (export "freed") (param $pointer ${A}) (param $nested i32)
    (local $key i32) (local $cell i32) (local $hash i32) (local $segment i32) (local $slot i32)
    (local.set $key ${keyOf('$pointer')})
    ${lock}
    ${take}
    ${unlock}
    (if (i32.eqz (global.get $busy)) (then ${tick})))

  ;; A failed one leaves the block as it was; size 0 may give null, and the block is gone.
  (func $reallocated (export "reallocated") (param $from ${A}) (param $size ${A}) (param $pointer ${A}) ${site}
    (if (i32.and (${A}.eqz (local.get $pointer)) (i32.eqz (${A}.eqz (local.get $size)))) (then (return ${same})))
    (if (i32.eqz (${A}.eqz (local.get $from))) (then (call $freed (local.get $from) (i32.const 0))))
    (call $allocated (local.get $pointer) (local.get $size) ${contexts ? '(local.get $context) (local.get $entry)' : ''}))

  ;; The slot of a key that is not in its home; 0 when there is none.
  (func $find (param $segment i32) (param $slot i32) (param $key i32) (result i32)
    (local $found i32)
    (loop $next
      (local.set $found (i32.load (local.get $slot)))
      (if (i32.eq (local.get $found) (local.get $key)) (then (return (local.get $slot))))
      (if (i32.eqz (local.get $found)) (then (return (i32.const 0))))
      ${after('$slot')}
      (br $next))
    (unreachable))

  ;; A free slot for a key whose home is taken; a block that is there already counts as freed.
  (func $place (param $segment i32) (param $slot i32) (param $key i32) (result i32)
    (local $found i32) (local $cell i32)
    (loop $next
      (local.set $found (i32.load (local.get $slot)))
      (if (i32.eqz (local.get $found)) (then (return (local.get $slot))))
      (if (i32.eq (local.get $found) (local.get $key))
        (then
          (local.set $cell (i32.load offset=${slot.cell} (local.get $slot)))
          ${leave(loadSize)}
          ${addHeap('impliedFrees', '(i64.const 1)')}
          (i32.store (local.get $segment) (i32.sub (i32.load (local.get $segment)) (i32.const 1)))
          (return (local.get $slot))))
      ${after('$slot')}
      (br $next))
    (unreachable))

  ;; Empties a slot and moves up what had to pass by it, so that no gap is left in front of a block.
  (func $erase (param $segment i32) (param $slot i32)
    (local $at i32) (local $key i32) (local $home i32)
    (local.set $at (local.get $slot))
    (block $done
      (loop $next
        ${after('$at')}
        (local.set $key (i32.load (local.get $at)))
        (br_if $done (i32.eqz (local.get $key)))
        (local.set $home ${homeOf('(local.get $segment)', hashOf('(local.get $key)'))})
        ;; It stays if its home lies after the gap, going round from the gap to where it is.
        (br_if $next (if (result i32) (i32.lt_u (local.get $slot) (local.get $at))
          (then (i32.and (i32.lt_u (local.get $slot) (local.get $home)) (i32.ge_u (local.get $at) (local.get $home))))
          (else (i32.or (i32.lt_u (local.get $slot) (local.get $home)) (i32.ge_u (local.get $at) (local.get $home))))))
        (call $copy (local.get $slot) (local.get $at))
        (local.set $slot (local.get $at))
        (br $next)))
    (i32.store (local.get $slot) (i32.const 0)))

  (func $copy (param $to i32) (param $from i32)
    (i64.store (local.get $to) (i64.load (local.get $from)))
    (${A}.store offset=8 (local.get $to) (${A}.load offset=8 (local.get $from))))

  ;; Replaces a segment by two. Gives 0, with nothing changed, when there is no memory.
  (func $split (param $segment i32) (param $hash i32) (result i32)
    (local $bits i32) (local $low i32) (local $high i32) (local $slot i32) (local $end i32) (local $span i32)
    (local.set $bits (i32.add (i32.load offset=4 (local.get $segment)) (i32.const 1)))
    (if (i32.lt_u (i32.sub (i32.const 32) ${getHeap('directoryShift')}) (local.get $bits))
      (then (if (i32.eqz (call $widen)) (then (return (i32.const 0))))))
    (local.set $low (call $newSegment (local.get $bits)))
    (if (i32.eqz (local.get $low)) (then (return (i32.const 0))))
    (local.set $high (call $newSegment (local.get $bits)))
    (if (i32.eqz (local.get $high)) (then (call $release (local.get $low)) (return (i32.const 0))))
    (local.set $slot (i32.add (local.get $segment) (i32.const ${SEGMENT_HEAD_BYTES})))
    (local.set $end (i32.add (local.get $slot) (i32.const ${slotsBytes})))
    (loop $next
      (if (i32.load (local.get $slot))
        (then
          (if (i32.and (i32.const 1) (i32.shr_u ${hashOf('(i32.load (local.get $slot))')}
                (i32.sub (i32.const 32) (local.get $bits))))
            (then (call $move (local.get $high) (local.get $slot)))
            (else (call $move (local.get $low) (local.get $slot))))))
      ${step('$slot', `(i32.const ${slot.bytes})`)}
      (br_if $next (i32.lt_u (local.get $slot) (local.get $end))))
    ;; Its part of the directory: the first half of it leads to the one, the second half to the other.
    (local.set $span (i32.shl (i32.const 4) (i32.sub (i32.sub (i32.const 32) ${getHeap('directoryShift')}) (local.get $bits))))
    (local.set $slot (i32.add ${getHeap('directory')} (i32.mul (i32.shl (local.get $span) (i32.const 1))
      (i32.shr_u (local.get $hash) (i32.sub (i32.const 33) (local.get $bits))))))
    (local.set $end (i32.add (local.get $slot) (local.get $span)))
    (loop $next
      (i32.store (local.get $slot) (local.get $low))
      (i32.store (i32.add (local.get $slot) (local.get $span)) (local.get $high))
      ${step('$slot', '(i32.const 4)')}
      (br_if $next (i32.lt_u (local.get $slot) (local.get $end))))
    (call $release (local.get $segment))
    (i32.const 1))

  ;; Puts a copy of a slot into a segment that has room and not the key.
  (func $move (param $segment i32) (param $from i32)
    (local $slot i32)
    (local.set $slot ${homeOf('(local.get $segment)', hashOf('(i32.load (local.get $from))'))})
    (block $free
      (loop $next
        (br_if $free (i32.eqz (i32.load (local.get $slot))))
        ${after('$slot')}
        (br $next)))
    (call $copy (local.get $slot) (local.get $from))
    (i32.store (local.get $segment) (i32.add (i32.load (local.get $segment)) (i32.const 1))))

  ;; An empty segment, 0 when there is no memory.
  (func $newSegment (param $bits i32) (result i32)
    (local $segment i32)
    (local.set $segment ${get(spare)})
    (if (local.get $segment)
      (then
        ${set(spare, '(i32.load (local.get $segment))')}
        (i32.store (local.get $segment) (i32.const 0)))
      (else
        (local.set $segment (call $take (i32.const ${segmentBytes(wideAddresses)})))
        (if (i32.eqz (local.get $segment)) (then (return (i32.const 0))))
        (i32.store offset=${SEGMENT_HEAD_BYTES + slotsBytes} (local.get $segment) (i32.const 1))))
    (i32.store offset=4 (local.get $segment) (local.get $bits))
    (local.get $segment))

  (func $release (param $segment i32)
    (memory.fill (local.get $segment) (i32.const 0) (i32.const ${SEGMENT_HEAD_BYTES + slotsBytes}))
    (i32.store (local.get $segment) ${get(spare)})
    ${set(spare, '(local.get $segment)')})

  ;; Gives the directory one bit more; 0 when there is no memory.
  (func $widen (result i32)
    (local $entries i32) (local $new i32) (local $i i32) (local $segment i32)
    (local.set $entries (i32.shl (i32.const 1) (i32.sub (i32.const 32) ${getHeap('directoryShift')})))
    (if (i32.ge_u (local.get $entries) (i32.const ${2 ** MOST_DIRECTORY_BITS})) (then (return (i32.const 0))))
    (local.set $new (call $take (i32.shl (local.get $entries) (i32.const 3))))
    (if (i32.eqz (local.get $new)) (then (return (i32.const 0))))
    (loop $next
      (local.set $segment (i32.load (i32.add ${getHeap('directory')} (i32.shl (local.get $i) (i32.const 2)))))
      (i32.store (i32.add (local.get $new) (i32.shl (local.get $i) (i32.const 3))) (local.get $segment))
      (i32.store offset=4 (i32.add (local.get $new) (i32.shl (local.get $i) (i32.const 3))) (local.get $segment))
      ${step('$i', '(i32.const 1)')}
      (br_if $next (i32.lt_u (local.get $i) (local.get $entries))))
    ${setHeap('directory', '(local.get $new)')}
    ${setHeap('directoryShift', `(i32.sub ${getHeap('directoryShift')} (i32.const 1))`)}
    (i32.const 1))

  ;; Memory that was never used and is 0, at a multiple of 64; 0 when there is none.
  (func $take (export "take") (param $bytes i32) (result i32)
    (local $at i32) (local $end i32) (local $have i32) (local $grown i32)
    ${locked(
      `(i32.const ${LEDGER.topLock})`,
      `
    (local.set $at (i32.load offset=${LEDGER.top} (i32.const 0)))
    (local.set $end (i32.and (i32.add (i32.add (local.get $at) (local.get $bytes)) (i32.const 63)) (i32.const -64)))
    (local.set $have (memory.size))
    (if (i32.lt_u (i32.shl (local.get $have) (i32.const 16)) (local.get $end))
      (then
        (local.set $grown (memory.grow (i32.add (i32.shr_u (local.get $have) (i32.const 3))
          (i32.add (i32.shr_u (local.get $bytes) (i32.const 16)) (i32.const 1)))))))
    (if (i32.lt_u (local.get $end) (local.get $at)) (then (local.set $grown (i32.const -1))))
    (if (i32.eq (local.get $grown) (i32.const -1))
      (then (local.set $at (i32.const 0)))
      (else (i32.store offset=${LEDGER.top} (i32.const 0) (local.get $end))))`,
    )}
    (local.get $at))

  ;; The cell of a context (as it is in cells) and entry; 0 when there is none.
  (func $findCell (param $context i64) (param $entry i32) (result i32)
    (local $cell i32)
    (local.set $cell (i32.load ${bucketOf('(local.get $context)', '(local.get $entry)')}))
    (block $done
      (loop $next
        (br_if $done (i32.eqz (local.get $cell)))
        (if (i64.eq (i64.load (local.get $cell)) (local.get $context))
          (then (br_if $done (i32.eq (i32.load offset=${CELL.entry} (local.get $cell)) (local.get $entry)))))
        (local.set $cell (i32.load offset=${CELL.next} (local.get $cell)))
        (br $next)))
    (local.get $cell))

  ;; The cell of a context and entry, made if it is the first time. JavaScript is asked without the lock.
  (func $cellOf (param $context i64) (param $entry i32) (result i32)
    (local $cell i32) (local $record i32) (local $raw i64)
    (local.set $cell (call $findCell (local.get $context) (local.get $entry)))
    (if (local.get $cell) (then (return (local.get $cell))))
    (if (i32.ge_u ${get('cells')} (i32.const ${MOST_CELLS}))
      (then (return (i32.add ${get('firstChunk')} (i32.const ${CELL_BYTES})))))
    ${unlock}
    (local.set $raw (i64.xor (local.get $context) (global.get $module)))
    (local.set $record (call $discover (i32.wrap_i64 (local.get $raw))
      (i32.wrap_i64 (i64.shr_u (local.get $raw) (i64.const 32))) (local.get $entry)))
    ;; A record that is not of this context: all of the entry share one cell, that of context 0, which is none.
    (if (i32.lt_s (local.get $record) (i32.const 0))
      (then
        (local.set $context (global.get $module))
        (local.set $record (i32.sub (i32.const -1) (local.get $record)))))
    ${lock}
    (local.set $cell (call $findCell (local.get $context) (local.get $entry)))
    (if (local.get $cell) (then (return (local.get $cell))))
    (call $newCell (local.get $context) (local.get $entry) (local.get $record)))

  ;; Without contexts: the cell of a record, which stands in a context's place.
  (func $cellOfRecord (param $record i32) (result i32)
    (local $cell i32)
    (local.set $cell (call $findCell (i64.extend_i32_u (local.get $record)) (i32.const 1)))
    (if (local.get $cell) (then (return (local.get $cell))))
    (call $newCell (i64.extend_i32_u (local.get $record)) (i32.const 1) (local.get $record)))

  ;; When there is room for no more, the first cell: that of what was not captured.
  (func $newCell (export "newCell") (param $context i64) (param $entry i32) (param $record i32) (result i32)
    (local $cell i32) (local $chunk i32) (local $bucket i32)
    (local.set $cell ${get('nextCell')})
    (if (i32.ge_u ${get('cells')} (i32.const ${MOST_CELLS}))
      (then (return (i32.add ${get('firstChunk')} (i32.const ${CELL_BYTES})))))
    (if (i32.eq (local.get $cell) (i32.add ${get('lastChunk')} (i32.const ${CHUNK_BYTES})))
      (then
        (local.set $chunk (call $take (i32.const ${CHUNK_BYTES})))
        (if (i32.eqz (local.get $chunk))
          (then
            ${set('cells', `(i32.const ${MOST_CELLS})`)}
            (return (i32.add ${get('firstChunk')} (i32.const ${CELL_BYTES})))))
        (i32.store ${get('lastChunk')} (local.get $chunk))
        ${set('lastChunk', '(local.get $chunk)')}
        (local.set $cell (i32.add (local.get $chunk) (i32.const ${CELL_BYTES})))))
    (i64.store (local.get $cell) (local.get $context))
    (i32.store offset=${CELL.entry} (local.get $cell) (local.get $entry))
    (i32.store offset=${CELL.record} (local.get $cell) (local.get $record))
    (local.set $bucket ${bucketOf('(local.get $context)', '(local.get $entry)')})
    (i32.store offset=${CELL.next} (local.get $cell) (i32.load (local.get $bucket)))
    (i32.store (local.get $bucket) (local.get $cell))
    ${set('nextCell', `(i32.add (local.get $cell) (i32.const ${CELL_BYTES}))`)}
    ${set('cells', `(i32.add ${get('cells')} (i32.const 1))`)}
    ;; More than two cells a bucket: four times the buckets.
    (if (i32.gt_u ${get('cells')} (i32.shl (i32.const 2) (i32.sub (i32.const 64) ${get('bucketShift')})))
      (then (call $addBuckets)))
    (local.get $cell))

  (func $addBuckets
    (local $new i32) (local $chunk i32) (local $cell i32) (local $bucket i32)
    (local.set $new (call $take (i32.shl (i32.const 16) (i32.sub (i32.const 64) ${get('bucketShift')}))))
    (if (i32.eqz (local.get $new)) (then (return)))
    ${set('buckets', '(local.get $new)')}
    ${set('bucketShift', `(i32.sub ${get('bucketShift')} (i32.const 2))`)}
    (local.set $chunk ${get('firstChunk')})
    (local.set $cell (i32.add (local.get $chunk) (i32.const ${2 * CELL_BYTES})))
    (loop $next
      (if (i32.eq (local.get $cell) (i32.add (local.get $chunk) (i32.const ${CHUNK_BYTES})))
        (then
          (local.set $chunk (i32.load (local.get $chunk)))
          (local.set $cell (i32.add (local.get $chunk) (i32.const ${CELL_BYTES})))))
      (local.set $bucket ${bucketOf('(i64.load (local.get $cell))', `(i32.load offset=${CELL.entry} (local.get $cell))`)})
      (i32.store offset=${CELL.next} (local.get $cell) (i32.load (local.get $bucket)))
      (i32.store (local.get $bucket) (local.get $cell))
      ${step('$cell', `(i32.const ${CELL_BYTES})`)}
      (br_if $next (i32.ne (local.get $cell) ${get('nextCell')}))))

  ;; The entry of a call from JavaScript that allocates for the first time. The cell with entry 0 is the context's gate.
  (func $entered (param $context i64) (result i32)
    (local $gate i32)
    (if (i32.eqz (global.get $always))
      (then
        (global.set $skip (i32.sub (global.get $skip) (i32.const 1)))
        (if (i32.eqz (i32.lt_s (global.get $skip) (i32.const 0))) (then (return (i32.const 1))))))
    (local.set $context (i64.xor (local.get $context) (global.get $module)))
    ${lock}
    (local.set $gate (call $findCell (local.get $context) (i32.const 0)))
    (if (i32.eqz (local.get $gate))
      (then (local.set $gate (call $newCell (local.get $context) (i32.const 0) (i32.const 0)))))
    ${unlock}
    (if (i32.and (global.get $always) (i32.ne (i32.load offset=${CELL.assumedCalls} (local.get $gate)) (i32.const 0)))
      (then
        (i32.store offset=${CELL.assumedCalls} (local.get $gate)
          (i32.sub (i32.load offset=${CELL.assumedCalls} (local.get $gate)) (i32.const 1)))
        (return (i32.load offset=${CELL.assumedEntry} (local.get $gate)))))
    (call $enter (local.get $gate)))

  ;; Every block of the heap is live no more. With $close its segments are given back, and it must not be used again.
  (func $clear (export "clear") (param $close i32)
    (local $at i32) (local $end i32) (local $segment i32) (local $slot i32) (local $last i32) (local $cell i32)
    ${lock}
    (local.set $at ${getHeap('directory')})
    (local.set $end (i32.add (local.get $at) (i32.shl (i32.const 4) (i32.sub (i32.const 32) ${getHeap('directoryShift')}))))
    (loop $next
      (local.set $segment (i32.load (local.get $at)))
      (local.set $slot (i32.add (local.get $segment) (i32.const ${SEGMENT_HEAD_BYTES})))
      (local.set $last (i32.add (local.get $slot) (i32.const ${slotsBytes})))
      (loop $block
        (if (i32.load (local.get $slot))
          (then
            (local.set $cell (i32.load offset=${slot.cell} (local.get $slot)))
            ${leave(loadSize)}))
        ${step('$slot', `(i32.const ${slot.bytes})`)}
        (br_if $block (i32.lt_u (local.get $slot) (local.get $last))))
      ;; On to the next segment: this one may have several places in the directory.
      (local.set $at (i32.add (local.get $at) (i32.shl (i32.const 4)
        (i32.sub (i32.sub (i32.const 32) ${getHeap('directoryShift')}) (i32.load offset=4 (local.get $segment))))))
      (if (local.get $close)
        (then (call $release (local.get $segment)))
        (else
          (i32.store (local.get $segment) (i32.const 0))
          (memory.fill (i32.add (local.get $segment) (i32.const ${SEGMENT_HEAD_BYTES})) (i32.const 0) (i32.const ${slotsBytes}))))
      (br_if $next (i32.lt_u (local.get $at) (local.get $end))))
    (memory.fill (global.get $heap) (i32.const 0) (i32.const ${HEAP.directory}))
    ${unlock})

  ;; Forgets what was allocated in all, and begins a new mark. REQUIRES: every heap was cleared.
  (func $forget (export "forget")
    (local $at i32) (local $end i32) (local $chunk i32)
    ${lock}
    (local.set $chunk ${get('firstChunk')})
    (loop $next
      (local.set $at (i32.add (local.get $chunk) (i32.const ${CELL_BYTES})))
      (local.set $end (i32.add (local.get $chunk) (i32.const ${CHUNK_BYTES})))
      (loop $cell
        (memory.fill (i32.add (local.get $at) (i32.const ${CELL.allocatedBytes})) (i32.const 0) (i32.const 32))
        ${step('$at', `(i32.const ${CELL_BYTES})`)}
        (br_if $cell (i32.lt_u (local.get $at) (local.get $end))))
      (local.set $chunk (i32.load (local.get $chunk)))
      (br_if $next (local.get $chunk)))
    (i64.store offset=${LEDGER.liveBytes} (i32.const 0) (i64.const 0))
    (i64.store offset=${LEDGER.peakBytes} (i32.const 0) (i64.const 0))
    ${set('rising', '(i32.const 1)')}
    ${unlock})

  ${
    shared
      ? `
  ;; Its holder may have lost the processor: now and then it is waited for, where this thread may wait at all.
  (func $lock (param $at i32)
    (local $spins i32)
    (block $taken
      (loop $again
        (br_if $taken (i32.eqz (i32.atomic.rmw.cmpxchg (local.get $at) (i32.const 0) (i32.const 1))))
        ${step('$spins', '(i32.const 1)')}
        (if (i32.and (global.get $mayWait) (i32.eqz (i32.and (local.get $spins) (i32.const ${SPINS - 1}))))
          (then (drop (memory.atomic.wait32 (local.get $at) (i32.const 1) (i64.const ${WAIT_NS})))))
        (br_if $again (i32.lt_u (local.get $spins) (i32.const ${MOST_SPINS}))))))`
      : ''
  }`;
}
