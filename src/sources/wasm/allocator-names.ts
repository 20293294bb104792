/**
 * The names that allocation functions go by, in C, C++, Rust, Zig, AssemblyScript and their toolchains, and what each
 * does to the heap. A name is matched against the function's signature too: one that does not fit is no match.
 */

import { I32, I64 } from '../../wat/binary-codes.js';
import type { AllocationShape } from './allocation-hook.js';
import { SHAPES } from './allocation-hook.js';
import type { FunctionType } from './module-types.js';

type ShapeOf = (parameters: number) => AllocationShape;

const fixed =
  (shape: AllocationShape): ShapeOf =>
  () =>
    shape;

/**
 * Rust's dlmalloc as a crate: methods that lost their `self` when it was always the same, or kept it. What
 * counts stands at the end.
 */
const FROM_THE_END = {
  malloc: (n: number): AllocationShape => ({ event: 'allocate', size: n - 1 }),
  free: (n: number): AllocationShape => ({ event: 'free', pointer: n - 1 }),
  realloc: (n: number): AllocationShape => ({ event: 'reallocate', pointer: n - 2, size: n - 1 }),
};

/** Zig's allocator: (self, size, alignment, return address), (self, address, size, alignment, return address). */
const ZIG = {
  alloc: (n: number): AllocationShape => ({ event: 'allocate', size: n - 3 }),
  free: (n: number): AllocationShape => ({ event: 'free', pointer: n - 4 }),
  remap: (n: number): AllocationShape => ({ event: 'reallocate', pointer: n - 5, size: n - 2 }),
};

/** Full names, after `plainName`. */
const NAMES: readonly (readonly [RegExp, ShapeOf])[] = [
  [/^(dl|emmalloc_|emscripten_builtin_|__libc_|mi_|je_|__wbindgen_)?malloc$/, fixed(SHAPES.malloc)],
  [/^(dl|emmalloc_|emscripten_builtin_|__libc_|mi_|je_|__wbindgen_)?free$/, fixed(SHAPES.free)],
  [/^(dl|emmalloc_|emscripten_builtin_|__libc_|mi_|je_)?calloc$/, fixed(SHAPES.calloc)],
  [/^(dl|emmalloc_|emscripten_builtin_|__libc_|mi_|je_)?realloc$/, fixed(SHAPES.realloc)],
  [/^(dl|mi_|je_)?reallocarray$/, fixed(SHAPES.reallocarray)],
  [/^__wbindgen_realloc$/, fixed(SHAPES.wbindgenRealloc)],
  [
    /^(dl|emmalloc_|emscripten_builtin_|je_)?(memalign|aligned_alloc)$|^internal_memalign$/,
    fixed(SHAPES.memalign),
  ],
  [/^(dl|emmalloc_|emscripten_builtin_|je_|mi_)?posix_memalign$/, fixed(SHAPES.posixMemalign)],
  // operator new and new[], plain, nothrow and aligned; with 32-bit (j) and 64-bit (m) sizes.
  [
    /^_Zn[wa][jm](St11align_val_t)?(RKSt9nothrow_t)?$|^operator new(\[\])?\(unsigned (int|long)/,
    fixed(SHAPES.malloc),
  ],
  [
    /^_Zd[la]Pv([jm])?(St11align_val_t)?(RKSt9nothrow_t)?$|^operator delete(\[\])?\(void ?\*/,
    fixed(SHAPES.free),
  ],
  [/^(__rustc::)?__(rust|rdl|rg)_alloc(_zeroed)?$/, fixed(SHAPES.malloc)],
  [/^(__rustc::)?__(rust|rdl|rg)_dealloc$/, fixed(SHAPES.free)],
  [/^(__rustc::)?__(rust|rdl|rg)_realloc$/, fixed(SHAPES.rustRealloc)],
  [/^<?dlmalloc::dlmalloc::Dlmalloc(<.*>)?>?::(malloc|memalign)$/, FROM_THE_END.malloc],
  [/^<?dlmalloc::dlmalloc::Dlmalloc(<.*>)?>?::free$/, FROM_THE_END.free],
  [/^<?dlmalloc::dlmalloc::Dlmalloc(<.*>)?>?::realloc$/, FROM_THE_END.realloc],
  [/^heap\.WasmAllocator\.alloc$/, ZIG.alloc],
  [/^heap\.WasmAllocator\.free$/, ZIG.free],
  [/^heap\.WasmAllocator\.remap$/, ZIG.remap],
  // AssemblyScript's TLSF heap: every way in and out leads through these three, in units of its blocks.
  [/^~lib\/rt\/tlsf\/allocateBlock$/, fixed({ event: 'allocate', size: 1 })],
  [/^~lib\/rt\/tlsf\/freeBlock$/, fixed({ event: 'free', pointer: 1 })],
  [/^~lib\/rt\/tlsf\/reallocateBlock$/, fixed({ event: 'reallocate', pointer: 1, size: 2 })],
];

/**
 * @param name an export's name, or one from the name section, demangled where it was mangled
 * @returns what a function of this name and type does to the heap; undefined for any other function
 */
export function shapeOfName(name: string, type: FunctionType): AllocationShape | undefined {
  const plain = plainName(name);
  for (const [pattern, shapeOf] of NAMES) {
    if (!pattern.test(plain)) continue;
    const shape = shapeOf(type.params.length);
    return fits(shape, type) ? shape : undefined;
  }
  return undefined;
}

/** Without what toolchains put around a name: `_malloc`, `malloc.command_export`, Rust's hashes. */
function plainName(name: string): string {
  const plain = name
    .replace(/\.command_export$/, '')
    .replace(/::h[0-9a-f]{16}$/, '')
    .replace(/\[[0-9a-f]{1,16}\]/g, '');
  return /^_[a-z]/.test(plain) ? plain.slice(1) : plain;
}

/** Whether a function of this type can do what the shape says. */
export function fits(shape: AllocationShape, type: FunctionType): boolean {
  const isInteger = (code: number | undefined): boolean => code === I32 || code === I64;
  const parameters = Object.values(shape).filter((value): value is number => typeof value === 'number');
  if (!parameters.every((parameter) => isInteger(type.params[parameter]))) return false;
  return shape.event === 'free' || (type.results.length === 1 && isInteger(type.results[0]));
}
