/**
 * Replays a journal into a live table, in WebAssembly: what `LiveTable.put` and `take` do for blocks without a stack, one
 * after the other, and what `LiveSites` makes of them, all in one loop over the memory that `block-words.ts` draws. Ends before the
 * first entry that is not of the usual kind: a key that is live already or not at all, a block of a captured site or of
 * 2 GiB and more, and the last free block, which the table adds more after.
 *
 * While there are many blocks each operation waits for the memory of its own, one after the other. So all that they will look
 * at is loaded first, which the processor does for many at a time, since nothing there depends on anything.
 *
 * Its bytes are made when a program counts enough to need them.
 */
import { assembleText } from '../wat/wat-assembler.js';
import {
  BYTES,
  FIRST_HOME,
  FREE,
  FREED,
  GROUP_HOMES,
  GROUP_WORDS,
  HASH_FACTOR,
  HASH_FOLD,
  HASH_SHIFT,
  LINK,
  SITE,
  SUMS_AT,
  TABLE_AT,
} from './block-words.js';
import { UNCAPTURED } from './live-sites.js';

/** A table of so many homes, half a megabyte, does not stay in the cache nearest to the processor. */
const LOADS_FIRST = 24_000;

const SUM = { bytes: 0, blocks: 8, peakBytes: 16, peakBlocks: 24, allocatedBytes: 32, freed: 40 };

/** @param shared whether the memory is */
export function replayProgram(shared: boolean): Uint8Array {
  return assembleText(`
  (import "otrace" "memory" (memory 1 65536 ${shared ? 'shared' : ''}))

  ;; Of the entries from $at to $end, addresses in bytes: the address of the first that was not done.
  (func $replay (export "replay") (param $at i32) (param $end i32) (param $homes i32) (param $top i32) (result i32)
    (local $key i32) (local $word i32) (local $home i32) (local $first i32) (local $second i32)
    (local $block i32) (local $reference i32) (local $other i32) (local $free i32)
    (local $bytes f64) (local $blocks f64) (local $peakBytes f64) (local $peakBlocks f64)
    (local $allocatedBytes f64) (local $size f64) (local $one f64) (local $freed i32)
    ${(['bytes', 'blocks', 'peakBytes', 'peakBlocks'] as const)
      .map((sum) => `(local.set $${sum} (f64.load offset=${SUMS_AT + SUM[sum]} (i32.const 0)))`)
      .join('\n')}
    (local.set $one (f64.convert_i32_s (i32.const 1)))
    (if (i32.gt_u (local.get $homes) (i32.const ${LOADS_FIRST})) (then (call $fetch (local.get $at) (local.get $end)
      (local.get $homes) (local.get $top))))
    (local.set $free ${link('(i32.const 0)', FREE)})
    (block $done (loop $entries
      (br_if $done (i32.ge_u (local.get $at) (local.get $end)))
      (local.set $key (i32.load (local.get $at)))
      (local.set $word (i32.load offset=4 (local.get $at)))
      ${setHome}
      (i32.store offset=${TABLE_AT} (i32.const 0) (i32.xor (local.get $key) (i32.const -1)))
      (local.set $first ${link('(local.get $home)', 0)})
      (local.set $second ${link('(local.get $first)')})
      (if (i32.eq (local.get $word) (i32.const ${FREED}))
        (then
          (local.set $other (i32.ne ${word('(local.get $first)')} (local.get $key)))
          (local.set $block (select (local.get $second) (local.get $first) (local.get $other)))
          (local.set $reference (select (i32.add (local.get $first) (i32.const ${4 * LINK})) (local.get $home) (local.get $other)))
          (block $found (loop $chain
            (br_if $found (i32.eq ${word('(local.get $block)')} (local.get $key)))
            (br_if $done (i32.eqz (local.get $block)))
            (local.set $reference (i32.add (local.get $block) (i32.const ${4 * LINK})))
            (local.set $block ${link('(local.get $block)')})
            (br $chain)))
          (local.set $word ${word('(local.get $block)', BYTES)})
          (br_if $done (i32.lt_s (local.get $word) (i32.const 0)))
          (br_if $done (i32.ne ${word('(local.get $block)', SITE)} (i32.const ${UNCAPTURED})))
          ${setWord('(local.get $reference)', 0, word('(local.get $block)', LINK))}
          ${setWord('(local.get $block)', SITE, `(i32.const ${~UNCAPTURED})`)}
          ${setWord('(local.get $block)', LINK, '(i32.shr_u (local.get $free) (i32.const 2))')}
          (local.set $free (local.get $block))
          (local.set $bytes (f64.sub (local.get $bytes) (f64.convert_i32_s (local.get $word))))
          (local.set $blocks (f64.sub (local.get $blocks) (local.get $one)))
          (local.set $freed (i32.const 1)))
        (else
          (br_if $done (i32.or (i32.eq ${word('(local.get $first)')} (local.get $key))
            (i32.eq ${word('(local.get $second)')} (local.get $key))))
          (local.set $block ${link('(local.get $second)')})
          (block $absent (loop $chain
            (br_if $absent (i32.eqz (local.get $block)))
            (br_if $done (i32.eq ${word('(local.get $block)')} (local.get $key)))
            (local.set $block ${link('(local.get $block)')})
            (br $chain)))
          (local.set $block (local.get $free))
          (local.set $other ${link('(local.get $free)')})
          (br_if $done (i32.eqz (local.get $other)))
          (local.set $free (local.get $other))
          ${setWord('(local.get $block)', 0, '(local.get $key)')}
          ${setWord('(local.get $block)', BYTES, '(local.get $word)')}
          ${setWord('(local.get $block)', SITE, `(i32.const ${UNCAPTURED})`)}
          ${setWord('(local.get $block)', LINK, '(i32.shr_u (local.get $first) (i32.const 2))')}
          ${setWord('(local.get $home)', 0, '(i32.shr_u (local.get $block) (i32.const 2))')}
          (local.set $size (f64.convert_i32_s (local.get $word)))
          (local.set $allocatedBytes (f64.add (local.get $allocatedBytes) (local.get $size)))
          (local.set $bytes (f64.add (local.get $bytes) (local.get $size)))
          (local.set $blocks (f64.add (local.get $blocks) (local.get $one)))
          (if (f64.gt (local.get $bytes) (local.get $peakBytes))
            (then
              (local.set $peakBytes (local.get $bytes))
              (local.set $peakBlocks (local.get $blocks))
              (local.set $freed (i32.const 0))))))
      (local.set $at (i32.add (local.get $at) (i32.const 8)))
      (br $entries)))
    ${setWord('(i32.const 0)', FREE, '(i32.shr_u (local.get $free) (i32.const 2))')}
    ${(['bytes', 'blocks', 'peakBytes', 'peakBlocks', 'allocatedBytes'] as const)
      .map((sum) => `(f64.store offset=${SUMS_AT + SUM[sum]} (i32.const 0) (local.get $${sum}))`)
      .join('\n')}
    (f64.store offset=${SUMS_AT + SUM.freed} (i32.const 0) (f64.convert_i32_s (local.get $freed)))
    (local.get $at))

  ;; What is made of the words that it loads is stored, so that the loads can't be left out.
  (func $fetch (param $at i32) (param $end i32) (param $homes i32) (param $top i32)
    (local $key i32) (local $home i32) (local $fetched i32)
    (loop $entries
      (if (i32.lt_u (local.get $at) (local.get $end))
        (then
          (local.set $key (i32.load (local.get $at)))
          ${setHome}
          (local.set $fetched (i32.xor (local.get $fetched) ${word(link(link('(local.get $home)', 0)))}))
          (local.set $at (i32.add (local.get $at) (i32.const 8)))
          (br $entries))))
    (i32.store offset=${TABLE_AT} (i32.const 0) (local.get $fetched)))`);
}

