/**
 * What an allocator must do, put to the test by calling it in a private instance. A function passes only if all
 * of this holds over some dozens of calls:
 *
 *   allocate    blocks inside the memory, aligned, apart from each other, their content left alone by later calls
 *   free        never touches blocks still live; what was freed is handed out again
 *   reallocate  keeps the content, growing and shrinking
 *   calloc      product of both parameters, zeroed although the memory was dirty
 *   memalign    every address a multiple of what was asked for
 *
 * What is free'd is filled with garbage first, so that a function that frees an *object*, following the pointers
 * in it, traps or fails.
 */
import type { TrialInstance } from './trial-instance.js';

/** Puts a request into the order of parameters that the function under test has. */
export type AllocateCall = (trial: TrialInstance, bytes: number) => number | undefined;
export type FreeCall = (trial: TrialInstance, address: number, bytes: number) => number | undefined;

interface Block {
  readonly address: number;
  readonly bytes: number;
  readonly fill: number;
}

const SIZES = [24, 100, 8, 1000, 40, 24, 3000, 16, 56, 24, 200, 12, 24, 640, 96, 24];
const GARBAGE = 0xa5;

/** A set of blocks under test. Every method says false (or undefined) as soon as the allocator misbehaves. */
class Blocks {
  readonly #trial: TrialInstance;
  live: Block[] = [];

  constructor(trial: TrialInstance) {
    this.#trial = trial;
  }

  /** Takes a block into account and fills it. @returns undefined when it can't be one */
  add(address: number | undefined, bytes: number): Block | undefined {
    if (address === undefined || address === 0 || address % 4 !== 0) return undefined;
    const memory = this.#trial.bytes;
    if (address + bytes > memory.length) return undefined;
    for (const other of this.live) {
      if (address < other.address + other.bytes && other.address < address + bytes) return undefined;
    }
    const fill = 1 + (this.live.length % 100);
    memory.fill(fill, address, address + bytes);
    const block = { address, bytes, fill };
    this.live.push(block);
    return block;
  }

  intact(): boolean {
    const memory = this.#trial.bytes;
    return this.live.every(({ address, bytes, fill }) => {
      for (let i = address; i < address + bytes; i++) if (memory[i] !== fill) return false;
      return true;
    });
  }

  /** Takes every other block out, filled with garbage, and returns them. */
  halve(): Block[] {
    const gone = this.live.filter((_, i) => i % 2 === 0);
    this.live = this.live.filter((_, i) => i % 2 === 1);
    for (const { address, bytes } of gone) this.#trial.bytes.fill(GARBAGE, address, address + bytes);
    return gone;
  }
}

/** A first look: two blocks apart. */
export function seemsToAllocate(trial: TrialInstance, allocate: AllocateCall): boolean {
  const blocks = new Blocks(trial);
  return [24, 24].every((bytes) => blocks.add(allocate(trial, bytes), bytes));
}

/** A first look: one of three blocks freed is handed out again. */
export function seemsToFree(
  trial: TrialInstance,
  allocate: AllocateCall,
  free: FreeCall,
): boolean | 'ruined' {
  const blocks = new Blocks(trial);
  for (let i = 0; i < 6; i++) if (!blocks.add(allocate(trial, 40), 40)) return 'ruined';
  const gone = blocks.halve();
  for (const { address, bytes } of gone) if (free(trial, address, bytes) === undefined) return false;
  let reused = false;
  for (const { bytes } of gone) {
    const block = blocks.add(allocate(trial, bytes), bytes);
    if (block === undefined) return false;
    if (gone.some(({ address }) => block.address === address)) reused = true;
  }
  return reused;
}

/** Whether blocks come out that could be those of an allocator; says nothing about what can free them. */
export function allocates(trial: TrialInstance, allocate: AllocateCall): boolean {
  const blocks = new Blocks(trial);
  return SIZES.every((bytes) => blocks.add(allocate(trial, bytes), bytes)) && blocks.intact();
}

