/**
 * The heaps of the process' other threads in the picture that the main thread makes: what the tracer asks of whoever
 * brings them, and how they are laid together.
 *
 * Sites of threads that run the same script are one row, marked with the script and the number of threads; they stay
 * apart from the main thread's. Hashes do not know about threads, so they are what they would be on the main thread.
 *
 * What a thread held is gone with it. Its totals stay, and what was live at its end is kept apart, in
 * `HeapSnapshot.ended`: for each script of the last threads only, as many as ever ran at once. So a pool that was
 * shut down is shown whole, and a server that starts a thread for each request does not add up a year of them.
 *
 * Not here: how snapshots get from thread to thread (`node/worker-heaps.ts`).
 */
import { hashStack } from './frame.js';
import type { HeapSnapshot, SiteUsage, SourceName, SourceSnapshot } from './snapshot.js';
import { BIRTH_SLICES, SOURCE_NAMES } from './snapshot.js';

/** The heaps of one thread at one moment. */
export interface ThreadHeap {
  /** What the thread runs, as rows show it: threads that are equal in it share their rows. */
  readonly thread: string;
  readonly sources: readonly SourceSnapshot[];
}

/** What is known of the other threads. */
export interface OtherHeaps {
  readonly running: readonly ThreadHeap[];
  /** As they were at their ends. */
  readonly ended: readonly ThreadHeap[];
  /** What threads that ended have allocated in all; nothing of it is live. */
  readonly endedTotals: readonly ThreadHeap[];
  /** Lines about threads for `heap_report_stats`. */
  readonly facts: Readonly<Record<string, string>>;
}

/** What the tracer asks of whoever knows the other threads. */
export interface ThreadHeaps {
  /** Tells the other threads what will be wanted, without waiting: they work while this one does its part. */
  ask(what: 'figures' | 'snapshots'): void;
  /** Waits a bounded time for what was asked for; who has not answered by then is shown as it was last. */
  wait(): void;
  /** Bytes live in all other threads that run. REQUIRES: cheap. */
  liveBytes(): Readonly<Partial<Record<SourceName, number>>>;
  heaps(): OtherHeaps;
  /** Forgets the threads that have ended. */
  reset(): void;
}

/** The picture of the whole process. */
export function withThreads(own: HeapSnapshot, others: OtherHeaps): HeapSnapshot {
  const { running, ended, endedTotals, facts } = others;
  if (Object.keys(facts).length === 0 && running.length + ended.length + endedTotals.length === 0) return own;
  const sources: SourceSnapshot[] = [];
  for (const name of SOURCE_NAMES) {
    const mine = own.sources.find(({ source }) => source === name);
    const theirs = partsOf(running, name);
    const first = mine ?? theirs[0]?.part;
    if (first === undefined) continue;
    const live = theirs.map(({ part }) => part);
    sources.push({
      ...first,
      liveBytes: sum([mine, ...live], 'liveBytes'),
      liveBlocks: sum([mine, ...live], 'liveBlocks'),
      sites: [
        ...(mine?.sites ?? []),
        ...sitesByThread([...theirs.map((one) => onAxisOf(first, one)), ...partsOf(endedTotals, name)]),
      ],
      facts: joinedFacts([...(mine === undefined ? [] : [mine]), ...live]),
    });
  }
  const atEnd = SOURCE_NAMES.flatMap((name) => sitesByThread(partsOf(ended, name).map(withoutBirths)));
  const isLive = ({ liveBytes, liveBlocks }: SiteUsage): boolean => liveBytes > 0 || liveBlocks > 0;
  return { ...own, sources, ended: atEnd.filter(isLive), facts };
}

/**
 * At most so many sites of each source, the largest by live or total bytes; the rest is counted with the
 * allocations that have no stack.
 */
export function largestSites(source: SourceSnapshot, limit: number): SourceSnapshot {
  if (source.sites.length <= limit) return source;
  const weight = (site: SiteUsage): number => Math.max(site.liveBytes, site.totalBytes);
  const ranked = [...source.sites].sort((a, b) => weight(b) - weight(a));
  const rest = folded(source.source, ranked.slice(limit - 1));
  return { ...source, sites: [...ranked.slice(0, limit - 1), rest] };
}

/** Several sites as one without a stack. */
function folded(source: SourceName, sites: readonly SiteUsage[]): SiteUsage {
  const bare = { source, hash: hashStack(source, []), frames: [] };
  return sites.reduce((all, site) => plus(all, { ...site, ...bare }), {
    ...bare,
    liveBytes: 0,
    liveBlocks: 0,
    totalBytes: 0,
    totalBlocks: 0,
  });
}