/** A word of the table, by its address. */
function word(address: string, index = 0): string {
  return `(i32.load offset=${TABLE_AT + 4 * index} ${address})`;
}

function setWord(address: string, index: number, value: string): string {
  return `(i32.store offset=${TABLE_AT + 4 * index} ${address} ${value})`;
}

/** The address that a word index in the table stands for. */
function link(address: string, index = LINK): string {
  return `(i32.shl ${word(address, index)} (i32.const 2))`;
}

/** `homeOf` of `block-homes.ts` as an address; $home has the hash first, then the home. */
const setHome = `
      (local.set $home (i32.mul (i32.xor (local.get $key) (i32.shr_u (local.get $key) (i32.const ${HASH_SHIFT}))) (i32.const ${HASH_FACTOR})))
      (local.set $home (i32.and (i32.xor (local.get $home) (i32.shr_u (local.get $home) (i32.const ${HASH_FOLD})))
        (i32.sub (i32.shl (local.get $top) (i32.const 1)) (i32.const 1))))
      (local.set $home (i32.sub (local.get $home)
        (select (local.get $top) (i32.const 0) (i32.ge_u (local.get $home) (local.get $homes)))))
      (local.set $home (i32.add (i32.shl (local.get $home) (i32.const 2)) (i32.add (i32.const ${4 * FIRST_HOME})
        (i32.mul (i32.and (local.get $home) (i32.const ${-GROUP_HOMES})) (i32.const ${4 * (GROUP_WORDS / GROUP_HOMES - 1)})))))`;