/** Whether the two functions are an allocator. */
export function allocatesAndFrees(trial: TrialInstance, allocate: AllocateCall, free: FreeCall): boolean {
  const blocks = new Blocks(trial);
  for (const bytes of SIZES) if (!blocks.add(allocate(trial, bytes), bytes)) return false;
  let freed = 0;
  let reused = 0;
  for (let round = 0; round < 3; round++) {
    const gone = blocks.halve();
    freed += gone.length;
    for (const { address, bytes } of gone) if (free(trial, address, bytes) === undefined) return false;
    if (!blocks.intact()) return false;
    for (const { bytes } of gone.toReversed()) {
      const block = blocks.add(allocate(trial, bytes), bytes);
      if (block === undefined) return false;
      if (
        gone.some(({ address, bytes: size }) => block.address >= address && block.address < address + size)
      ) {
        reused++;
      }
    }
    if (!blocks.intact()) return false;
  }
  // Some come from elsewhere, as the best fit may be; a function that frees nothing has none reused.
  return reused * 2 >= freed;
}

/** @param reallocate (trial, address, bytes now, bytes wanted) */
export function reallocates(
  trial: TrialInstance,
  allocate: AllocateCall,
  reallocate: (trial: TrialInstance, address: number, oldBytes: number, bytes: number) => number | undefined,
): boolean {
  const blocks = new Blocks(trial);
  const steps: readonly [number, number][] = [
    [100, 2000],
    [24, 40],
    [500, 60],
    [40, 5000],
    [16, 300],
  ];
  for (const [before, after] of steps) {
    const block = blocks.add(allocate(trial, before), before);
    // A neighbour makes growing in place impossible.
    if (block === undefined || !blocks.add(allocate(trial, 24), 24)) return false;
    blocks.live = blocks.live.filter((other) => other !== block);
    const address = reallocate(trial, block.address, before, after);
    if (address === undefined || address === 0 || address + after > trial.bytes.length) return false;
    const kept = trial.bytes.subarray(address, address + Math.min(before, after));
    if (kept.some((byte) => byte !== block.fill)) return false;
    if (!blocks.add(address, after) || !blocks.intact()) return false;
  }
  for (const bytes of SIZES) if (!blocks.add(allocate(trial, bytes), bytes)) return false;
  return blocks.intact();
}

/** @param allocateZeroed (trial, count, bytes each) */
export function allocatesZeroed(
  trial: TrialInstance,
  allocate: AllocateCall,
  free: FreeCall,
  allocateZeroed: (trial: TrialInstance, count: number, bytes: number) => number | undefined,
): boolean {
  const dirty = new Blocks(trial);
  for (let i = 0; i < 12; i++) if (!dirty.add(allocate(trial, 120), 120)) return false;
  for (const { address, bytes } of dirty.live) if (free(trial, address, bytes) === undefined) return false;
  const blocks = new Blocks(trial);
  for (const [count, bytes] of [
    [3, 40],
    [40, 3],
    [12, 10],
    [1, 120],
    [7, 33],
    [20, 90],
  ] as const) {
    const address = allocateZeroed(trial, count, bytes);
    if (address === undefined || address + count * bytes > trial.bytes.length) return false;
    if (trial.bytes.subarray(address, address + count * bytes).some((byte) => byte !== 0)) return false;
    if (!blocks.add(address, count * bytes) || !blocks.add(allocate(trial, 24), 24)) return false;
  }
  return blocks.intact();
}

/** @param allocateAligned (trial, alignment, bytes) */
export function allocatesAligned(
  trial: TrialInstance,
  allocate: AllocateCall,
  free: FreeCall,
  allocateAligned: (trial: TrialInstance, alignment: number, bytes: number) => number | undefined,
): boolean {
  const blocks = new Blocks(trial);
  const aligned: Block[] = [];
  for (const [alignment, bytes] of [
    [64, 40],
    [256, 24],
    [4096, 100],
    [128, 640],
    [1024, 8],
    [32, 96],
  ] as const) {
    const block = blocks.add(allocateAligned(trial, alignment, bytes), bytes);
    if (block === undefined || block.address % alignment !== 0) return false;
    aligned.push(block);
    if (!blocks.add(allocate(trial, 24), 24)) return false;
  }
  if (!blocks.intact()) return false;
  blocks.live = blocks.live.filter((block) => !aligned.includes(block));
  for (const { address, bytes } of aligned) if (free(trial, address, bytes) === undefined) return false;
  for (const bytes of SIZES) if (!blocks.add(allocate(trial, bytes), bytes)) return false;
  return blocks.intact();
}
