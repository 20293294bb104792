/**
 * The ledger's code for what a rewritten module tells: its three exports of `HOOK_SLOTS`.
 *
 * A block has a slot at once, but what it adds to the sums of cell, heap and ledger waits for what comes next. If that is
 * the block's own free, as it often is, two sums are all that remains to be written. Anything else has it counted first, so
 * that all is counted in the order in which it happened; so has everyone who reads.
 *
 *     allocated a | freed a                  a passed by
 *     allocated a | allocated b | freed a    a is counted; b is; a leaves
 *
 * Not so with 64-bit addresses, whose slots are others; once there is a heap of such, no block waits any more.
 */
import { CELL, HEAP, LEDGER, SEGMENT_LIMIT } from './ledger-layout.js';
import type { LedgerTerms } from './ledger-terms.js';

export function eventsText(t: LedgerTerms): string {
  const { A } = t;
  const { contexts, wideAddresses } = t.variant;
  const waits = !wideAddresses;
  const site = contexts ? '(param $context i64) (param $entry i32) (result i32)' : '';
  const same = contexts ? '(local.get $entry)' : '';
  const silent = `(i32.or (global.get $busy) ${t.get('stopped')})`;
  const tick = `
    (global.set $left (i32.sub (global.get $left) (i32.const 1)))
    (if (i32.lt_s (global.get $left) (i32.const 0)) (then (call $pause)))`;
  const locals = `(local $key i32) (local $size ${A}) (local $cell i32) (local $heap i32) (local $hash i32)
    (local $segment i32) (local $slot i32) (local $bytes i64) (local $live i64) (local $count i32)`;
  /** Gives the block at $key of $size a slot in $heap, on the account of $cell. */
  const enter = `
    (local.set $hash ${t.hashOf('(local.get $key)')})
    (local.set $segment ${t.segmentOf})
    (local.set $slot ${t.homeOf('(local.get $segment)', '(local.get $hash)')})
    (if (i32.load (local.get $slot))
      (then (local.set $slot (call $place (local.get $heap) (local.get $segment) (local.get $slot) (local.get $key)))))
    (i32.store (local.get $slot) (local.get $key))
    ${t.storeSize('$size')}
    (i32.store offset=${t.slot.cell} (local.get $slot) (local.get $cell))`;

  /** Counts the block in $slot, of $cell, in $segment of $heap. */
  const count = `
    (local.set $bytes ${t.loadSize})
    ${t.note}
    ${t.addCell('allocatedBytes', '(local.get $bytes)')}
    ${t.addCell('allocatedBlocks', '(i64.const 1)')}
    (local.set $live (i64.add (i64.load offset=${HEAP.liveBytes} (local.get $heap)) (local.get $bytes)))
    (i64.store offset=${HEAP.liveBytes} (local.get $heap) (local.get $live))
    (if (i64.gt_s (local.get $live) (i64.load offset=${HEAP.peakBytes} (local.get $heap)))
      (then (i64.store offset=${HEAP.peakBytes} (local.get $heap) (local.get $live))))
    (local.set $live (i64.add (i64.load offset=${LEDGER.liveBytes} (i32.const 0)) (local.get $bytes)))
    (i64.store offset=${LEDGER.liveBytes} (i32.const 0) (local.get $live))
    (if (i64.gt_s (local.get $live) (i64.load offset=${LEDGER.peakBytes} (i32.const 0)))
      (then
        (i64.store offset=${LEDGER.peakBytes} (i32.const 0) (local.get $live))
        ${t.set('rising', '(i32.const 1)')}))
    (local.set $count (i32.add (i32.load (local.get $segment)) (i32.const 1)))
    (i32.store (local.get $segment) (local.get $count))
    (if (i32.ge_u (local.get $count) (i32.const ${SEGMENT_LIMIT}))
      (then (if (i32.eqz (call $split (local.get $heap) (local.get $segment) ${t.hashOf('(i32.load (local.get $slot))')}))
        (then ${t.set('stopped', '(i32.const 1)')}))))`;

  /** Counts the block in $slot, which is the one that waits, of whatever heap. */
  const countWaiting = `
    ${t.set('waitingSlot', '(i32.const 0)')}
    (local.set $cell (i32.load offset=${t.slot.cell} (local.get $slot)))
    (local.set $segment ${t.get('waitingSegment')})
    (local.set $heap ${t.get('waitingHeap')})
    ${count}`;
  const settle = `
    (local.set $slot ${t.get('waitingSlot')})
    (if (local.get $slot) (then ${countWaiting}))`;

  /** Empties $slot in $segment. */
  const empty = `
    (if (i32.load offset=${t.slot.bytes} (local.get $slot))
      (then (call $erase (local.get $segment) (local.get $slot)))
      (else (i32.store (local.get $slot) (i32.const 0))))`;

  /** Takes the block at $key out of the table; what it was leaves $slot at 0 where there is none. */
  const take = `
    (local.set $hash ${t.hashOf('(local.get $key)')})
    (local.set $segment ${t.segmentOf})
    (local.set $slot ${t.homeOf('(local.get $segment)', '(local.get $hash)')})
    (if (i32.ne (i32.load (local.get $slot)) (local.get $key))
      (then (local.set $slot (call $find (local.get $segment) (local.get $slot) (local.get $key)))))
    (if (local.get $slot)
      (then
        (local.set $cell (i32.load offset=${t.slot.cell} (local.get $slot)))
        ${t.leave(t.loadSize)}
        (i32.store (local.get $segment) (i32.sub (i32.load (local.get $segment)) (i32.const 1)))
        ${empty})
      (else
        (if (i32.eqz (i32.or (global.get $busy) (local.get $nested)))
          (then ${t.addHeap('unmatchedFrees', '(i64.const 1)')}))))`;

  const chooseCell = contexts
    ? `
    (if (i32.eqz (local.get $entry)) (then (local.set $entry (call $entered (local.get $context)))))
    ${t.lock}
    (local.set $context (i64.xor (local.get $context) (global.get $module)))
    (local.set $chosen (i32.load ${t.bucketOf('(local.get $context)', '(local.get $entry)')}))
    (if (i32.or
          (i32.eqz (i64.eq (i64.load (local.get $chosen)) (local.get $context)))
          (i32.ne (i32.load offset=${CELL.entry} (local.get $chosen)) (local.get $entry)))
      (then (local.set $chosen (call $cellOf (local.get $context) (local.get $entry)))))`
    : `
    (global.set $skip (i32.sub (global.get $skip) (i32.const 1)))
    (if (i32.lt_s (global.get $skip) (i32.const 0))
      (then
        (local.set $chosen (call $sampled))
        ${t.lock}
        (local.set $chosen (call $cellOfRecord (local.get $chosen))))
      (else
        ${t.lock}
        (local.set $chosen ${t.firstCell})))`;

  const waitOrCount = waits
    ? `
    ${t.set('waitingSlot', '(local.get $slot)')}
    ${t.set('waitingSegment', '(local.get $segment)')}
    ${t.set('waitingHeap', '(local.get $heap)')}
    (if ${t.get('inHaste')} (then (call $countWaiting)))`
    : count;

  /** Returns if it is the block that waits that is freed, unless it was part of a new peak. */
  const passBy = `
    (local.set $slot ${t.get('waitingSlot')})
    (if (local.get $slot)
      (then
        (if (i32.and
              (i32.eq (i32.load (local.get $slot)) (local.get $pointer))
              (i32.eq ${t.get('waitingHeap')} (global.get $heap)))
          (then
            (local.set $bytes ${t.loadSize})
            (if (i32.and
                  (i64.le_s (i64.add (local.get $bytes) (i64.load offset=${LEDGER.liveBytes} (i32.const 0)))
                    (i64.load offset=${LEDGER.peakBytes} (i32.const 0)))
                  (i64.le_s (i64.add (local.get $bytes) (i64.load offset=${HEAP.liveBytes} (global.get $heap)))
                    (i64.load offset=${HEAP.peakBytes} (global.get $heap))))
              (then
                (local.set $cell (i32.load offset=${t.slot.cell} (local.get $slot)))
                ${t.addCell('passedBytes', '(local.get $bytes)')}
                ${t.addCell('passedBlocks', '(i64.const 1)')}
                (local.set $segment ${t.get('waitingSegment')})
                ${t.set('waitingSlot', '(i32.const 0)')}
                ${empty}
                ${t.unlock}
                (return)))))
        ${countWaiting}))`;

  return `
  (func $allocated (export "allocated") (param $pointer ${A}) (param $asked ${A}) ${site}
    (local $chosen i32) ${locals}
    (if ${silent} (then (call $silent) (return ${same})))
    (if (i32.eqz ${t.keyOf('$pointer')}) (then (return ${same})))
    ${chooseCell}
    ${waits ? settle : ''}
    (local.set $key ${t.keyOf('$pointer')})
    (local.set $size (local.get $asked))
    (local.set $cell (local.get $chosen))
    (local.set $heap (global.get $heap))
    ${enter}
    ${waitOrCount}
    ${t.unlock}
    ${tick}
    ${same})

  ;; Nothing more is added: the first time because of the memory, this is told.
  (func $silent
    (if (i32.ne ${t.get('stopped')} (i32.const 1)) (then (return)))
    ${t.set('stopped', '(i32.const 2)')}
    (call $full))

  (func $freed (export "freed") (param $pointer ${A}) (param $nested i32)
    ${locals}
    ${t.lock}
    ${waits ? passBy : ''}
    (local.set $key ${t.keyOf('$pointer')})
    (local.set $heap (global.get $heap))
    ${take}
    ${t.unlock}
    (if (i32.eqz (global.get $busy)) (then ${tick})))

  ;; A failed one leaves the block as it was; size 0 may give null, and the block is gone.
  (func $reallocated (export "reallocated") (param $from ${A}) (param $size ${A}) (param $pointer ${A}) ${site}
    (if (i32.and (${A}.eqz (local.get $pointer)) (i32.eqz (${A}.eqz (local.get $size)))) (then (return ${same})))
    (if (i32.eqz (${A}.eqz (local.get $from))) (then (call $freed (local.get $from) (i32.const 0))))
    (call $allocated (local.get $pointer) (local.get $size) ${contexts ? '(local.get $context) (local.get $entry)' : ''}))

  (func $countWaiting
    ${locals}
    ${waits ? settle : ''})

  ;; After it no block waits to be counted.
  (func $settle (export "settle")
    ${t.lock}
    (call $countWaiting)
    ${t.unlock})`;
}
