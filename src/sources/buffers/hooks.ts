/**
 * Which calls of a program make memory for buffers, each replaced by one that reports what was made:
 *
 *     ArrayBuffer, SharedArrayBuffer          the constructors, and with them `slice`
 *     typed arrays                            the constructors, and with them `from`, `of`, and by species `slice`, `map` ...
 *     toReversed, toSorted, with              the methods, which use no species
 *     Buffer.alloc, from, concat ...          the functions
 *     transfer, resize, grow                  the methods: the block moves, or changes its size
 *     structuredClone                         what is in the clone
 *     Blob, File                              the constructors: the size of the whole
 *
 * A view of memory that is there already counts nothing, so a pool is counted once, whatever is cut from it: a new
 * slab is told by its first slice, at its beginning, and is the caller's who made it necessary.
 */
import type { BufferBlocks } from './buffer-blocks.js';
import { MOST_IN_JS_HEAP } from './buffer-blocks.js';
import { clonedBuffers } from './cloned-buffers.js';
import { type Made, replaceConstructor } from './constructors.js';
import { replaceFunction, replaceMethod } from './methods.js';

const TYPED_ARRAYS = [
  'Int8Array',
  'Uint8Array',
  'Uint8ClampedArray',
  'Int16Array',
  'Uint16Array',
  'Int32Array',
  'Uint32Array',
  'Float16Array',
  'Float32Array',
  'Float64Array',
  'BigInt64Array',
  'BigUint64Array',
];
/** Those that take memory of their own for each call, and those that may cut it from the pool. */
const OWN_MEMORY = ['alloc', 'allocUnsafeSlow'];
/** Node places the first slice of a slab at an address that is a multiple of it. */
const SLAB_ALIGNMENT = 64;
const POOLED = ['allocUnsafe', 'from', 'concat', 'copyBytesFrom'];

type AnyBuffer = ArrayBuffer | SharedArrayBuffer;

const arrayPrototype = Object.getPrototypeOf(Uint8Array.prototype) as object;
const getterOf = <T>(prototype: object, name: string): ((this: unknown) => T) =>
  Object.getOwnPropertyDescriptor(prototype, name)!.get as (this: unknown) => T;
const arrayBytes = getterOf<number>(arrayPrototype, 'byteLength');
const arrayOffset = getterOf<number>(arrayPrototype, 'byteOffset');
const arrayBuffer = getterOf<AnyBuffer>(arrayPrototype, 'buffer');
const bufferBytes = getterOf<number>(ArrayBuffer.prototype, 'byteLength');
const sharedBytes = getterOf<number>(SharedArrayBuffer.prototype, 'byteLength');

/** Puts the hooks in place, for good. @param bufferModule what `require('node:buffer')` gives */
export function installHooks(blocks: BufferBlocks, bufferModule: object): void {
  const global = globalThis as unknown as Record<string, { readonly prototype: object }>;
  hookArrayBuffers(blocks);

  const madeArray: Made = (array, first, entry) => {
    if (!blocks.recording) return;
    const bytes = arrayBytes.call(array);
    if (bytes <= MOST_IN_JS_HEAP) return;
    const buffer = arrayBuffer.call(array);
    if (buffer !== first) blocks.made(buffer, bytesOf(buffer), entry);
  };
  for (const name of TYPED_ARRAYS) {
    const replacement = replaceConstructor([global], name, madeArray);
    if (replacement === undefined) continue;
    for (const made of ['fromBase64', 'fromHex']) {
      replaceMethod(replacement, made, (array, _self, _args, entry) =>
        madeArray(array as object, undefined, entry),
      );
    }
  }
  for (const name of ['toReversed', 'toSorted', 'with']) {
    replaceMethod(arrayPrototype, name, (array, _self, _args, entry) =>
      madeArray(array as object, undefined, entry),
    );
  }
  hookBuffer(blocks, madeArray);

  replaceMethod(globalThis, 'structuredClone', (clone, _self, args, entry) => {
    if (!blocks.recording) return;
    for (const sent of transferred(args[1])) {
      if (isBuffer(sent) && bytesOf(sent) === 0) blocks.left(sent);
    }
    for (const buffer of clonedBuffers(clone)) blocks.made(buffer, bytesOf(buffer), entry);
  });
  const madeBlob: Made = (blob, _first, entry) => {
    if (blocks.recording) blocks.made(blob, (blob as Blob).size, entry);
  };
  const nodesOwn = global['Blob'];
  const blob = replaceConstructor([global, bufferModule], 'Blob', madeBlob);
  // Blobs that Node makes say on their own what their class is.
  const setClass = (made: unknown): void => {
    const own = made instanceof Blob ? Object.getOwnPropertyDescriptor(made, 'constructor') : undefined;
    if (own?.value === nodesOwn && own?.configurable) {
      Object.defineProperty(made, 'constructor', { ...own, value: blob });
    }
  };
  if (nodesOwn !== undefined) replaceMethod(nodesOwn.prototype, 'slice', setClass);
  replaceMethod(bufferModule, 'resolveObjectURL', setClass);
  replaceConstructor([global, bufferModule], 'File', madeBlob, 2);
}

