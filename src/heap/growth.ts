/**
 * Which sites grow steadily, and how surely: a verdict instead of a list of what is live. Pure.
 *
 * Two kinds of evidence, of which the weaker counts where both are there:
 *
 *   - **the course** over repeated snapshots. Of an exact source its floor (what is freed later was not gained). A
 *     course of few snapshots proves little: of `n` the confidence is at most `1 - 2^(1 - n)`.
 *   - **the births** of what is live (V8's sampler knows them, `sources/v8/births.ts`): a leak has survivors of every
 *     time; a cache that evicts, or objects in use, only young ones; a cache that filled or a burst only old ones.
 *     One snapshot is enough. While there are not enough of them to tell the time, at most 90 %.
 */
import { type Frame, isSameFrame } from './frame.js';
import type { HeapHistory } from './history.js';
import { inlinedInto, NOT_INLINED } from './inlined.js';
import type { HeapSnapshot, SiteUsage, SourceSnapshot } from './snapshot.js';
import { bytesAt, floorOf, type Point, type Steadiness, steadinessOf } from './steadiness.js';

/** A site that gains bytes, with the others in which the same function allocates. */
export interface SiteGrowth {
  /** The largest of them. */
  readonly usage: SiteUsage;
  readonly estimated: boolean;
  /** What they and what was inlined into them held after warm-up and hold now, and the time between. */
  readonly fromBytes: number;
  readonly toBytes: number;
  readonly spanUs: number;
  /** 0 .. 0.99: how surely this is steady growth. */
  readonly confidence: number;
  /** Functions that V8 has probably inlined into the site's, innermost first: they may be the ones that allocate. */
  readonly inlined: readonly Frame[];
}

/** From here on the growth of a site is called a suspected leak. */
export const SUSPECT_CONFIDENCE = 0.9;

/** Less sure is not listed, unless there is not yet evidence for more: two or three reports that were asked for. */
const LEAST_CONFIDENCE = 0.8;
const MOST_CONFIDENCE = 0.99;
const MOST_UNTIMED = 0.9;
/** A course of fewer snapshots says nothing beside the births. */
const SHORTEST_COURSE = 4;
/** Gains of V8's heap below this are the engine's own bookkeeping as often as not; so are Node's pools of buffers. */
const LEAST_ENGINE_GAIN_BYTES = 64 * 1024;

/**
 * The growing sites, most bytes gained first.
 *
 * @param history of this and earlier snapshots
 * @returns undefined while there is nothing to judge by: no births, and no earlier snapshot
 */
export function growthOf(snapshot: HeapSnapshot, history: HeapHistory): SiteGrowth[] | undefined {
  let judged = false;
  const growing: SiteGrowth[] = [];
  for (const source of snapshot.sources) {
    if (source.births === undefined && history.looksAt(source.source) < 2) continue;
    judged = true;
    growing.push(...growthIn(source, snapshot.takenUs, history));
  }
  return judged ? growing.sort(byGain) : undefined;
}

/**
 * The largest sites choose first what belongs to them; nothing counts for two. A function that several callers reach
 * is several sites, and as V8 compiles them anew they take turns: so a function is judged as a whole first, and caller
 * by caller where that shows no growth (one may leak through what another uses well).
 */
function growthIn(source: SourceSnapshot, takenUs: number, history: HeapHistory): SiteGrowth[] {
  const { estimated, births } = source;
  const most = mostConfidence(source, history.looksAt(source.source));
  const growing: SiteGrowth[] = [];
  const left = new Set(source.sites.filter(({ liveBytes }) => liveBytes > 0).sort(byLiveBytes));
  const mayBeEngine = estimated || (source.source === 'buffers' && most < LEAST_CONFIDENCE);
  const leastGainBytes = mayBeEngine ? LEAST_ENGINE_GAIN_BYTES : 0;
  const judge = (usage: SiteUsage, sites: readonly SiteUsage[], inlined: readonly Frame[]): boolean => {
    // Nobody gains more than is live; most sites of a program that has just started are one sample.
    if (sum(sites, ({ liveBytes }) => liveBytes) < leastGainBytes) return false;
    const { probability, ...gain } =
      births === undefined
        ? exactSteadiness(history.courseOf(usage))
        : estimatedSteadiness(sites, births, takenUs, history);
    const confidence = Math.min(probability, most);
    if (gain.toBytes - gain.fromBytes < leastGainBytes) return false;
    if (confidence < (history.hasCheckpoints ? LEAST_CONFIDENCE : Math.min(LEAST_CONFIDENCE, most)))
      return false;
    growing.push({ usage, estimated, ...gain, confidence, inlined });
    for (const site of sites) left.delete(site);
    return true;
  };
  for (const usage of left) {
    if (births === undefined) {
      judge(usage, [usage], []);
      continue;
    }
    const { earlier, frames } = births.inlining === false ? NOT_INLINED : inlinedInto(usage, left);
    const together = new Set([usage, ...sameFunction(usage, left), ...earlier]);
    if (together.size > 1 + earlier.length && judge(usage, [...together], frames)) continue;
    judge(usage, [usage, ...earlier], frames);
  }
  return growing;
}

/** The sites in which the same function allocates, whoever called it. */
function sameFunction({ frames: [innermost] }: SiteUsage, sites: Iterable<SiteUsage>): SiteUsage[] {
  if (innermost === undefined) return [];
  return [...sites].filter(({ frames: [other] }) => other !== undefined && isSameFrame(other, innermost));
}

function byLiveBytes(a: SiteUsage, b: SiteUsage): number {
  return b.liveBytes - a.liveBytes || (a.hash < b.hash ? -1 : 1);
}

