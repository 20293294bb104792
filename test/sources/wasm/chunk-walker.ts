/**
 * Counts the live blocks of a heap by walking the allocator's own chunks in linear memory, without any hook: dlmalloc
 * (Emscripten, WASI, Rust) and Emscripten's emmalloc. A second opinion for the tracer's figures.
 */

export interface Heap {
  readonly memory: WebAssembly.Memory;
  malloc(bytes: number): number;
  free(address: number): void;
}

export interface Walked {
  readonly blocks: number;
  /** What the blocks could hold: requests rounded up. */
  readonly usableBytes: number;
}

/** @returns a function that walks the heap as it then is */
export function walker({ memory, malloc, free }: Heap): () => Walked {
  const words = (): Uint32Array => new Uint32Array(memory.buffer);
  const a = malloc(24);
  const b = malloc(24);
  const u32 = words();
  const headA = u32[(a - 4) >>> 2]!;
  const headB = u32[(b - 4) >>> 2]!;
  free(a);
  free(b);
  if ((headA & 3) === 3 && (headB & 3) === 3) {
    const start = firstChunk(u32, a - 8);
    return () => walkDlmalloc(words(), start);
  }
  if ((headA & 3) === 0 && u32[(a - 4 + headA - 4) >>> 2] === headA) {
    const start = firstRegion(u32, a - 4);
    return () => walkEmmalloc(words(), start);
  }
  throw new Error(`no allocator known has a header like 0x${headA.toString(16)}`);
}

/** dlmalloc: the size in a chunk's second word; bit 0 says that the chunk before is in use, bit 1 that this one is. */
function walkDlmalloc(u32: Uint32Array, start: number): Walked {
  let blocks = 0;
  let usableBytes = 0;
  let lastUsed: boolean | undefined;
  for (let p = start; p + 8 <= u32.byteLength; ) {
    const head = u32[(p + 4) >>> 2]!;
    const size = head & ~7;
    if (size < 16 || p + size > u32.byteLength + 64) break;
    if (lastUsed !== undefined && ((head & 1) !== 0) !== lastUsed) break;
    lastUsed = (head & 2) !== 0;
    if (lastUsed) {
      blocks++;
      usableBytes += size - 4;
    }
    p += size;
  }
  return { blocks, usableBytes };
}

/** The lowest address from which a chain of sound chunks leads to `target`. */
function firstChunk(u32: Uint32Array, target: number): number {
  const lowest = Math.max(8, target - (1 << 22));
  /** By distance from the target in units of 8 bytes: a sound chunk begins here. */
  const sound = new Uint8Array(((target - lowest) >>> 3) + 1);
  sound[0] = 1;
  let best = target;
  for (let p = target - 8; p > lowest; p -= 8) {
    const head = u32[(p + 4) >>> 2]!;
    const next = p + (head & ~7);
    if (next - p < 16 || next > target || sound[(target - next) >>> 3] === 0) continue;
    // The chunk after it says whether it is in use, too.
    if ((u32[(next + 4) >>> 2]! & 1) !== (head & 2) >>> 1) continue;
    sound[(target - p) >>> 3] = 1;
    best = p;
  }
  return best;
}

/** emmalloc: the size at both ends of a region, its lowest bit set at the end of a free one. */
function walkEmmalloc(u32: Uint32Array, start: number): Walked {
  const limit = u32.byteLength;
  const sound = (p: number): boolean => {
    const size = u32[p >>> 2]!;
    return size >= 16 && (size & 3) === 0 && p + size <= limit && (u32[(p + size - 4) >>> 2]! & ~1) === size;
  };
  let blocks = 0;
  let usableBytes = 0;
  for (let p = start; p + 8 <= limit; ) {
    if (!sound(p)) {
      while (p + 8 <= limit && !(sound(p) && sound(p + u32[p >>> 2]!))) p += 4;
      continue;
    }
    const size = u32[p >>> 2]!;
    if ((u32[(p + size - 4) >>> 2]! & 1) === 0) {
      blocks++;
      usableBytes += size - 8;
    }
    p += size;
  }
  return { blocks, usableBytes };
}

function firstRegion(u32: Uint32Array, region: number): number {
  for (let p = region; ; ) {
    const size = u32[(p - 4) >>> 2]! & ~1;
    const previous = p - size;
    if (size < 16 || (size & 3) !== 0 || previous < 1024 || u32[previous >>> 2] !== size) return p;
    p = previous;
  }
}