function hookArrayBuffers(blocks: BufferBlocks): void {
  const shared = SharedArrayBuffer.prototype;
  const plain = ArrayBuffer.prototype;
  const made: Made = (buffer, _first, entry) => {
    if (blocks.recording) blocks.made(buffer, bytesOf(buffer as AnyBuffer), entry);
  };
  replaceConstructor([globalThis], 'ArrayBuffer', made);
  replaceConstructor([globalThis], 'SharedArrayBuffer', made);
  for (const [prototype, name] of [
    [plain, 'resize'],
    [shared, 'grow'],
  ] as const) {
    replaceMethod(prototype, name, (_result, buffer, _args, entry) => {
      if (blocks.recording) blocks.resized(buffer as object, bytesOf(buffer as AnyBuffer), entry);
    });
  }
  for (const name of ['transfer', 'transferToFixedLength']) {
    replaceMethod(plain, name, (result, buffer, _args, entry) => {
      if (!blocks.recording) return;
      blocks.left(buffer as object);
      blocks.made(result as object, bytesOf(result as AnyBuffer), entry);
    });
  }
}

function hookBuffer(blocks: BufferBlocks, madeArray: Made): void {
  const uint8Array = Object.getOwnPropertyDescriptor(globalThis, 'Uint8Array')?.value as object;
  Object.setPrototypeOf(Buffer, uint8Array);
  for (const name of OWN_MEMORY) {
    replaceFunction(Buffer, name, (made, _first, entry) => madeArray(made as object, undefined, entry));
  }
  for (const name of POOLED) {
    replaceFunction(Buffer, name, (made, first, entry) => {
      if (!blocks.recording || arrayOffset.call(made) >= SLAB_ALIGNMENT) return;
      const bytes = arrayBytes.call(made);
      if (bytes === 0 || isBuffer(first)) return;
      if (bytes <= MOST_IN_JS_HEAP && bytes >= Buffer.poolSize >>> 1) return;
      const buffer = arrayBuffer.call(made);
      blocks.made(buffer, bytesOf(buffer), entry);
    });
  }
}

/** The memory itself, of either kind and any realm. */
function isBuffer(value: unknown): value is AnyBuffer {
  if (typeof value !== 'object' || value === null || ArrayBuffer.isView(value)) return false;
  const tag = Object.prototype.toString.call(value);
  return tag === '[object ArrayBuffer]' || tag === '[object SharedArrayBuffer]';
}

function bytesOf(buffer: AnyBuffer): number {
  try {
    return bufferBytes.call(buffer);
  } catch {
    return sharedBytes.call(buffer);
  }
}

function transferred(options: unknown): readonly unknown[] {
  const list = typeof options === 'object' && options !== null ? Reflect.get(options, 'transfer') : undefined;
  return Array.isArray(list) ? list : [];
}
