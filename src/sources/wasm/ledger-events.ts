/**
 * The ledger's code for what a rewritten module tells: its three exports of `HOOK_SLOTS`.
 *
 * What a block adds to the table and the sums waits for what comes next (`waiting-block.ts`), in globals of the module; in a
 * ledger that threads share in its memory, and then the module does nothing by itself. Anything but the block's own free has it
 * counted first, so that all is counted in the order in which it happened; so has everyone who reads. Of several modules one at a time
 * holds the right to that: another one asks JavaScript for it (`hold`), which has the present holder settled.
 *
 * A block waits only
 *
 *   - on the account of its own context: one that is to be asked for again must be told again;
 *   - when it makes no new high-water mark;
 *   - in a heap of which no free was missed: else its address may be that of a block in the table;
 *   - in a shared ledger, while there are no heaps with 64-bit addresses, whose slots are others.
 */
import { CELL, HEAP, LEDGER, SEGMENT_LIMIT } from './ledger-layout.js';
import type { LedgerTerms } from './ledger-terms.js';

export function eventsText(t: LedgerTerms): string {
  const { A } = t;
  const { contexts, shared, wideAddresses } = t.variant;
  const waits = !(shared && wideAddresses);
  const site = contexts ? '(param $context i64) (param $entry i32) (result i32)' : '';
  const same = contexts ? '(local.get $entry)' : '';
  const silent = `(i32.or (global.get $busy) ${t.get('stopped')})`;
  const tick = `
    (global.set $left (i32.sub (global.get $left) (i32.const 1)))
    (if (i32.lt_s (global.get $left) (i32.const 0)) (then (call $pause)))`;
  const locals = `(local $key i32) (local $size ${A}) (local $cell i32) (local $heap i32) (local $hash i32)
    (local $segment i32) (local $slot i32) (local $bytes i64) (local $live i64) (local $count i32) (local $room i64)`;

  /** Gives the block at $key of $size a slot in $heap, on the account of $cell, and counts it. */
  const put = `
    (local.set $hash ${t.hashOf('(local.get $key)')})
    (local.set $segment ${t.segmentOf})
    (local.set $slot ${t.homeOf('(local.get $segment)', '(local.get $hash)')})
    (if (i32.load (local.get $slot))
      (then (local.set $slot (call $place (local.get $heap) (local.get $segment) (local.get $slot) (local.get $key)))))
    (i32.store (local.get $slot) (local.get $key))
    ${t.storeSize('$size')}
    (i32.store offset=${t.slot.cell} (local.get $slot) (local.get $cell))
    (local.set $bytes ${t.wide('(local.get $size)')})
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
      (then (if (i32.eqz (call $split (local.get $heap) (local.get $segment) (local.get $hash)))
        (then ${t.set('stopped', '(i32.const 1)')}))))`;

  const settle = !waits
    ? ''
    : `
    (if (i32.eqz (${A}.eqz ${t.waiting('address')}))
      (then
        (local.set $key ${t.keyOf(t.waiting('address'))})
        (local.set $size ${t.waiting('bytes')})
        (local.set $cell ${t.waiting('cell')})
        (local.set $heap ${t.waiting('heap')})
        ${t.setWaiting('address', `(${A}.const 0)`)}
        ${put}))`;

  /** Lets $room be the most bytes that a block in $heap may have that waits, -1 if none may. */
  const measure = `
    (local.set $room (i64.const -1))
    (if (i32.eqz (i32.or (i32.or ${silent} ${t.getHeap('gaps')}) ${shared ? t.get('inHaste') : '(i32.const 0)'}))
      (then
        (local.set $room (i64.sub (i64.load offset=${LEDGER.peakBytes} (i32.const 0)) (i64.load offset=${LEDGER.liveBytes} (i32.const 0))))
        (local.set $live (i64.sub (i64.load offset=${HEAP.peakBytes} (local.get $heap)) (i64.load offset=${HEAP.liveBytes} (local.get $heap))))
        (if (i64.lt_s (local.get $live) (local.get $room)) (then (local.set $room (local.get $live))))))`;
  /** Leaves it to the module which blocks wait. */
  const grant = shared ? '' : `${measure} (global.set $room (local.get $room))`;

  const hold = shared
    ? ''
    : `
    (if (i32.eqz (global.get $holds))
      (then
        (call $hold)
        (global.set $holds (i32.const 1))
        ${contexts ? '' : `(global.set $account ${t.firstCell})`}))`;

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
  const isOwnCell = contexts
    ? '(i64.eq (i64.load (local.get $chosen)) (local.get $context))'
    : `(i32.eq (local.get $chosen) ${t.firstCell})`;

  /** Has what waits from now on, and what passes by, be on the account of $chosen. */
  const account = shared
    ? `${t.set('waitingCell', '(local.get $chosen)')} ${t.set('waitingHeap', '(local.get $heap)')}`
    : !contexts
      ? ''
      : `
    (if (i32.ne (local.get $chosen) (global.get $account))
      (then
        (call $collect)
        (global.set $account (local.get $chosen))
        (global.set $knownContext (i64.xor (local.get $context) (global.get $module)))
        (global.set $knownEntry (local.get $entry))))`;

  /** Has the new block wait if it may, else counts it. */
  const putOrWait = !waits
    ? '(call $put (local.get $pointer) (local.get $asked) (local.get $chosen))'
    : `
    ${measure}
    (if (i32.and ${isOwnCell} (i64.le_s ${t.wide('(local.get $asked)')} (local.get $room)))
      (then
        ${account}
        ${t.setWaiting('address', '(local.get $pointer)')}
        ${t.setWaiting('bytes', '(local.get $asked)')})
      (else
        (call $put (local.get $pointer) (local.get $asked) (local.get $chosen))
        ${shared ? '' : measure}))
    ${shared ? '' : '(global.set $room (local.get $room))'}`;

  /** Returns if it is the block that waits that is freed. */
  const isWaiting = `(${A}.eq ${t.waiting('address')} (local.get $pointer))`;
  const passBy = !waits
    ? ''
    : `
    (if ${shared ? `(i32.and ${isWaiting} (i32.eq ${t.waiting('heap')} (local.get $heap)))` : isWaiting}
      (then
        (local.set $cell ${t.waiting('cell')})
        ${t.addCell('passedBytes', t.wide(t.waiting('bytes')))}
        ${t.addCell('passedBlocks', '(i64.const 1)')}
        ${t.setWaiting('address', `(${A}.const 0)`)}
        ${t.unlock}
        (return)))`;

  return `
  (func $allocated (export "allocated") (param $pointer ${A}) (param $asked ${A}) ${site}
    (local $chosen i32) ${locals}
    (if ${silent} (then (call $silent) (return ${same})))
    (if (i32.eqz ${t.keyOf('(local.get $pointer)')}) (then (return ${same})))
    ${chooseCell}
    ${hold}
    ${settle}
    (local.set $heap (global.get $heap))
    ${putOrWait}
    ${t.unlock}
    ${tick}
    ${same})

  ;; Counts a block that must not wait.
  (func $put (param $pointer ${A}) (param $size ${A}) (param $cell i32)
    (local $key i32) (local $heap i32) (local $hash i32) (local $segment i32) (local $slot i32) (local $bytes i64)
    (local $live i64) (local $count i32)
    (local.set $key ${t.keyOf('(local.get $pointer)')})
    (local.set $heap (global.get $heap))
    ${put})

  ;; Nothing more is added: the first time because of the memory, this is told.
  (func $silent
    (if (i32.ne ${t.get('stopped')} (i32.const 1)) (then (return)))
    ${t.set('stopped', '(i32.const 2)')}
    (call $full))

  (func $freed (export "freed") (param $pointer ${A}) (param $nested i32)
    ${locals}
    ${t.lock}
    ${hold}
    (local.set $heap (global.get $heap))
    ${passBy}
    ${settle}
    (local.set $heap (global.get $heap))
    (local.set $key ${t.keyOf('(local.get $pointer)')})
    ${take}
    ${grant}
    ${t.unlock}
    (if (i32.eqz (global.get $busy)) (then ${tick})))

  ;; A failed one leaves the block as it was; size 0 may give null, and the block is gone.
  (func $reallocated (export "reallocated") (param $from ${A}) (param $size ${A}) (param $pointer ${A}) ${site}
    (if (i32.and (${A}.eqz (local.get $pointer)) (i32.eqz (${A}.eqz (local.get $size)))) (then (return ${same})))
    (if (i32.eqz (${A}.eqz (local.get $from))) (then (call $freed (local.get $from) (i32.const 0))))
    (call $allocated (local.get $pointer) (local.get $size) ${contexts ? '(local.get $context) (local.get $entry)' : ''}))

  (func $countWaiting
    ${locals}
    ${settle})
  ${
    shared
      ? ''
      : `
  ;; Adds what has passed by to its cell.
  (func $collect
    (local $cell i32)
    (if (i64.eqz (global.get $passedBlocks)) (then (return)))
    (local.set $cell (global.get $account))
    ${t.addCell('passedBytes', '(global.get $passedBytes)')}
    ${t.addCell('passedBlocks', '(global.get $passedBlocks)')}
    (global.set $passedBytes (i64.const 0))
    (global.set $passedBlocks (i64.const 0)))`
  }

  (func $draw (export "draw") (param $next i32) (param $each i32)
    (global.set $skip (local.get $next))
    (global.set $always (local.get $each)))

  ;; After it no block waits to be counted, and in an unshared ledger none will before this is called again.
  (func $settle (export "settle")
    ${t.lock}
    (call $countWaiting)
    ${
      shared
        ? ''
        : `
    (call $collect)
    (global.set $room (i64.const -1))
    (global.set $holds (i32.const 0))`
    }
    ${t.unlock})`;
}
