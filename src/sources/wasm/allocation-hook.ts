/**
 * What is hooked: a function of the module, what it does to the heap, and which of its parameters say how much
 * and where. Which functions those are, somebody else finds out; here it is only checked that the description
 * fits the function's signature.
 */

import { I32, I64 } from '../../wat/binary-codes.js';
import { moduleError } from './byte-reader.js';
import type { WasmModule } from './module-sections.js';

/** Parameter numbers, from 0. */
interface AllocateShape {
  readonly event: 'allocate';
  /** The bytes asked for. */
  readonly size: number;
  /** Multiplies `size`, as in `calloc`. */
  readonly count?: number;
  /**
   * Where the address is stored when the function does not return it, as in `posix_memalign`: the function then
   * returns 0 for success.
   */
  readonly out?: number;
}

interface FreeShape {
  readonly event: 'free';
  readonly pointer: number;
}

interface ReallocateShape {
  readonly event: 'reallocate';
  readonly pointer: number;
  readonly size: number;
  readonly count?: number;
}

export type AllocationShape = AllocateShape | FreeShape | ReallocateShape;

export interface AllocationHook {
  readonly functionIndex: number;
  readonly shape: AllocationShape;
}

/** The shapes of well-known allocator functions. A parameter that is not named here is passed on unread. */
export const SHAPES = {
  /** `malloc(size)`, `operator new(size, ...)`, Rust's `alloc(size, align)`, AssemblyScript's `__new(size, id)`. */
  malloc: { event: 'allocate', size: 0 },
  calloc: { event: 'allocate', count: 0, size: 1 },
  /** `memalign(alignment, size)`, `aligned_alloc`. */
  memalign: { event: 'allocate', size: 1 },
  posixMemalign: { event: 'allocate', size: 2, out: 0 },
  /** `free(pointer)`, `operator delete(pointer, ...)`, Rust's `dealloc(pointer, size, align)`. */
  free: { event: 'free', pointer: 0 },
  realloc: { event: 'reallocate', pointer: 0, size: 1 },
  reallocarray: { event: 'reallocate', pointer: 0, count: 1, size: 2 },
  /** Rust's `realloc(pointer, old size, align, new size)`. */
  rustRealloc: { event: 'reallocate', pointer: 0, size: 3 },
  /** `__wbindgen_realloc(pointer, old size, new size, align)`. */
  wbindgenRealloc: { event: 'reallocate', pointer: 0, size: 2 },
} as const satisfies Record<string, AllocationShape>;

/**
 * @returns true when the hooked functions deal in 64-bit addresses
 * @throws OtraceError OTRACE_WASM when a hook does not fit its function, or a function is hooked twice
 */
export function checkHooks(module: WasmModule, hooks: readonly AllocationHook[]): boolean {
  const seen = new Set<number>();
  let wide = false;
  for (const { functionIndex, shape } of hooks) {
    const refuse = (problem: string): never => {
      throw moduleError('hooks', 0, `function ${functionIndex} can't be hooked: ${problem}`);
    };
    if (functionIndex < module.importedFunctions.length) refuse('it is imported');
    if (seen.has(functionIndex)) refuse('it is hooked twice');
    seen.add(functionIndex);
    const { params, results } = module.functionType(functionIndex);
    const roles = [shapeParameter(shape, 'size'), shapeParameter(shape, 'count')];
    const addresses = [shapeParameter(shape, 'pointer'), shapeParameter(shape, 'out')];
    for (const parameter of [...roles, ...addresses]) {
      if (parameter === undefined) continue;
      const code = params[parameter];
      if (code !== I32 && code !== I64) refuse(`parameter ${parameter} is no integer`);
      if (code === I64) wide = true;
    }
    if (shape.event === 'free') continue;
    const result = results[0];
    if (results.length !== 1 || (result !== I32 && result !== I64)) refuse('it returns no single integer');
    if (shapeParameter(shape, 'out') === undefined && result === I64) wide = true;
  }
  return wide;
}

/** The parameter that plays a part in a shape, if one does. */
export function shapeParameter(
  shape: AllocationShape,
  part: 'size' | 'count' | 'out' | 'pointer',
): number | undefined {
  return (shape as Partial<Record<typeof part, number>>)[part];
}
