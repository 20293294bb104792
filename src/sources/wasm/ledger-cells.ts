/**
 * The ledger's code for cells: which one a context reached from an entry has. JavaScript is asked what is not known yet.
 */
import { CELL, CELL_BYTES, CHUNK_BYTES, LEDGER, MOST_CELLS } from './ledger-layout.js';
import type { LedgerTerms } from './ledger-terms.js';

export function cellsText(t: LedgerTerms): string {
  const cellLive = (what: 'Bytes' | 'Blocks'): string =>
    `(i64.sub (i64.load offset=${CELL[`allocated${what}`]} (local.get $cell))
      (i64.load offset=${CELL[`freed${what}`]} (local.get $cell)))`;
  return `
  (func $note (param $cell i32)
    (i32.store offset=${CELL.epoch} (local.get $cell) ${t.get('epoch')})
    (i64.store offset=${CELL.markBytes} (local.get $cell) ${cellLive('Bytes')})
    (i64.store offset=${CELL.markBlocks} (local.get $cell) ${cellLive('Blocks')}))

  ;; The cell of a context (as it is in cells) and entry; 0 when there is none.
  (func $findCell (param $context i64) (param $entry i32) (result i32)
    (local $cell i32)
    (local.set $cell (i32.load ${t.bucketOf('(local.get $context)', '(local.get $entry)')}))
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
    (if (i32.ge_u ${t.get('cells')} (i32.const ${MOST_CELLS}))
      (then (return ${t.firstCell})))
    ${t.unlock}
    (local.set $raw (i64.xor (local.get $context) (global.get $module)))
    (local.set $record (call $discover (i32.wrap_i64 (local.get $raw))
      (i32.wrap_i64 (i64.shr_u (local.get $raw) (i64.const 32))) (local.get $entry)))
    ;; A record that is not of this context: all of the entry share one cell, that of context 0, which is none.
    (if (i32.lt_s (local.get $record) (i32.const 0))
      (then
        (local.set $context (global.get $module))
        (local.set $record (i32.sub (i32.const -1) (local.get $record)))))
    ${t.lock}
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
    (local.set $cell ${t.get('nextCell')})
    (if (i32.ge_u ${t.get('cells')} (i32.const ${MOST_CELLS}))
      (then (return ${t.firstCell})))
    (if (i32.eq (local.get $cell) (i32.add ${t.get('lastChunk')} (i32.const ${CHUNK_BYTES})))
      (then
        (local.set $chunk (call $take (i32.const ${CHUNK_BYTES})))
        (if (i32.eqz (local.get $chunk))
          (then
            ${t.set('cells', `(i32.const ${MOST_CELLS})`)}
            (return ${t.firstCell})))
        (i32.store ${t.get('lastChunk')} (local.get $chunk))
        ${t.set('lastChunk', '(local.get $chunk)')}
        (local.set $cell (i32.add (local.get $chunk) (i32.const ${CELL_BYTES})))))
    (i64.store (local.get $cell) (local.get $context))
    (i32.store offset=${CELL.entry} (local.get $cell) (local.get $entry))
    (i32.store offset=${CELL.record} (local.get $cell) (local.get $record))
    (local.set $bucket ${t.bucketOf('(local.get $context)', '(local.get $entry)')})
    (i32.store offset=${CELL.next} (local.get $cell) (i32.load (local.get $bucket)))
    (i32.store (local.get $bucket) (local.get $cell))
    ${t.set('nextCell', `(i32.add (local.get $cell) (i32.const ${CELL_BYTES}))`)}
    ${t.set('cells', `(i32.add ${t.get('cells')} (i32.const 1))`)}
    ;; More than two cells a bucket: four times the buckets.
    (if (i32.gt_u ${t.get('cells')} (i32.shl (i32.const 2) (i32.sub (i32.const 64) ${t.get('bucketShift')})))
      (then (call $addBuckets)))
    (local.get $cell))

  (func $addBuckets
    (local $new i32) (local $chunk i32) (local $cell i32) (local $bucket i32)
    (local.set $new (call $take (i32.shl (i32.const 16) (i32.sub (i32.const 64) ${t.get('bucketShift')}))))
    (if (i32.eqz (local.get $new)) (then (return)))
    ${t.set('buckets', '(local.get $new)')}
    ${t.set('bucketShift', `(i32.sub ${t.get('bucketShift')} (i32.const 2))`)}
    (local.set $chunk ${t.get('firstChunk')})
    (local.set $cell (i32.add (local.get $chunk) (i32.const ${2 * CELL_BYTES})))
    (loop $next
      (if (i32.eq (local.get $cell) (i32.add (local.get $chunk) (i32.const ${CHUNK_BYTES})))
        (then
          (local.set $chunk (i32.load (local.get $chunk)))
          (local.set $cell (i32.add (local.get $chunk) (i32.const ${CELL_BYTES})))))
      (local.set $bucket ${t.bucketOf('(i64.load (local.get $cell))', `(i32.load offset=${CELL.entry} (local.get $cell))`)})
      (i32.store offset=${CELL.next} (local.get $cell) (i32.load (local.get $bucket)))
      (i32.store (local.get $bucket) (local.get $cell))
      ${t.step('$cell', `(i32.const ${CELL_BYTES})`)}
      (br_if $next (i32.ne (local.get $cell) ${t.get('nextCell')}))))

  ;; The entry of a call from JavaScript that allocates for the first time. The cell with entry 0 is the context's gate.
  (func $entered (param $context i64) (result i32)
    (local $gate i32)
    (if (i32.eqz (global.get $always))
      (then
        (global.set $skip (i32.sub (global.get $skip) (i32.const 1)))
        (if (i32.eqz (i32.lt_s (global.get $skip) (i32.const 0))) (then (return (i32.const 1))))))
    (local.set $context (i64.xor (local.get $context) (global.get $module)))
    ${t.lock}
    (local.set $gate (call $findCell (local.get $context) (i32.const 0)))
    (if (i32.eqz (local.get $gate))
      (then (local.set $gate (call $newCell (local.get $context) (i32.const 0) (i32.const 0)))))
    ${t.unlock}
    (if (i32.and (global.get $always) (i32.ne (i32.load offset=${CELL.assumedCalls} (local.get $gate)) (i32.const 0)))
      (then
        (i32.store offset=${CELL.assumedCalls} (local.get $gate)
          (i32.sub (i32.load offset=${CELL.assumedCalls} (local.get $gate)) (i32.const 1)))
        (return (i32.load offset=${CELL.assumedEntry} (local.get $gate)))))
    (call $enter (local.get $gate)))

  ;; Forgets what was allocated in all, and begins a new mark. REQUIRES: every heap was cleared.
  (func $forget (export "forget")
    (local $at i32) (local $end i32) (local $chunk i32)
    ${t.lock}
    (local.set $chunk ${t.get('firstChunk')})
    (loop $next
      (local.set $at (i32.add (local.get $chunk) (i32.const ${CELL_BYTES})))
      (local.set $end (i32.add (local.get $chunk) (i32.const ${CHUNK_BYTES})))
      (loop $cell
        (memory.fill (i32.add (local.get $at) (i32.const ${CELL.allocatedBytes})) (i32.const 0) (i32.const 32))
        (memory.fill (i32.add (local.get $at) (i32.const ${CELL.passedBytes})) (i32.const 0) (i32.const 16))
        ${t.step('$at', `(i32.const ${CELL_BYTES})`)}
        (br_if $cell (i32.lt_u (local.get $at) (local.get $end))))
      (local.set $chunk (i32.load (local.get $chunk)))
      (br_if $next (local.get $chunk)))
    (i64.store offset=${LEDGER.liveBytes} (i32.const 0) (i64.const 0))
    (i64.store offset=${LEDGER.peakBytes} (i32.const 0) (i64.const 0))
    ${t.set('rising', '(i32.const 1)')}
    ${t.unlock})`;
}
