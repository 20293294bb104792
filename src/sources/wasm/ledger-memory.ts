/** The ledger's code for its memory: what stands at its beginning, how more is given out, and the lock of who shares it. */
import { CELL_BYTES, CHUNK_BYTES, HEAP, LEDGER, MOST_SHARED_HEAPS } from './ledger-layout.js';
import type { LedgerTerms } from './ledger-terms.js';

/** Spins on a lock (a power of two) before it is waited for, for so long. */
const SPINS = 256;
const WAIT_NS = 50_000;
/** Spins before a lock is taken from its holder, which must be a thread that was stopped in the middle: seconds. */
const MOST_SPINS = 20_000_000;

const FIRST_BUCKET_BITS = 10;

export function memoryText(t: LedgerTerms): string {
  const { shared } = t.variant;
  const locked = (address: string, code: string): string =>
    shared ? `(call $lock ${address}) ${code} (i32.atomic.store ${address} (i32.const 0))` : code;
  return `
  ;; Makes the first buckets and cells. Traps when there is no memory.
  (func $open (export "open")
    (local $at i32)
    ${t.set('top', `(i32.const ${LEDGER.end + (shared ? MOST_SHARED_HEAPS * HEAP.bytes : 0)})`)}
    ${t.set('entries', '(i32.const 1)')}
    ${t.set('epoch', '(i32.const 1)')}
    ${t.set('buckets', `(call $take (i32.const ${4 << FIRST_BUCKET_BITS}))`)}
    ${t.set('bucketShift', `(i32.const ${64 - FIRST_BUCKET_BITS})`)}
    (local.set $at (call $take (i32.const ${CHUNK_BYTES})))
    (if (i32.eqz (local.get $at)) (then (unreachable)))
    ${t.set('firstChunk', '(local.get $at)')}
    ${t.set('lastChunk', '(local.get $at)')}
    ${t.set('cells', '(i32.const 1)')}
    ${t.set('nextCell', `(i32.add (local.get $at) (i32.const ${2 * CELL_BYTES}))`)})

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

  ${
    shared
      ? `
  ;; Its holder may have lost the processor: now and then it is waited for, where this thread may wait at all.
  (func $lock (param $at i32)
    (local $spins i32)
    (block $taken
      (loop $again
        (br_if $taken (i32.eqz (i32.atomic.rmw.cmpxchg (local.get $at) (i32.const 0) (i32.const 1))))
        ${t.step('$spins', '(i32.const 1)')}
        (if (i32.and (global.get $mayWait) (i32.eqz (i32.and (local.get $spins) (i32.const ${SPINS - 1}))))
          (then (drop (memory.atomic.wait32 (local.get $at) (i32.const 1) (i64.const ${WAIT_NS})))))
        (br_if $again (i32.lt_u (local.get $spins) (i32.const ${MOST_SPINS}))))))`
      : ''
  }`;
}
