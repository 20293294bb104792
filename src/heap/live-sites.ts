/**
 * What each call site of one source holds now, and what each held when the source held most (its high-water mark):
 * exact, and one comparison an operation for allocations without a stack.
 *
 * The mark is not copied when it is reached, which would be a walk over all sites at each new maximum. Instead, the
 * first free after a new maximum begins a new *epoch*, and a site writes down what it held at the mark when it first
 * changes in an epoch. A site that has not changed since still holds it.
 *
 *     live     --/\      /\_/      epoch 0 | 1 (first free after mark A) | 2 (first free after mark B)
 *             /  \_A__/  B
 *
 * Invariants, between calls:
 *  1. `bytes` and `blocks` are the sums over all sites; the uncaptured site has no columns and is what remains.
 *  2. `#rising` exactly when nothing was freed since the mark: every site then holds what it held at the mark.
 *  3. Otherwise a site held `#peakBytes[site]` at the mark if `#epochs[site] === #epoch`, else what it holds now.
 *
 * Memory: 40 bytes a site. The idea of marking sites by epoch is that of dhat's `t-gmax`, without its copy.
 */
/** The site of allocations whose stack was not captured. */
export const UNCAPTURED = 0;

const FIRST_CAPACITY = 64;

/** Bytes and blocks of each site; the uncaptured one is site 0. */
export interface SiteFigures {
  readonly bytes: Float64Array;
  readonly blocks: Float64Array;
}

export class LiveSites {
  bytes = 0;
  blocks = 0;
  /** Most bytes that were live at once. */
  peakBytes = 0;
  /** Blocks that were live then. */
  peakBlocks = 0;

  #liveBytes: Float64Array = new Float64Array(FIRST_CAPACITY);
  #liveBlocks: Float64Array = new Float64Array(FIRST_CAPACITY);
  #peakBytes: Float64Array = new Float64Array(FIRST_CAPACITY);
  #peakBlocks: Float64Array = new Float64Array(FIRST_CAPACITY);
  #epochs: Float64Array = new Float64Array(FIRST_CAPACITY);
  #epoch = 1;
  #rising = false;

  /** Memory held, in bytes. */
  get selfBytes(): number {
    return 5 * this.#epochs.byteLength;
  }

  /** Takes memory for sites up to this number. */
  reserve(sites: number): void {
    if (sites <= this.#epochs.length) return;
    const room = sites * 2;
    this.#liveBytes = grown(this.#liveBytes, room);
    this.#liveBlocks = grown(this.#liveBlocks, room);
    this.#peakBytes = grown(this.#peakBytes, room);
    this.#peakBlocks = grown(this.#peakBlocks, room);
    this.#epochs = grown(this.#epochs, room);
  }

  /** A block of this site is live. REQUIRES: `reserve(site + 1)` */
  add(site: number, bytes: number): void {
    if (site !== UNCAPTURED) this.#change(site, bytes, 1);
    this.blocks++;
    this.bytes += bytes;
    if (this.bytes > this.peakBytes) {
      this.peakBytes = this.bytes;
      this.peakBlocks = this.blocks;
      this.#rising = true;
    }
  }

  /** A block of this site is live no more. */
  remove(site: number, bytes: number): void {
    if (this.#rising) {
      this.#rising = false;
      this.#epoch++;
    }
    if (site !== UNCAPTURED) this.#change(site, -bytes, -1);
    this.blocks--;
    this.bytes -= bytes;
  }

  /**
   * Any number of blocks of the uncaptured site have come and gone; what counts is what is live after them, the mark, and
   * whether something was freed since it was reached, or since before if it was not.
   */
  passed(bytes: number, blocks: number, peakBytes: number, peakBlocks: number, freed: boolean): void {
    if (peakBytes > this.peakBytes) this.#rising = true;
    if (freed && this.#rising) {
      this.#rising = false;
      this.#epoch++;
    }
    this.bytes = bytes;
    this.blocks = blocks;
    this.peakBytes = peakBytes;
    this.peakBlocks = peakBlocks;
  }

  /** What is live now becomes the mark. */
  restartPeak(): void {
    this.peakBytes = this.bytes;
    this.peakBlocks = this.blocks;
    this.#rising = true;
  }

  /** What sites 0 .. `count - 1` hold now. */
  live(count: number): SiteFigures {
    return withRest(
      { bytes: this.#liveBytes.slice(0, count), blocks: this.#liveBlocks.slice(0, count) },
      this.bytes,
      this.blocks,
    );
  }

  /** What sites 0 .. `count - 1` held when the source held most. */
  peak(count: number): SiteFigures {
    const figures = { bytes: this.#liveBytes.slice(0, count), blocks: this.#liveBlocks.slice(0, count) };
    for (let site = 0; site < count && !this.#rising; site++) {
      if (this.#epochs[site] !== this.#epoch) continue;
      figures.bytes[site] = this.#peakBytes[site]!;
      figures.blocks[site] = this.#peakBlocks[site]!;
    }
    return withRest(figures, this.peakBytes, this.peakBlocks);
  }

  #change(site: number, bytes: number, blocks: number): void {
    if (this.#epochs[site] !== this.#epoch) {
      this.#epochs[site] = this.#epoch;
      this.#peakBytes[site] = this.#liveBytes[site]!;
      this.#peakBlocks[site] = this.#liveBlocks[site]!;
    }
    this.#liveBytes[site]! += bytes;
    this.#liveBlocks[site]! += blocks;
  }
}

/** Gives the uncaptured site what the others leave of the whole. */
function withRest(figures: SiteFigures, bytes: number, blocks: number): SiteFigures {
  figures.bytes[UNCAPTURED] = 0;
  figures.blocks[UNCAPTURED] = 0;
  figures.bytes[UNCAPTURED] = bytes - figures.bytes.reduce((sum, each) => sum + each, 0);
  figures.blocks[UNCAPTURED] = blocks - figures.blocks.reduce((sum, each) => sum + each, 0);
  return figures;
}

function grown(old: Float64Array, room: number): Float64Array {
  const column = new Float64Array(room);
  column.set(old);
  return column;
}
