/**
 * Blocks that end when the garbage collector takes an object: numbers for them, and a way to ask at any moment which
 * have ended, without waiting for finalizers (which never run when a process exits).
 *
 *     object --(private field, WeakMap)--> token <--WeakRef-- here[number]
 *
 * The token is reachable through its object alone, so it dies with it. What an engine does for a WeakRef (its target
 * survives the running job, and in older V8 every young collection) happens to these 24 bytes and not to the object:
 * a buffer that is garbage is freed as soon as it would be without otrace.
 *
 * Who looks for ended blocks: `sweep()`, before a report, at all; after every collection that the engine tells of,
 * a part of it: what is new since the last time, and some of the rest, so that no pause is long.
 *
 * Invariants:
 *  1. `#refs[n]` is defined exactly while block n is followed; the token then has `number === n`.
 *  2. A number in `#free` is not in use.
 *
 * Memory: about 100 bytes a block, until the end of the running job 30 more. A job that makes more than
 * `MOST_IN_A_JOB` blocks has the rest of them not followed, so that its garbage can't fill the memory.
 */

/** Stands for a block; what it belongs to is the only one that may hold it. */
export class BlockToken {
  /** Of the block; -1 when it has ended. */
  number: number;

  constructor(number: number) {
    this.number = number;
  }
}

/** Of a block: its token, the WeakRef, and what its object takes to carry the token. */
const BLOCK_BYTES = 104;
const SLOT_BYTES = 8;
const MOST_IN_A_JOB = 1_000_000;
/** Of the blocks that are not new, looked at after a collection. */
const OLD_PART = 4_096;

export class WeakBlocks {
  readonly #ended: (number: number) => void;
  readonly #mostInAJob: number;
  #refs: (WeakRef<BlockToken> | undefined)[] = [];
  #free: number[] = [];
  /** Numbers given out since the last look. */
  #young: number[] = [];
  /** Where the next look at the old ones begins. */
  #cursor = 0;
  #inThisJob = 0;
  #watching = false;
  readonly #collections = new FinalizationRegistry<undefined>(() => this.#afterCollection());

  /**
   * @param ended told the number of each block found ended
   * @param mostInAJob blocks followed of one job, default a million
   */
  constructor(ended: (number: number) => void, mostInAJob: number = MOST_IN_A_JOB) {
    this.#ended = ended;
    this.#mostInAJob = mostInAJob;
  }

  /** Blocks followed, the ended ones that nobody has looked at included. */
  get count(): number {
    return this.#refs.length - this.#free.length;
  }

  /** Memory held, in bytes, about. */
  get selfBytes(): number {
    const slots = this.#refs.length + this.#free.length + this.#young.length;
    return this.count * BLOCK_BYTES + slots * SLOT_BYTES;
  }

  /** A token for a new block, to be held by its object alone; undefined when this job has made too many. */
  follow(): BlockToken | undefined {
    if (++this.#inThisJob > this.#mostInAJob) return undefined;
    const number = this.#free.pop() ?? this.#refs.length;
    const token = new BlockToken(number);
    this.#refs[number] = new WeakRef(token);
    this.#young.push(number);
    if (!this.#watching) this.#watch();
    return token;
  }

  /** The block has ended before its object. `ended` is not told. */
  end(token: BlockToken): void {
    const { number } = token;
    if (number < 0) return;
    token.number = -1;
    this.#refs[number] = undefined;
    this.#free.push(number);
  }

  /** Finds all that have ended. Exact after a collection that took what this job made, too. */
  sweep(): void {
    this.#young = [];
    for (let number = 0; number < this.#refs.length; number++) this.#look(number);
  }

  /** Follows none of them any more; `ended` is not told. */
  reset(): void {
    for (const ref of this.#refs) {
      const token = ref?.deref();
      if (token !== undefined) token.number = -1;
    }
    this.#refs = [];
    this.#free = [];
    this.#young = [];
  }

  #look(number: number): void {
    const ref = this.#refs[number];
    if (ref === undefined || ref.deref() !== undefined) return;
    this.#refs[number] = undefined;
    this.#free.push(number);
    this.#ended(number);
  }

  /** Has the engine call when it has collected: the object registered is garbage from the start. */
  #watch(): void {
    this.#watching = true;
    this.#collections.register({}, undefined);
  }

  /** Runs in a job of its own. */
  #afterCollection(): void {
    this.#inThisJob = 0;
    this.#watching = false;
    const young = this.#young;
    this.#young = [];
    for (const number of young) this.#look(number);
    const part = Math.min(OLD_PART, this.#refs.length);
    for (let i = 0; i < part; i++) {
      if (this.#cursor >= this.#refs.length) this.#cursor = 0;
      this.#look(this.#cursor++);
    }
    if (this.count > 0) this.#watch();
  }
}
