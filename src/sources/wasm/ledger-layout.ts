/**
 * Where things stand in a ledger's memory: what `ledger-code.ts` writes in WebAssembly and `ledger.ts` reads in
 * JavaScript. Everything but slots begins at a multiple of 64 bytes, a line of the processor's cache.
 *
 *     0      of the ledger: how much of the memory is given out, sums, the high-water mark, where cells are
 *     ...    given out in the order of need: heaps, directories, segments, chunks of cells, buckets
 *
 *     address -> hash -- upper bits --> directory --> segment -- lower bits --> slot
 *
 *     slot     | address | bytes   | cell    |                12 bytes  (64-bit addresses: 16, see `slotOf`)
 *     segment  | blocks, bits | slot | slot | ... 1024 | 1 |  Open addressing; the word at its end is never 0.
 *     cell     | context | entry | next | allocated, freed, at the mark: bytes, blocks | record | ... | 128 bytes
 *
 * A *cell* is one context reached from one entry: it counts what was allocated there and what of that was freed, in
 * all heaps together. What it held at the ledger's high-water mark it writes down when it first changes in an epoch, as
 * `heap/live-sites.ts` explains. A *heap* is one address space with a directory of its own. A segment that is seven tenths full is split in two by one more bit of the hash (extendible hashing), so that no
 * operation moves more than 717 blocks, and the memory that stands ready is 17 to 35 bytes for a block.
 */

/** At the beginning of the memory. The word at 8 stays 0: no cell with an entry is mistaken to be at address 0. */
export const LEDGER = {
  top: 0,
  topLock: 4,
  spareSegment: 12,
  /** i64, as is the next. */
  liveBytes: 16,
  peakBytes: 24,
  epoch: 32,
  /** Not 0 when nothing was freed since the mark. */
  rising: 36,
  buckets: 40,
  /** 64 less the bits that choose a bucket. */
  bucketShift: 44,
  cells: 48,
  nextCell: 52,
  lastChunk: 56,
  firstChunk: 60,
  /** Not 0 when there was no memory for more: 1, and 2 once that was told. */
  stopped: 64,
  lock: 68,
  /** The last number that was given to an entry. */
  entries: 72,
  /** As `spareSegment`, of heaps with 64-bit addresses. */
  spareWideSegment: 76,
  /** In a memory that threads share: heaps there are, a lock for who makes another, and where the first one is. */
  heaps: 80,
  heapsLock: 84,
  /** In a memory that threads share: not 0 when no block may wait, then the one that does; see `ledger-events.ts`. */
  inHaste: 88,
  waiting: 92,
  waitingBytes: 96,
  waitingCell: 100,
  waitingHeap: 104,
  end: 128,
} as const;
/** They follow `LEDGER.end`. */
export const MOST_SHARED_HEAPS = 128;

/** Of one heap; the first four are i64. */
export const HEAP = {
  liveBytes: 0,
  peakBytes: 8,
  unmatchedFrees: 16,
  impliedFrees: 24,
  directory: 32,
  /** 32 less the bits that choose in the directory. */
  directoryShift: 36,
  /** Not 0 when its addresses are 64-bit ones. */
  wide: 40,
  /** Not 0 when frees were missed, so that a block may get an address that is live. */
  gaps: 44,
  bytes: 64,
} as const;

/** Of one cell. */
export const CELL = {
  context: 0,
  entry: 8,
  /** In the same bucket. */
  next: 12,
  allocatedBytes: 16,
  freedBytes: 24,
  allocatedBlocks: 32,
  freedBlocks: 40,
  epoch: 48,
  /** What JavaScript knows the cell by. */
  record: 52,
  /** Held at the mark, if `epoch` is the ledger's. */
  markBytes: 64,
  markBlocks: 72,
  /** Of the cell with entry 0: the entry that the next calls from JavaScript are taken for, and how many of them. */
  assumedEntry: 80,
  assumedCalls: 84,
  /** Blocks that were freed before anything else happened; they are not in the counts above. */
  passedBytes: 88,
  passedBlocks: 96,
} as const;
export const CELL_BYTES = 128;
/** A chunk's first `CELL_BYTES` hold the address of the next one. */
export const CHUNK_BYTES = 8192;
export const MOST_CELLS = 1_000_000;

export const SEGMENT_SLOTS = 1024;
export const SEGMENT_HEAD_BYTES = 64;
/** Split when it holds so many. */
export const SEGMENT_LIMIT = 717;

export interface SlotLayout {
  readonly bytes: number;
  readonly size: number;
  readonly cell: number;
}

/** Offsets within a slot; the address is at 0. */
export function slotOf(wideAddresses: boolean): SlotLayout {
  return wideAddresses ? { bytes: 16, size: 8, cell: 4 } : { bytes: 12, size: 4, cell: 8 };
}

export function segmentBytes(wideAddresses: boolean): number {
  return SEGMENT_HEAD_BYTES + SEGMENT_SLOTS * slotOf(wideAddresses).bytes + 64;
}
