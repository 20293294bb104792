/**
 * What earlier snapshots of a heap held, site by site: from it come the growth of a site and, for sources that don't
 * keep their own, the high-water mark.
 *
 * Memory: at most `MOST_POINTS` snapshots (then every second one is forgotten, so that what is left still spans the
 * run), of each the `MOST_SITES` largest sites of a source: about 60 bytes a site.
 *
 * Not here: what is made of a course (`growth.ts`).
 */
import type { HeapSnapshot, SiteUsage, SourceName, SourceSnapshot } from './snapshot.js';
import type { Point } from './steadiness.js';

const MOST_POINTS = 48;
const MOST_SITES = 2_000;

interface Moment {
  readonly timeUs: number;
  /** Live bytes by site, of each source that was armed. */
  readonly sources: ReadonlyMap<SourceName, ReadonlyMap<string, number>>;
}

export class HeapHistory {
  #moments: Moment[] = [];
  /** Of sources that do not know their peak: the snapshot that held most. */
  readonly #peaks = new Map<SourceName, SourceSnapshot>();

  #hasCheckpoints = false;

  /** Whether not all snapshots were asked for: some were checkpoints. */
  get hasCheckpoints(): boolean {
    return this.#hasCheckpoints;
  }

  /** How many snapshots of a source are remembered. */
  momentsOf(source: SourceName): number {
    return this.#moments.filter(({ sources }) => sources.has(source)).length;
  }

  add({ takenUs, sources }: HeapSnapshot, kind: 'report' | 'checkpoint' = 'report'): void {
    this.#hasCheckpoints ||= kind === 'checkpoint';
    if (this.#moments.length >= MOST_POINTS) this.#moments = this.#moments.filter((_, i) => i % 2 === 0);
    this.#moments.push({
      timeUs: takenUs,
      sources: new Map(sources.map((taken) => [taken.source, largest(taken.sites)])),
    });
    for (const taken of sources) {
      if (taken.peakBytes !== undefined) continue;
      const peak = this.#peaks.get(taken.source);
      if (peak === undefined || taken.liveBytes > peak.liveBytes) this.#peaks.set(taken.source, taken);
    }
  }

  /** What a site held in each snapshot of its source, by time. */
  courseOf(site: SiteUsage): Point[] {
    const key = keyOf(site);
    const course: Point[] = [];
    for (const { timeUs, sources } of this.#moments) {
      const bytes = sources.get(site.source);
      if (bytes !== undefined) course.push({ timeUs, bytes: bytes.get(key) ?? 0 });
    }
    return course;
  }

  /** The snapshot of a source in which it held most; undefined for one that knows its peak itself. */
  peakOf(source: SourceName): SourceSnapshot | undefined {
    return this.#peaks.get(source);
  }
}

function largest(sites: readonly SiteUsage[]): Map<string, number> {
  const live = sites.filter(({ liveBytes }) => liveBytes > 0);
  if (live.length > MOST_SITES) live.sort((a, b) => b.liveBytes - a.liveBytes).length = MOST_SITES;
  return new Map(live.map((site) => [keyOf(site), site.liveBytes]));
}

/** Equal stacks of different threads are different sites. */
function keyOf({ hash, thread }: SiteUsage): string {
  return thread === undefined ? hash : `${hash} ${thread}`;
}