/** One heap of one thread. */
interface Part {
  readonly thread: string;
  readonly part: SourceSnapshot;
}

function partsOf(heaps: readonly ThreadHeap[], name: SourceName): Part[] {
  return heaps.flatMap(({ thread, sources }) =>
    sources.filter(({ source }) => source === name).map((part) => ({ thread, part })),
  );
}

/** The sites of several threads, those of the same script added up. */
export function sitesByThread(parts: readonly Part[]): SiteUsage[] {
  const sites = new Map<string, SiteUsage>();
  for (const { thread, part } of parts) {
    for (const site of part.sites) {
      const key = [site.hash, thread, site.label ?? '', site.className ?? ''].join('\n');
      const before = sites.get(key);
      // A peak belongs to one thread's course of time: several can't be added up.
      const { peakBytes: _, peakBlocks: __, ...usage } = site;
      const one = { ...usage, thread, threadCount: site.threadCount ?? 1 };
      sites.set(key, before === undefined ? one : plus(before, one));
    }
  }
  return [...sites.values()];
}

/** The births of a thread's sites on the time that a source covers: a thread that came later has a shorter one. */
function onAxisOf({ births }: SourceSnapshot, { thread, part }: Part): Part {
  const own = part.births;
  if (births === undefined || own === undefined || births.timed !== own.timed) {
    return withoutBirths({ thread, part });
  }
  const share = births.timed ? Math.min(1, own.spanUs / births.spanUs) : 1;
  const moved = ({ bornBytes, bornSamples, ...site }: SiteUsage): SiteUsage => ({
    ...site,
    ...(bornBytes !== undefined && { bornBytes: stretched(bornBytes, share) }),
    ...(bornSamples !== undefined && { bornSamples: stretched(bornSamples, share) }),
  });
  return { thread, part: { ...part, sites: part.sites.map(moved) } };
}

function withoutBirths({ thread, part }: Part): Part {
  const sites = part.sites.map(({ bornBytes: _, bornSamples: __, ...site }) => site);
  return { thread, part: { ...part, sites } };
}

/** Slices of the last `share` of an axis as slices of the whole. */
function stretched(born: readonly number[], share: number): number[] {
  const slices = new Array<number>(BIRTH_SLICES).fill(0);
  for (const [i, bytes] of born.entries()) {
    const middle = 1 - share + (share * (i + 0.5)) / born.length;
    slices[Math.min(BIRTH_SLICES - 1, Math.floor(middle * BIRTH_SLICES))]! += bytes;
  }
  return slices;
}

/** Slice by slice; undefined when one of them has none. */
function added(a: readonly number[] | undefined, b: readonly number[] | undefined): number[] | undefined {
  return a === undefined || a.length !== b?.length ? undefined : a.map((figure, i) => figure + b[i]!);
}

function plus(a: SiteUsage, b: SiteUsage): SiteUsage {
  const threadCount = (a.threadCount ?? 0) + (b.threadCount ?? 0);
  const errorBytes = Math.hypot(a.errorBytes ?? 0, b.errorBytes ?? 0);
  const { bornBytes: _, bornSamples: __, ...site } = a;
  const bornBytes = added(a.bornBytes, b.bornBytes);
  const bornSamples = added(a.bornSamples, b.bornSamples);
  return {
    ...site,
    ...(bornBytes !== undefined && { bornBytes }),
    ...(bornSamples !== undefined && { bornSamples }),
    liveBytes: a.liveBytes + b.liveBytes,
    liveBlocks: a.liveBlocks + b.liveBlocks,
    totalBytes: a.totalBytes + b.totalBytes,
    totalBlocks: a.totalBlocks + b.totalBlocks,
    ...(b.estimated && { estimated: true }),
    ...(threadCount > 0 && { threadCount }),
    ...(errorBytes > 0 && { errorBytes }),
  };
}

/** Counts are added up; of anything else the first thread's word stands. */
function joinedFacts(sources: readonly SourceSnapshot[]): Record<string, string> {
  const joined: Record<string, string> = {};
  for (const { facts } of sources) {
    for (const [name, value] of Object.entries(facts)) {
      const before = joined[name];
      const areCounts = before !== undefined && /^\d+$/.test(before) && /^\d+$/.test(value);
      joined[name] = areCounts ? String(Number(before) + Number(value)) : (before ?? value);
    }
  }
  return joined;
}

function sum(sources: readonly (SourceSnapshot | undefined)[], figure: 'liveBytes' | 'liveBlocks'): number {
  return sources.reduce((total, source) => total + (source?.[figure] ?? 0), 0);
}
