/**
 * The `js` source: V8's garbage-collected heap. Who allocated what is live comes from V8's sampling profiler
 * (`sampler.ts`, `profile-sites.ts`), how much is live from its collections (`heap-floor.ts`). Without the first (no
 * inspector, or another tool holds the sampler) the second goes on.
 *
 * V8 knows its samples only while it samples. So turning the source off, or to another interval, first takes what
 * is live then into `#carried`, which is kept but no longer watched: what dies of it later is still counted, as for
 * every source that is turned off. `facts` say how much of a snapshot that is.
 *
 * No totals: the inspector can tell what is live or what was ever allocated, and the latter keeps every sample for
 * ever. Where the user asks for both, `totals-sampler.ts` takes the sampler's place, within bounds.
 */
import { OtraceError } from '../../errors.js';
import { BIRTH_SLICES, type SiteUsage, type SourceSnapshot } from '../../heap/snapshot.js';
import type { SampledSource } from '../../heap/source.js';
import { BirthClock, type Births } from './births.js';
import { HeapFloor } from './heap-floor.js';
import { markAhead } from './marking-ahead.js';
import { type ProfileSites, profileSites } from './profile-sites.js';
import { HELD, HeapSampler, TAKEN_AWAY } from './sampler.js';
import type { Totals } from './totals-sampler.js';
import type { FrameRules } from './trim.js';

export interface V8SourceOptions extends FrameRules {
  /** Mean number of bytes between samples; default 32 KiB. Less is more exact and slower. */
  readonly everyBytes?: number;
  /** Frames shown of a stack; default 8. */
  readonly stackDepth?: number;
  /** What gives totals beside what is live; or why nothing can, with the remedy. Left out: only what is live. */
  readonly totals?: Totals | string;
  /** Whether V8 may inline functions, so that their allocations count for their callers; default true. */
  readonly inlining?: boolean;
  /** Told once what is wrong and what to do, when the stacks can't be had. */
  readonly warn: (message: string) => void;
}

const FULL =
  'totals of JavaScript sites have filled the memory set aside for them and end here; sampling goes on with what is live only, and a wider --every makes them last longer';

const NO_SITES: Sampled = { sites: [], ownBytes: 0, births: undefined };

/** What the sampler's profile told, and the axis of its births. */
interface Sampled extends ProfileSites {
  readonly births: Births | undefined;
}

export class V8Source implements SampledSource {
  readonly name = 'js';
  readonly #rules: V8SourceOptions;
  readonly #stackDepth: number;
  readonly #sampler = new HeapSampler();
  readonly #floor = new HeapFloor();
  readonly #births = new BirthClock();
  /** Undefined while there are no totals. */
  #totals: Totals | undefined;
  #everyBytes: number;
  #armed = false;
  #carried: readonly SiteUsage[] = [];
  /** Why there are no stacks; undefined while there are. */
  #refusal: string | undefined;

  /** @throws OtraceError `OTRACE_BAD_OPTION` when `everyBytes` or `stackDepth` is not a number of 1 or more */
  constructor(options: V8SourceOptions) {
    this.#rules = options;
    this.#everyBytes = positive('everyBytes', options.everyBytes ?? 32 * 1024);
    this.#stackDepth = positive('stackDepth', options.stackDepth ?? 8);
    if (typeof options.totals === 'string') options.warn(options.totals);
    else this.#totals = options.totals;
  }

  get snapshotCollects(): boolean {
    return this.#sampler.running;
  }

  get everyBytes(): number {
    return this.#everyBytes;
  }

