/**
 * V8's heap sampler with what is live and what was ever allocated at once, which the inspector can't give: through the
 * package `@datadog/pprof` (5.20 or newer, on Node 26 or newer), where the program has it installed.
 *
 * The package's own `profile()` begins a new run of the sampler each time, so that its live figures cover only what was
 * allocated since; `v8Profile()`, the step before, does not, and is what is asked here. The price of totals is that V8
 * keeps every sample, also of what is dead: some 110 bytes for each `everyBytes` allocated. `MOST_SAMPLES` bounds it.
 *
 * It gives counts by size rather than samples, so there are no births. V8 has multiplied each sample by what it stands
 * for, rounded to a whole number; what the rounding added or took away is put right here: with it, objects of the
 * size of the interval would count for a quarter too much.
 */
import { createRequire } from 'node:module';
import { hashStack } from '../../heap/frame.js';
import type { SiteUsage } from '../../heap/snapshot.js';
import type { ProfileSites } from './profile-sites.js';
import { type CallFrame, samplerRefusal, samplingParameters } from './sampler.js';
import { type ShownStack, type TreeShape, walkStacks } from './stack-walk.js';
import type { FrameRules } from './trim.js';

/** What is used of the package. */
export interface PprofHeap {
  start(everyBytes: number, stackDepth: number, allocations: true): void;
  stop(): void;
  v8Profile(): PprofNode | undefined;
}

/** Lines and columns from 1; 0 when there is no source. */
export interface PprofNode {
  readonly name?: string;
  readonly scriptName: string;
  readonly scriptId?: number;
  readonly lineNumber?: number;
  readonly columnNumber?: number;
  /** One for each size of object. */
  readonly allocations: readonly PprofAllocation[];
  readonly children: readonly PprofNode[];
}

interface PprofAllocation {
  readonly inuseObjects: number;
  readonly inuseSpaceBytes: number;
  readonly allocObjects: number;
  readonly allocSpaceBytes: number;
}

/** What a source asks of it. */
export type Totals = Pick<TotalsSampler, 'running' | 'isFull' | 'start' | 'sites' | 'stop'>;

interface HeapStatistics {
  /** Since the start of the process; Node 26 has it. */
  readonly total_allocated_bytes?: number;
}

const MOST_SAMPLES = 1_000_000;
const PACKAGE = /[\\/]@datadog[\\/]pprof[\\/]/;

export class TotalsSampler {
  readonly #pprof: PprofHeap;
  #running = false;
  #everyBytes = 1;
  #startBytes = 0;
  /** The most that was ever allocated, as of the last profile: less means that somebody has begun a new run. */
  #totalBytes = 0;

  constructor(pprof: PprofHeap) {
    this.#pprof = pprof;
  }

  get running(): boolean {
    return this.#running;
  }

  /** Whether so many samples are kept by now that it should be stopped. */
  get isFull(): boolean {
    return allocatedBytes() - this.#startBytes > MOST_SAMPLES * this.#everyBytes;
  }

  /** @returns why it can't run, with the remedy; undefined when it runs */
  start(everyBytes: number, shownDepth: number): string | undefined {
    const refusal = samplerRefusal();
    if (refusal !== undefined) return refusal;
    try {
      this.#pprof.start(everyBytes, samplingParameters(everyBytes, shownDepth).stackDepth, true);
    } catch (error) {
      return `@datadog/pprof does not tell totals (${(error as Error).message}); JavaScript sites show what is live only`;
    }
    this.#running = true;
    this.#everyBytes = everyBytes;
    this.#startBytes = allocatedBytes();
    this.#totalBytes = 0;
    return undefined;
  }

  /**
   * What is live now and what was allocated since the start, by stack. Forces a full garbage collection.
   *
   * @returns undefined when somebody else has stopped the sampler (`running` is then false)
   */
  sites(stackDepth: number, rules: FrameRules): ProfileSites | undefined {
    const root = this.#pprof.v8Profile() ?? undefined;
    const found = root && totalSites(root, this.#everyBytes, stackDepth, rules);
    const totalBytes = found?.sites.reduce((sum, site) => sum + site.totalBytes, 0) ?? -1;
    if (found === undefined || totalBytes < this.#totalBytes) {
      this.#running = false; // and the sampler, if there is one, is not ours to stop
      return undefined;
    }
    this.#totalBytes = totalBytes;
    return found;
  }

  stop(): void {
    if (!this.#running) return;
    this.#running = false;
    this.#pprof.stop();
  }
}

const SHAPE: TreeShape<PprofNode> = {
  callFrame: ({ name, scriptName, scriptId, lineNumber, columnNumber }): CallFrame => ({
    functionName: name === undefined || name === '(anonymous)' ? '' : name,
    scriptId: String(scriptId ?? 0),
    url: scriptName,
    lineNumber: (lineNumber ?? 0) - 1,
    columnNumber: (columnNumber ?? 0) - 1,
  }),
  holds: ({ allocations }) => allocations.some(({ allocObjects }) => allocObjects > 0),
};

interface Site {
  readonly frames: ShownStack['frames'];
  liveBytes: number;
  liveBlocks: number;
  totalBytes: number;
  totalBlocks: number;
  variance: number;
}

function totalSites(
  root: PprofNode,
  everyBytes: number,
  stackDepth: number,
  rules: FrameRules,
): ProfileSites {
  const sites = new Map<string, Site>();
  let ownBytes = 0;
  const withPackage: FrameRules = {
    ...rules,
    isOwnFrame: (script) => rules.isOwnFrame(script) || PACKAGE.test(script),
  };
  walkStacks(root, SHAPE, stackDepth, withPackage, ({ allocations }, stack) => {
    if (stack === undefined) {
      for (const { inuseSpaceBytes } of allocations) ownBytes += inuseSpaceBytes;
      return;
    }
    let site = sites.get(stack.key);
    if (site === undefined) {
      site = {
        frames: stack.frames,
        liveBytes: 0,
        liveBlocks: 0,
        totalBytes: 0,
        totalBlocks: 0,
        variance: 0,
      };
      sites.set(stack.key, site);
    }
    for (const { inuseObjects, allocObjects, allocSpaceBytes } of allocations) {
      if (allocObjects === 0) continue;
      const size = allocSpaceBytes / allocObjects;
      const standsFor = 1 / (1 - Math.exp(-size / everyBytes));
      const unrounded = standsFor / Math.round(standsFor);
      const live = inuseObjects * unrounded;
      const total = allocObjects * unrounded;
      site.liveBytes += live * size;
      site.liveBlocks += live;
      site.totalBytes += total * size;
      site.totalBlocks += total;
      site.variance += size ** 2 * live * (standsFor - 1);
    }
  });
  return { sites: [...sites.values()].map(siteUsage), ownBytes };
}

function siteUsage({ frames, liveBytes, liveBlocks, totalBytes, totalBlocks, variance }: Site): SiteUsage {
  return {
    source: 'js',
    hash: hashStack('js', frames),
    frames,
    liveBytes: Math.round(liveBytes),
    liveBlocks: Math.round(liveBlocks),
    totalBytes: Math.round(totalBytes),
    totalBlocks: Math.round(totalBlocks),
    errorBytes: Math.sqrt(variance),
  };
}

function allocatedBytes(): number {
  const { getHeapStatistics } = createRequire(import.meta.url)('node:v8') as typeof import('node:v8');
  return (getHeapStatistics() as HeapStatistics).total_allocated_bytes ?? 0;
}
