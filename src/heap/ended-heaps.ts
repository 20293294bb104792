/**
 * The threads that have ended: what they allocated in all, and what the last of them held at their ends.
 *
 * Invariants: for each script the snapshots of at most `MAX_KEPT` threads are kept, and no more than ever ran at once;
 * totals are kept for at most `MAX_SITES` sites of a script's source and for `MAX_SCRIPTS` scripts, and what is beyond
 * counts in a row without a stack, or under `other threads`.
 */
import type { SourceSnapshot } from './snapshot.js';
import { largestSites, sitesByThread, type ThreadHeap } from './thread-heaps.js';

const MAX_KEPT = 64;
const MAX_SITES = 4096;
const MAX_SCRIPTS = 64;
const OTHERS = 'other threads';

/** How many threads of a script have ended, and how well it is known what they held. */
export interface EndedCount {
  readonly thread: string;
  readonly count: number;
  /** Those of which nothing is known. */
  readonly unknown: number;
  /** What V8 said their heaps held. */
  readonly unknownBytes: number;
  /** Time from the last that is known of a thread to its end, the longest. */
  readonly latestUs: number;
}

interface Script {
  /** Threads that ended. */
  count: number;
  unknown: number;
  unknownBytes: number;
  latestUs: number;
  /** Most threads that ran at once. */
  most: number;
  /** The oldest first. */
  kept: ThreadHeap[];
  totals: readonly SourceSnapshot[];
}

export class EndedHeaps {
  readonly #scripts = new Map<string, Script>();

  /** As they were at their ends. */
  get last(): readonly ThreadHeap[] {
    return [...this.#scripts.values()].flatMap(({ kept }) => kept);
  }

  get totals(): readonly ThreadHeap[] {
    return [...this.#scripts]
      .filter(([, { totals }]) => totals.length > 0)
      .map(([thread, { totals }]) => ({ thread, sources: totals }));
  }

  /** Threads that ended, by what they ran. */
  get counts(): readonly EndedCount[] {
    return [...this.#scripts]
      .map(([thread, { count, unknown, unknownBytes, latestUs }]) => ({
        thread,
        count,
        unknown,
        unknownBytes,
        latestUs,
      }))
      .filter(({ count }) => count > 0);
  }

  /** A thread of this script has come; so many now run. */
  started(thread: string, running: number): void {
    const script = this.#scriptOf(thread);
    script.most = Math.max(script.most, Math.min(running, MAX_KEPT));
  }

  /**
   * A thread has ended.
   *
   * @param heap the last that is known of what it held
   * @param ageUs time from then to its end; undefined where nothing is known
   * @param heapBytes what its JavaScript heap held, where that is all that is known
   */
  add(heap: ThreadHeap, ageUs: number | undefined, heapBytes = 0): void {
    const thread = this.#nameFor(heap.thread);
    const script = this.#scriptOf(thread);
    script.count++;
    if (ageUs === undefined) {
      script.unknown++;
      script.unknownBytes += heapBytes;
    } else script.latestUs = Math.max(script.latestUs, ageUs);
    script.kept.push({ ...heap, thread });
    if (script.kept.length > script.most) script.kept.shift();
    script.totals = addedTotals(script.totals, heap.sources);
  }

  /** Forgets what they held and allocated. */
  reset(): void {
    for (const script of this.#scripts.values()) Object.assign(script, { ...nothing(), most: script.most });
  }

  #nameFor(thread: string): string {
    return this.#scripts.has(thread) || this.#scripts.size < MAX_SCRIPTS ? thread : OTHERS;
  }

  #scriptOf(thread: string): Script {
    const name = this.#nameFor(thread);
    let script = this.#scripts.get(name);
    if (script === undefined) {
      script = nothing();
      this.#scripts.set(name, script);
    }
    return script;
  }
}

function nothing(): Script {
  return { count: 0, unknown: 0, unknownBytes: 0, latestUs: 0, most: 1, kept: [], totals: [] };
}

/** Both without what is live in them. */
function addedTotals(
  before: readonly SourceSnapshot[],
  sources: readonly SourceSnapshot[],
): readonly SourceSnapshot[] {
  const names = new Set([...before, ...sources].map(({ source }) => source));
  return [...names].map((name) => {
    const parts = [...before, ...sources].filter(({ source }) => source === name);
    const sites = sitesByThread(parts.map((part) => ({ thread: '', part })))
      .filter(({ totalBlocks }) => totalBlocks > 0)
      .map(({ thread: _, bornBytes: __, bornSamples: ___, ...site }) => ({
        ...site,
        liveBytes: 0,
        liveBlocks: 0,
        threadCount: 0,
      }));
    return largestSites({ ...parts[0]!, liveBytes: 0, liveBlocks: 0, sites, facts: {} }, MAX_SITES);
  });
}