  /**
   * Samples at another interval from now on. When armed, costs a garbage collection.
   *
   * @throws OtraceError `OTRACE_BAD_OPTION` when not a number of 1 or more
   */
  setEveryBytes(everyBytes: number): void {
    const wanted = positive('everyBytes', everyBytes);
    if (wanted === this.#everyBytes) return;
    this.#carry();
    this.#everyBytes = wanted;
    if (this.#armed) this.#sample();
  }

  arm(): void {
    if (this.#armed) return;
    this.#armed = true;
    this.#floor.start();
    this.#sample();
  }

  disarm(): void {
    if (!this.#armed) return;
    this.#armed = false;
    this.#carry();
    this.#floor.stop();
  }

  reset(): void {
    this.#carried = [];
    this.#floor.reset();
    if (!this.#samples) return;
    this.#sampledSites(); // finds out whether the sampler is still ours to stop
    if (!this.#samples) return;
    this.#stop();
    this.#sample();
  }

  /** What survived the last full collection beyond what was there when armed (see `heap-floor.ts`). */
  liveBytes(): number {
    return this.#floor.liveBytes;
  }

  snapshot(final = false): SourceSnapshot {
    // What has died since marking began is in the first profile still, as if it had leaked.
    if (this.#floor.isMarking) this.#sampledSites();
    if (!final && this.#samples) markAhead();
    if (this.#totals?.isFull) {
      this.#carry();
      this.#endTotals(FULL);
      this.#sample();
    }
    const { sites: sampled, ownBytes, births } = this.#sampledSites();
    const sites = merged(this.#carried, sampled);
    const hasStacks = this.#refusal === undefined || sites.length > 0;
    const facts: Record<string, string> = {
      heap_used: `${this.#floor.usedBytes} bytes`,
      sampling_interval: `${this.#everyBytes} bytes`,
      otrace_bytes: `~${ownBytes} bytes`,
    };
    if (this.#carried.length > 0) facts['carried'] = `~${sum(this.#carried, 'liveBytes')} bytes`;
    if (this.#refusal !== undefined) facts['stacks'] = `off: ${this.#refusal}`;
    return {
      source: this.name,
      estimated: true,
      hasTotals: this.#totals !== undefined,
      liveBytes: hasStacks ? sum(sites, 'liveBytes') : this.#floor.liveBytes,
      liveBlocks: sum(sites, 'liveBlocks'),
      sites,
      ...(births !== undefined && {
        births: {
          spanUs: births.spanUs,
          timed: births.timed,
          ...(births.activity !== undefined && { activity: births.activity }),
          ...(this.#rules.inlining === false && { inlining: false }),
        },
      }),
      facts,
    };
  }

  #sample(): void {
    if (this.#totals !== undefined) {
      const refusal = this.#totals.start(this.#everyBytes, this.#stackDepth);
      if (refusal === undefined || refusal === HELD) {
        this.#refuse(refusal);
        return;
      }
      this.#endTotals(refusal);
    }
    this.#births.restart(performance.now());
    this.#refuse(this.#sampler.start(this.#everyBytes, this.#stackDepth));
  }

  #carry(): void {
    if (!this.#samples) return;
    const sites = merged(this.#carried, this.#sampledSites().sites);
    this.#carried = sites.map((site) => ({ ...site, ...bornBefore(site) }));
    this.#stop();
  }

  /** Whether anything samples for us. */
  get #samples(): boolean {
    return this.#sampler.running || this.#totals?.running === true;
  }

  #stop(): void {
    this.#totals?.stop();
    this.#sampler.stop();
  }

  /** Goes on with what is live only. */
  #endTotals(reason: string): void {
    this.#rules.warn(reason);
    this.#totals = undefined;
    this.#carried = this.#carried.map((site) => ({ ...site, totalBytes: 0, totalBlocks: 0 }));
  }

  #sampledSites(): Sampled {
    if (!this.#samples) return NO_SITES;
    try {
      if (this.#totals !== undefined) {
        const totals = this.#totals;
        const found = this.#floor.refresh(() => totals.sites(this.#stackDepth, this.#rules));
        if (found !== undefined) return { ...found, births: undefined };
        this.#refuse(TAKEN_AWAY);
        return NO_SITES;
      }
      const profile = this.#floor.refresh(() => this.#sampler.profile());
      if (profile !== undefined) {
        const births = this.#births.at(profile, performance.now());
        const sites = profileSites(profile, this.#everyBytes, this.#stackDepth, this.#rules, births);
        return { ...sites, births };
      }
      this.#refuse(TAKEN_AWAY);
    } catch (error) {
      this.#stop();
      this.#refuse(`the heap profile could not be read (${String(error)}); JavaScript stacks are off`);
    }
    return NO_SITES;
  }

  #refuse(refusal: string | undefined): void {
    if (refusal !== undefined && refusal !== this.#refusal) this.#rules.warn(refusal);
    this.#refusal = refusal;
  }
}

function positive(option: string, value: number): number {
  if (value >= 1 && value <= Number.MAX_SAFE_INTEGER) return Math.round(value);
  throw new OtraceError('OTRACE_BAD_OPTION', `${option} is ${value}; give a number of 1 or more`);
}

function merged(carried: readonly SiteUsage[], sampled: readonly SiteUsage[]): SiteUsage[] {
  if (carried.length === 0) return [...sampled];
  const byHash = new Map(carried.map((site) => [site.hash, site]));
  for (const site of sampled) {
    const before = byHash.get(site.hash);
    byHash.set(site.hash, before === undefined ? site : plus(before, site));
  }
  return [...byHash.values()];
}

function plus(a: SiteUsage, b: SiteUsage): SiteUsage {
  return {
    ...a,
    liveBytes: a.liveBytes + b.liveBytes,
    liveBlocks: a.liveBlocks + b.liveBlocks,
    totalBytes: a.totalBytes + b.totalBytes,
    totalBlocks: a.totalBlocks + b.totalBlocks,
    errorBytes: Math.hypot(a.errorBytes ?? 0, b.errorBytes ?? 0),
    bornBytes: added(a.bornBytes, b.bornBytes),
    bornSamples: added(a.bornSamples, b.bornSamples),
  };
}

function added(a: readonly number[] = [], b: readonly number[] = []): number[] {
  return Array.from({ length: BIRTH_SLICES }, (_, slice) => (a[slice] ?? 0) + (b[slice] ?? 0));
}

/** What is carried over is older than all that will be sampled. */
function bornBefore({
  liveBytes,
  bornSamples = [],
}: SiteUsage): Pick<SiteUsage, 'bornBytes' | 'bornSamples'> {
  const samples = bornSamples.reduce((count, born) => count + born, 0);
  return { bornBytes: added([liveBytes]), bornSamples: added([samples]) };
}

function sum(sites: readonly SiteUsage[], figure: 'liveBytes' | 'liveBlocks'): number {
  return sites.reduce((total, site) => total + site[figure], 0);
}
