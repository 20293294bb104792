/**
 * A small allocator to put into test modules: blocks are handed out upwards and never reused, each with its size
 * in the four bytes before it. It calls itself the way real ones do: `calloc`, `realloc` and `new` call `malloc`,
 * and `memalign` returns an address inside a block of `malloc`.
 */
export const ALLOCATOR = `
  (memory (export "memory") 4)
  (global $top (mut i32) (i32.const 1024))
  (func $malloc (export "malloc") (param $size i32) (result i32)
    (local $block i32)
    (if (i32.gt_u (local.get $size) (i32.const 100000)) (then (return (i32.const 0))))
    (local.set $block (i32.add (global.get $top) (i32.const 8)))
    (i32.store offset=0 (i32.sub (local.get $block) (i32.const 4)) (local.get $size))
    (global.set $top (i32.and (i32.add (i32.add (local.get $block) (local.get $size)) (i32.const 7)) (i32.const -8)))
    (local.get $block))
  (func $free (export "free") (param $block i32)
    (if (local.get $block) (then (i32.store (i32.sub (local.get $block) (i32.const 4)) (i32.const -1)))))
  (func $calloc (export "calloc") (param $count i32) (param $size i32) (result i32)
    (call $malloc (i32.mul (local.get $count) (local.get $size))))
  (func $realloc (export "realloc") (param $block i32) (param $size i32) (result i32)
    (local $new i32)
    (local.set $new (call $malloc (local.get $size)))
    (if (i32.and (i32.ne (local.get $new) (i32.const 0)) (i32.ne (local.get $block) (i32.const 0)))
      (then (call $free (local.get $block))))
    (local.get $new))
  (func $memalign (export "memalign") (param $alignment i32) (param $size i32) (result i32)
    (i32.and
      (i32.add (call $malloc (i32.add (local.get $size) (local.get $alignment))) (local.get $alignment))
      (i32.sub (i32.const 0) (local.get $alignment))))
  (func $posix_memalign (export "posix_memalign") (param $out i32) (param $alignment i32) (param $size i32) (result i32)
    (if (i32.gt_u (local.get $size) (i32.const 100000)) (then (return (i32.const 12))))
    (i32.store (local.get $out) (call $memalign (local.get $alignment) (local.get $size)))
    (i32.const 0))
  (func $new (export "new") (param $size i32) (result i32) (call $malloc (local.get $size)))
  (func $delete (export "delete") (param $block i32) (call $free (local.get $block)))
`;
