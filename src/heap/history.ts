/**
 * What earlier snapshots of a heap held, site by site: from it come the growth of a site and, for sources that don't
 * keep their own, the high-water mark.
 *
 * Memory: of each source at most `MOST_POINTS` snapshots (then every second one is forgotten, so that what is left
 * still spans the run), of each the `MOST_SITES` largest sites: about 60 bytes a site.
 *
 * Not here: what is made of a course (`growth.ts`).
 */
import type { HeapSnapshot, SiteUsage, SourceName, SourceSnapshot } from './snapshot.js';
import type { Point } from './steadiness.js';

const MOST_POINTS = 48;
const MOST_SITES = 2_000;
const LOOKS = 16;

interface Moment {
  readonly timeUs: number;
  /** Live bytes by site. */
  readonly sites: ReadonlyMap<string, number>;
}

export class HeapHistory {
  /** Not all sources are seen equally often. */
  readonly #moments = new Map<SourceName, readonly Moment[]>();
  /** Of sources that do not know their peak: the snapshot that held most. */
  readonly #peaks = new Map<SourceName, SourceSnapshot>();

  #hasCheckpoints = false;

  /** Whether not all snapshots were asked for: some were checkpoints. */
  get hasCheckpoints(): boolean {
    return this.#hasCheckpoints;
  }

  /**
   * At how many times a source was looked at. Snapshots within a sixteenth of the time between the first and the last
   * are one look: while a program keeps its event loop busy none are taken, and what lies between is not known.
   */
  looksAt(source: SourceName): number {
    const moments = this.#moments.get(source) ?? [];
    const startUs = moments[0]?.timeUs ?? 0;
    const spanUs = (moments.at(-1)?.timeUs ?? 0) - startUs;
    if (spanUs <= 0) return moments.length;
    return new Set(moments.map(({ timeUs }) => Math.floor(((timeUs - startUs) / spanUs) * LOOKS))).size;
  }

  add({ takenUs, sources }: HeapSnapshot, kind: 'report' | 'checkpoint' = 'report'): void {
    this.#hasCheckpoints ||= kind === 'checkpoint';
    for (const taken of sources) {
      const before = this.#moments.get(taken.source) ?? [];
      const kept = before.length < MOST_POINTS ? before : before.filter((_, i) => i % 2 === 0);
      this.#moments.set(taken.source, [...kept, { timeUs: takenUs, sites: largest(taken.sites) }]);
      if (taken.peakBytes !== undefined) continue;
      const peak = this.#peaks.get(taken.source);
      if (peak === undefined || taken.liveBytes > peak.liveBytes) this.#peaks.set(taken.source, taken);
    }
  }

  /** What a site held in each snapshot of its source, by time. */
  courseOf(site: SiteUsage): Point[] {
    const key = keyOf(site);
    const moments = this.#moments.get(site.source) ?? [];
    return moments.map(({ timeUs, sites }) => ({ timeUs, bytes: sites.get(key) ?? 0 }));
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
