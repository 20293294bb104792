/**
 * The ledger's code for blocks in one segment: where a key is, where it may go, and how its slot is emptied. Linear probing;
 * the word after the last slot is never 0, so that a slot can be looked at together with the next.
 */
import type { LedgerTerms } from './ledger-terms.js';

export function probingText(t: LedgerTerms): string {
  return `
  ;; The slot of a key that is not in its home; 0 when there is none.
  (func $find (param $segment i32) (param $slot i32) (param $key i32) (result i32)
    (local $found i32)
    (loop $next
      (local.set $found (i32.load (local.get $slot)))
      (if (i32.eq (local.get $found) (local.get $key)) (then (return (local.get $slot))))
      (if (i32.eqz (local.get $found)) (then (return (i32.const 0))))
      ${t.after('$slot')}
      (br $next))
    (unreachable))

  ;; A free slot for a key whose home is taken; a block that is there already counts as freed.
  (func $place (param $heap i32) (param $segment i32) (param $slot i32) (param $key i32) (result i32)
    (local $found i32) (local $cell i32)
    (loop $next
      (local.set $found (i32.load (local.get $slot)))
      (if (i32.eqz (local.get $found)) (then (return (local.get $slot))))
      (if (i32.eq (local.get $found) (local.get $key))
        (then
          (local.set $cell (i32.load offset=${t.slot.cell} (local.get $slot)))
          ${t.leave(t.loadSize)}
          ${t.addHeap('impliedFrees', '(i64.const 1)')}
          ${t.setHeap('gaps', '(i32.const 1)')}
          (i32.store (local.get $segment) (i32.sub (i32.load (local.get $segment)) (i32.const 1)))
          (return (local.get $slot))))
      ${t.after('$slot')}
      (br $next))
    (unreachable))

  ;; Empties a slot and moves up what had to pass by it, so that no gap is left in front of a block.
  (func $erase (param $segment i32) (param $slot i32)
    (local $at i32) (local $key i32) (local $home i32)
    (local.set $at (local.get $slot))
    (block $done
      (loop $next
        ${t.after('$at')}
        (local.set $key (i32.load (local.get $at)))
        (br_if $done (i32.eqz (local.get $key)))
        (local.set $home ${t.homeOf('(local.get $segment)', t.hashOf('(local.get $key)'))})
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
    (${t.A}.store offset=8 (local.get $to) (${t.A}.load offset=8 (local.get $from))))`;
}