/** However steady a course looks, it proves no more than this. */
function mostConfidence({ births }: SourceSnapshot, looks: number): number {
  if (births !== undefined) return births.timed ? MOST_CONFIDENCE : MOST_UNTIMED;
  return Math.min(MOST_CONFIDENCE, 1 - 2 ** (1 - looks));
}

function exactSteadiness(course: readonly Point[]): Steadiness {
  return steadinessOf(floorOf(course), { moments: course.length }, () => 0);
}

/** @param sites a site, and what it was before its functions were inlined */
function estimatedSteadiness(
  sites: readonly SiteUsage[],
  { spanUs, timed, activity }: NonNullable<SourceSnapshot['births']>,
  takenUs: number,
  history: HeapHistory,
): Steadiness {
  // A sum of Poisson counts: its variance grows as its mean does.
  const liveBytes = sum(sites, (site) => site.liveBytes);
  const variancePerByte = sum(sites, (site) => (site.errorBytes ?? 0) ** 2) / liveBytes;
  const startUs = takenUs - spanUs;
  const survivors = survivorsOf(sites, bornBytesOf, startUs, spanUs);
  // Samples, not bytes: the table of a collection that grows is one large block, born when it was last enlarged.
  const born = survivorsOf(sites, bornSamplesOf, startUs, spanUs);
  const samples = born.at(-1)!.bytes;
  const course = addedUp(sites.map((site) => history.courseOf(site)));
  const followed = timed && course.length >= SHORTEST_COURSE;
  const activityOf = averageOf(activity, startUs, spanUs);
  const evidence = { samples, mayBeBad: followed ? 'not the last' : 'none', activityOf } as const;
  const probability = timed
    ? steadinessOf(born, evidence, asCounted).probability
    : untimedProbability(born, samples);
  const byBirth = { ...steadinessOf(survivors, {}, () => 0), probability };
  if (!followed) return byBirth;
  // What was live at a moment and has died since adds to the noise of a gain from there.
  const net = steadinessOf(course, { samples, moments: course.length, activityOf }, (gain, fromUs) => {
    const died = Math.max(0, bytesAt(course, fromUs) - bytesAt(survivors, fromUs));
    return variancePerByte * (gain + died);
  });
  return { ...net, probability: Math.min(net.probability, byBirth.probability) };
}

/**
 * An axis of what was allocated has a dead end, since what a program does last need not be what leaks. So three long
 * segments must be good; and where there are samples for more, three quarters of those, whichever: two bursts that are
 * kept may lie in three long ones, too.
 */
function untimedProbability(born: readonly Point[], samples: number): number {
  const long = steadinessOf(born, { samples: 0, mayBeBad: 'none' }, asCounted);
  const short = steadinessOf(born, { samples, mayBeBad: 'any' }, asCounted);
  return Math.min(long.probability, short.probability);
}

/** Of figures that divide a time evenly, the average between two times; 1 where there are none. */
function averageOf(
  figures: readonly number[] = [1],
  startUs: number,
  spanUs: number,
): (fromUs: number, toUs: number) => number {
  const course = [{ timeUs: startUs, bytes: 0 }];
  for (const [i, figure] of figures.entries()) {
    const timeUs = startUs + (spanUs * (i + 1)) / figures.length;
    course.push({ timeUs, bytes: course[i]!.bytes + figure / figures.length });
  }
  return (fromUs, toUs) => (bytesAt(course, toUs) - bytesAt(course, fromUs)) / ((toUs - fromUs) / spanUs);
}

/** The variance of a count. */
function asCounted(gain: number): number {
  return gain;
}

/** What is live now, by when it was born: at each moment the bytes, or samples, that were there already. */
function survivorsOf(
  sites: readonly SiteUsage[],
  bornOf: (site: SiteUsage) => readonly number[],
  startUs: number,
  spanUs: number,
): Point[] {
  const births = sites.map(bornOf);
  const slices = Math.max(1, ...births.map(({ length }) => length));
  const points = [{ timeUs: startUs, bytes: 0 }];
  for (let slice = 0; slice < slices; slice++) {
    const born = sum(births, (figures) => figures[slice] ?? 0);
    points.push({
      timeUs: startUs + (spanUs * (slice + 1)) / slices,
      bytes: points.at(-1)!.bytes + born,
    });
  }
  return points;
}

function bornBytesOf({ bornBytes = [] }: SiteUsage): readonly number[] {
  return bornBytes;
}

/** Where they were not counted, as many as the standard error tells of. */
function bornSamplesOf({
  bornSamples,
  bornBytes = [],
  liveBytes,
  errorBytes = 0,
}: SiteUsage): readonly number[] {
  return (
    bornSamples ?? bornBytes.map((bytes) => (errorBytes > 0 ? (bytes * liveBytes) / errorBytes ** 2 : bytes))
  );
}

/** Courses of the same moments. */
function addedUp(courses: readonly (readonly Point[])[]): Point[] {
  return courses[0]!.map(({ timeUs }, i) => ({ timeUs, bytes: sum(courses, (course) => course[i]!.bytes) }));
}

function sum<T>(items: readonly T[], figure: (item: T) => number): number {
  return items.reduce((total, item) => total + figure(item), 0);
}

/** More bytes gained first, then the surer, then the hash, so that the order never depends on chance. */
function byGain(a: SiteGrowth, b: SiteGrowth): number {
  const gain = b.toBytes - b.fromBytes - (a.toBytes - a.fromBytes);
  if (gain !== 0) return gain;
  if (a.confidence !== b.confidence) return b.confidence - a.confidence;
  return a.usage.hash < b.usage.hash ? -1 : a.usage.hash > b.usage.hash ? 1 : 0;
}
