/**
 * The ledger's code for the segments of a heap: how the heap begins, how a full segment becomes two (extendible hashing, as
 * `ledger-layout.ts` draws it), and how all blocks go at once.
 */
import { HEAP, SEGMENT_HEAD_BYTES, segmentBytes } from './ledger-layout.js';
import type { LedgerTerms } from './ledger-terms.js';

/** Most bits of a hash that choose in the directory: 2^20 segments are 700 million blocks. */
const MOST_DIRECTORY_BITS = 20;

export function segmentsText(t: LedgerTerms): string {
  const { wideAddresses, shared } = t.variant;
  const spare = wideAddresses ? 'spareWideSegment' : 'spareSegment';
  return `
  ;; Makes the first directory and segments of the heap.
  (func $openHeap (export "openHeap")
    (local $heap i32) (local $at i32)
    (local.set $heap (global.get $heap))
    ${t.lock}
    (local.set $at (call $take (i32.const 8)))
    (if (i32.eqz (local.get $at)) (then (unreachable)))
    ${t.setHeap('directory', '(local.get $at)')}
    ${t.setHeap('directoryShift', '(i32.const 31)')}
    ${t.setHeap('wide', `(i32.const ${wideAddresses ? 1 : 0})`)}
    ${shared && wideAddresses ? t.set('inHaste', '(i32.const 1)') : ''}
    (i32.store (local.get $at) (call $newSegment (i32.const 1)))
    (i32.store offset=4 (local.get $at) (call $newSegment (i32.const 1)))
    (if (i32.eqz (i32.load offset=4 (local.get $at))) (then (unreachable)))
    ${t.unlock})

  ;; Replaces a segment by two. Gives 0, with nothing changed, when there is no memory.
  (func $split (param $heap i32) (param $segment i32) (param $hash i32) (result i32)
    (local $bits i32) (local $low i32) (local $high i32) (local $slot i32) (local $end i32) (local $span i32)
    (local.set $bits (i32.add (i32.load offset=4 (local.get $segment)) (i32.const 1)))
    (if (i32.lt_u (i32.sub (i32.const 32) ${t.getHeap('directoryShift')}) (local.get $bits))
      (then (if (i32.eqz (call $widen (local.get $heap))) (then (return (i32.const 0))))))
    (local.set $low (call $newSegment (local.get $bits)))
    (if (i32.eqz (local.get $low)) (then (return (i32.const 0))))
    (local.set $high (call $newSegment (local.get $bits)))
    (if (i32.eqz (local.get $high)) (then (call $release (local.get $low)) (return (i32.const 0))))
    (local.set $slot (i32.add (local.get $segment) (i32.const ${SEGMENT_HEAD_BYTES})))
    (local.set $end (i32.add (local.get $slot) (i32.const ${t.slotsBytes})))
    (loop $next
      (if (i32.load (local.get $slot))
        (then
          (if (i32.and (i32.const 1) (i32.shr_u ${t.hashOf('(i32.load (local.get $slot))')}
                (i32.sub (i32.const 32) (local.get $bits))))
            (then (call $move (local.get $high) (local.get $slot)))
            (else (call $move (local.get $low) (local.get $slot))))))
      ${t.step('$slot', `(i32.const ${t.slot.bytes})`)}
      (br_if $next (i32.lt_u (local.get $slot) (local.get $end))))
    ;; Its part of the directory: the first half of it leads to the one, the second half to the other.
    (local.set $span (i32.shl (i32.const 4) (i32.sub (i32.sub (i32.const 32) ${t.getHeap('directoryShift')}) (local.get $bits))))
    (local.set $slot (i32.add ${t.getHeap('directory')} (i32.mul (i32.shl (local.get $span) (i32.const 1))
      (i32.shr_u (local.get $hash) (i32.sub (i32.const 33) (local.get $bits))))))
    (local.set $end (i32.add (local.get $slot) (local.get $span)))
    (loop $next
      (i32.store (local.get $slot) (local.get $low))
      (i32.store (i32.add (local.get $slot) (local.get $span)) (local.get $high))
      ${t.step('$slot', '(i32.const 4)')}
      (br_if $next (i32.lt_u (local.get $slot) (local.get $end))))
    (call $release (local.get $segment))
    (i32.const 1))

  ;; Puts a copy of a slot into a segment that has room and not the key.
  (func $move (param $segment i32) (param $from i32)
    (local $slot i32)
    (local.set $slot ${t.homeOf('(local.get $segment)', t.hashOf('(i32.load (local.get $from))'))})
    (block $free
      (loop $next
        (br_if $free (i32.eqz (i32.load (local.get $slot))))
        ${t.after('$slot')}
        (br $next)))
    (call $copy (local.get $slot) (local.get $from))
    (i32.store (local.get $segment) (i32.add (i32.load (local.get $segment)) (i32.const 1))))

  ;; An empty segment, 0 when there is no memory.
  (func $newSegment (param $bits i32) (result i32)
    (local $segment i32)
    (local.set $segment ${t.get(spare)})
    (if (local.get $segment)
      (then
        ${t.set(spare, '(i32.load (local.get $segment))')}
        (i32.store (local.get $segment) (i32.const 0)))
      (else
        (local.set $segment (call $take (i32.const ${segmentBytes(wideAddresses)})))
        (if (i32.eqz (local.get $segment)) (then (return (i32.const 0))))
        (i32.store offset=${SEGMENT_HEAD_BYTES + t.slotsBytes} (local.get $segment) (i32.const 1))))
    (i32.store offset=4 (local.get $segment) (local.get $bits))
    (local.get $segment))

  (func $release (param $segment i32)
    (memory.fill (local.get $segment) (i32.const 0) (i32.const ${SEGMENT_HEAD_BYTES + t.slotsBytes}))
    (i32.store (local.get $segment) ${t.get(spare)})
    ${t.set(spare, '(local.get $segment)')})

  ;; Gives the directory one bit more; 0 when there is no memory.
  (func $widen (param $heap i32) (result i32)
    (local $entries i32) (local $new i32) (local $i i32) (local $segment i32)
    (local.set $entries (i32.shl (i32.const 1) (i32.sub (i32.const 32) ${t.getHeap('directoryShift')})))
    (if (i32.ge_u (local.get $entries) (i32.const ${2 ** MOST_DIRECTORY_BITS})) (then (return (i32.const 0))))
    (local.set $new (call $take (i32.shl (local.get $entries) (i32.const 3))))
    (if (i32.eqz (local.get $new)) (then (return (i32.const 0))))
    (loop $next
      (local.set $segment (i32.load (i32.add ${t.getHeap('directory')} (i32.shl (local.get $i) (i32.const 2)))))
      (i32.store (i32.add (local.get $new) (i32.shl (local.get $i) (i32.const 3))) (local.get $segment))
      (i32.store offset=4 (i32.add (local.get $new) (i32.shl (local.get $i) (i32.const 3))) (local.get $segment))
      ${t.step('$i', '(i32.const 1)')}
      (br_if $next (i32.lt_u (local.get $i) (local.get $entries))))
    ${t.setHeap('directory', '(local.get $new)')}
    ${t.setHeap('directoryShift', `(i32.sub ${t.getHeap('directoryShift')} (i32.const 1))`)}
    (i32.const 1))

  ;; Every block of the heap is live no more. With $close its segments are given back, and it must not be used again.
  (func $clear (export "clear") (param $close i32)
    (local $heap i32) (local $at i32) (local $end i32) (local $segment i32) (local $slot i32) (local $last i32) (local $cell i32)
    (local.set $heap (global.get $heap))
    ${t.lock}
    ${shared ? '(call $countWaiting)' : ''}
    (local.set $at ${t.getHeap('directory')})
    (local.set $end (i32.add (local.get $at) (i32.shl (i32.const 4) (i32.sub (i32.const 32) ${t.getHeap('directoryShift')}))))
    (loop $next
      (local.set $segment (i32.load (local.get $at)))
      (local.set $slot (i32.add (local.get $segment) (i32.const ${SEGMENT_HEAD_BYTES})))
      (local.set $last (i32.add (local.get $slot) (i32.const ${t.slotsBytes})))
      (loop $block
        (if (i32.load (local.get $slot))
          (then
            (local.set $cell (i32.load offset=${t.slot.cell} (local.get $slot)))
            ${t.leave(t.loadSize)}))
        ${t.step('$slot', `(i32.const ${t.slot.bytes})`)}
        (br_if $block (i32.lt_u (local.get $slot) (local.get $last))))
      ;; On to the next segment: this one may have several places in the directory.
      (local.set $at (i32.add (local.get $at) (i32.shl (i32.const 4)
        (i32.sub (i32.sub (i32.const 32) ${t.getHeap('directoryShift')}) (i32.load offset=4 (local.get $segment))))))
      (if (local.get $close)
        (then (call $release (local.get $segment)))
        (else
          (i32.store (local.get $segment) (i32.const 0))
          (memory.fill (i32.add (local.get $segment) (i32.const ${SEGMENT_HEAD_BYTES})) (i32.const 0) (i32.const ${t.slotsBytes}))))
      (br_if $next (i32.lt_u (local.get $at) (local.get $end))))
    (memory.fill (local.get $heap) (i32.const 0) (i32.const ${HEAP.directory}))
    ${t.setHeap('gaps', '(i32.const 0)')}
    ${t.unlock})`;
}
