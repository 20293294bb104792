/**
 * The words of a live table in the memory of a WebAssembly program, which replays the journal several times faster than
 * JavaScript does, and can grow in place.
 *
 * The memory is shared where that can be, though nobody shares it: a shared one keeps its `buffer`s when it grows; the others are
 * detached, which makes V8 give up an assumption that all typed arrays of the process are faster with.
 */

import type { TableMemory } from './array-memory.js';
import { COUNT, MOST_ENTRIES, SUMS, SUMS_AT, TABLE_AT } from './block-words.js';
import type { Guard } from './guard.js';
import type { SiteTable } from './sites.js';

const PAGE_BYTES = 65_536;
/** 4 GiB, of which nothing is taken before it is used. */
const MOST_PAGES = 65_536;
/** Pages are added by a thirty-second. */
const SPARE_SHIFT = 5;

type Program = (at: number, end: number, homes: number, top: number) => number;

/** What the engine offers, taken before anything hooks it, and otrace's program. */
export class ReplayEngine {
  readonly #Module: typeof WebAssembly.Module;
  readonly #Instance: typeof WebAssembly.Instance;
  readonly #Memory: typeof WebAssembly.Memory;
  readonly #program: (shared: boolean) => Uint8Array;
  readonly #shared = typeof SharedArrayBuffer === 'function';
  #module: WebAssembly.Module | undefined;
  #failed = false;

  /** @param program gives the bytes of a module; called when there is much to count */
  constructor(wasm: typeof WebAssembly, program: (shared: boolean) => Uint8Array) {
    this.#Module = wasm.Module;
    this.#Instance = wasm.Instance;
    this.#Memory = wasm.Memory;
    this.#program = program;
  }

  /** Undefined where WebAssembly is forbidden, or there is no room for its memory: then JavaScript does it all. */
  open(guard: Guard, words: number): ReplayMemory | undefined {
    if (this.#failed) return undefined;
    try {
      return guard.run(() => this.#open(guard, words));
    } catch {
      this.#failed = true;
      return undefined;
    }
  }

  #open(guard: Guard, words: number): ReplayMemory {
    this.#module ??= new this.#Module(this.#program(this.#shared) as Uint8Array<ArrayBuffer>);
    const initial = Math.ceil((TABLE_AT + 4 * words) / PAGE_BYTES);
    const memory = new this.#Memory({ initial, maximum: MOST_PAGES, shared: this.#shared });
    const { exports } = new this.#Instance(this.#module, { otrace: { memory } });
    return new ReplayMemory(guard, memory, exports['replay'] as Program);
  }
}

export class ReplayMemory implements TableMemory {
  words!: Int32Array;
  entries!: Int32Array;
  #sums!: Float64Array;
  readonly #guard: Guard;
  readonly #memory: WebAssembly.Memory;
  readonly #program: Program;

  constructor(guard: Guard, memory: WebAssembly.Memory, program: Program) {
    this.#guard = guard;
    this.#memory = memory;
    this.#program = program;
    this.#look();
  }

  reserve(words: number): void {
    if (words <= this.words.length) return;
    const pages = this.#memory.buffer.byteLength / PAGE_BYTES;
    const needed = Math.ceil((TABLE_AT + 4 * words) / PAGE_BYTES);
    this.#guard.run(() => {
      this.#memory.grow(Math.max(needed - pages, Math.min(pages >> SPARE_SHIFT, MOST_PAGES - pages)));
      this.#look();
    });
  }

  replay(next: number, end: number, homes: number, top: number, sites: SiteTable): number {
    const sums = this.#sums;
    const { live } = sites;
    const blocks = live.blocks;
    sums[0] = live.bytes;
    sums[1] = blocks;
    sums[2] = live.peakBytes;
    sums[3] = live.peakBlocks;
    const at = this.#program(4 * next, 4 * end, homes, top) >> 2;
    this.words[COUNT]! += sums[1] - blocks;
    live.passed(sums[0], sums[1], sums[2], sums[3], sums[5] !== 0);
    // As many entries were allocations as frees, but for those that are live now.
    sites.allocatedWithoutStack(((at - next) / 2 + sums[1] - blocks) / 2, sums[4]!);
    return at;
  }

  #look(): void {
    const { buffer } = this.#memory;
    this.entries = new Int32Array(buffer, 0, 2 * MOST_ENTRIES);
    this.#sums = new Float64Array(buffer, SUMS_AT, SUMS);
    this.words = new Int32Array(buffer, TABLE_AT);
  }
}
