/**
 * A small allocator in a memory that threads share: blocks of one size class each, handed out upwards and taken from
 * free lists, under a lock. `churn` allocates into places of the memory that all threads see and frees what others put there.
 *
 *     0       lock | 4 top | 8.. free list of each of 64 classes of 32 bytes | 4096.. places for churn
 *     65536   blocks, each after a word with its class
 */
export const SHARED_ALLOCATOR = `
  (import "env" "memory" (memory 100 1000 shared))
  (func $lock
    (block $taken (loop $again
      (br_if $taken (i32.eqz (i32.atomic.rmw.cmpxchg (i32.const 0) (i32.const 0) (i32.const 1))))
      (br $again))))
  (func $unlock (i32.atomic.store (i32.const 0) (i32.const 0)))
  (func $malloc (export "malloc") (param $size i32) (result i32)
    (local $class i32) (local $block i32) (local $list i32)
    (local.set $class (i32.shr_u (i32.add (local.get $size) (i32.const 31)) (i32.const 5)))
    (if (i32.gt_u (local.get $class) (i32.const 63)) (then (return (i32.const 0))))
    (local.set $list (i32.add (i32.const 1024) (i32.shl (local.get $class) (i32.const 2))))
    (call $lock)
    (local.set $block (i32.load (local.get $list)))
    (if (local.get $block)
      (then (i32.store (local.get $list) (i32.load (local.get $block))))
      (else
        (local.set $block (i32.add (i32.add (i32.load (i32.const 4)) (i32.const 65536)) (i32.const 16)))
        (i32.store (i32.const 4) (i32.add (i32.load (i32.const 4)) (i32.add (i32.const 16) (i32.shl (local.get $class) (i32.const 5)))))))
    (i32.store (i32.sub (local.get $block) (i32.const 4)) (local.get $class))
    (call $unlock)
    (local.get $block))
  (func $free (export "free") (param $block i32)
    (local $list i32)
    (if (i32.eqz (local.get $block)) (then (return)))
    (local.set $list (i32.add (i32.const 1024) (i32.shl (i32.load (i32.sub (local.get $block) (i32.const 4))) (i32.const 2))))
    (call $lock)
    (i32.store (local.get $block) (i32.load (local.get $list)))
    (i32.store (local.get $list) (local.get $block))
    (call $unlock))
  (func $make (param $size i32) (result i32) (call $malloc (local.get $size)))
  (func $churn (export "churn") (param $times i32) (param $seed i32)
    (local $place i32)
    (loop $again
      (local.set $seed (i32.add (i32.mul (local.get $seed) (i32.const 1664525)) (i32.const 1013904223)))
      (local.set $place (i32.add (i32.const 4096) (i32.and (i32.shr_u (local.get $seed) (i32.const 12)) (i32.const 0x3ffc))))
      (call $free (i32.atomic.rmw.xchg (local.get $place)
        (if (result i32) (i32.and (local.get $seed) (i32.const 0x80000000))
          (then (call $make (i32.add (i32.const 1) (i32.and (i32.shr_u (local.get $seed) (i32.const 3)) (i32.const 1023)))))
          (else (call $malloc (i32.const 40))))))
      (br_if $again (local.tee $times (i32.sub (local.get $times) (i32.const 1))))))
  (func (export "drain")
    (local $place i32)
    (loop $again
      (call $free (i32.atomic.rmw.xchg (i32.add (i32.const 4096) (local.get $place)) (i32.const 0)))
      (br_if $again (i32.lt_u (local.tee $place (i32.add (local.get $place) (i32.const 4))) (i32.const 0x4000)))))
  (func (export "pairs") (param $times i32)
    (loop $again
      (call $free (call $malloc (i32.const 40)))
      (br_if $again (local.tee $times (i32.sub (local.get $times) (i32.const 1))))))
`;
