/**
 * The calls with which a program describes a heap of its own: pools, GPU buffers, native handles, objects of a class.
 * They are part of `heap`; while nothing is to be counted, each costs a branch.
 *
 * Not here: what becomes of the blocks (`sources/manual.ts`).
 */
import type { HeapSource } from './source.js';
import type { EntryFunction } from './stack.js';
import {
  type AnyClass,
  shallowBytes,
  type TrackClassOptions,
  type TrackOptions,
  trackedClass,
} from './tracked-class.js';

/** What a block is known by: an address or number, or anything else that the program has at hand. */
export type HeapKey = number | string | bigint | symbol | object;

/** The source that the program itself feeds. */
export interface ManualHeap extends HeapSource {
  alloc(key: HeapKey, bytes: number, entry: EntryFunction): void;
  free(key: HeapKey): void;
  realloc(key: HeapKey, bytes: number, newKey: HeapKey, entry: EntryFunction): void;
  track<T extends object>(object: T, bytes: number, entry: EntryFunction, className?: string): T;
}

export class ProgramBlocks {
  /** What counts them; undefined while nothing does. */
  #manual: ManualHeap | undefined;

  /** From here on blocks are counted there, or not at all. The tracer's to call; not one of the program's calls. */
  static countWith(blocks: ProgramBlocks, manual: ManualHeap | undefined): void {
    blocks.#manual = manual;
  }

  /**
   * Counts a block that the program allocated by means of its own. A key that is live already is replaced.
   *
   * @param key what `free` will name: an address, an id, an object
   * @param bytes whole number; anything else is ignored with one warning
   *
   * @example
   * const texture = gpu.createTexture(size);
   * heap.alloc(texture, size.bytes);
   */
  alloc(key: HeapKey, bytes: number): void {
    this.#manual?.alloc(key, bytes, allocEntry);
  }

  /** Counts the free of a block. A key that is not live is ignored and counted as unmatched. */
  free(key: HeapKey): void {
    this.#manual?.free(key);
  }

  /**
   * Counts a change of size, and of key if the block moved. 0 bytes free the block; a key that is not live counts
   * as a new block and as an unmatched free.
   */
  realloc(key: HeapKey, bytes: number, newKey: HeapKey = key): void {
    this.#manual?.realloc(key, bytes, newKey, reallocEntry);
  }

  /**
   * Counts an object until the garbage collector takes it (or `free(object)`, whichever is first).
   *
   * @param size its bytes; or `bytes` and the `name` of the class that reports show. Without bytes, the shallow size
   *   of an object with its number of properties: 24 bytes, and 8 for each.
   * @returns the object
   *
   * @example
   * const session = heap.track(new Session(), 4096);
   * heap.track(texture, { bytes: texture.width * texture.height * 4, name: 'Texture' });
   */
  track<T extends object>(object: T, size: number | TrackOptions): T {
    const manual = this.#manual;
    if (manual === undefined) return object;
    if (typeof size !== 'object' || size === null) return manual.track(object, size, trackEntry);
    return manual.track(object, size.bytes ?? shallowBytes(object), trackEntry, size.name);
  }

  /**
   * Counts every instance of a class from its construction until it is collected or freed, with the stack of the `new`.
   *
   * @returns the class to use in its place: `new`, `instanceof`, `extends`, statics and `instance.constructor` are as
   *   before. A static method that reads a private static field through `this` is the one thing that fails; let such
   *   a class call `heap.track(this, { name })` in its constructor instead.
   *
   * @example
   * const Session = heap.trackClass(class Session { user = ''; });
   * const Texture = heap.trackClass(GpuTexture, { bytes: (texture) => texture.byteLength, name: 'Texture' });
   */
  trackClass<C extends AnyClass>(original: C, options: TrackClassOptions<C> = {}): C {
    return trackedClass(original, (instance, className, entry) => {
      if (this.#manual === undefined) return;
      const { bytes, name } = options;
      const size = typeof bytes === 'function' ? told(bytes, instance) : (bytes ?? shallowBytes(instance));
      this.#manual.track(instance, size, entry, name ?? className);
    });
  }
}

/** What stacks begin after; looked up once, for the sake of the hot path. */
const allocEntry: EntryFunction = ProgramBlocks.prototype.alloc;
const reallocEntry: EntryFunction = ProgramBlocks.prototype.realloc;
const trackEntry: EntryFunction = ProgramBlocks.prototype.track;

/** What the program says of an instance; a mistake there must not become one of the class' constructor. */
function told<T extends object>(bytes: (instance: T) => number, instance: T): number {
  try {
    return bytes(instance);
  } catch {
    return shallowBytes(instance);
  }
}
