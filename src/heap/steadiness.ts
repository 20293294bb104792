/**
 * How surely a course of bytes over time is steady growth: the statistics behind a growth verdict. Pure.
 *
 *     bytes                        __.x         The first quarter is warm-up and does not count.
 *       |                   __..--'             What is gained after it is divided into segments of equal time.
 *       |   .--x-----x---x-'                    In steady growth each segment gains its share; a cache that fills
 *       |  /   :      :      :      :           and stops gains nothing in the last, a burst all in one, objects in
 *       | /    :  1   :  2   :  3   :           use (seen by time of birth) all in the last.
 *       +------+------+------+------+-- time
 *        warm-up
 *
 * Each segment must gain at least `LEAST_SHARE` of its equal share, and all together something; of a segment in which
 * the whole program did less (fewer requests, a busy machine) proportionally less is asked. With a sampling error,
 * that is a probability (of a normal variable); without one, it is 0 or 1. The answer is the weakest of them. Of many
 * segments a quarter may be bad, since a server's nights have no traffic, but not the last one. Where only births are
 * known none may: what would be the night of a leak is a cache that has turned over once.
 *
 * More segments are more chances to fail, so there are few while there is little to observe: with `OBSERVATIONS` in
 * each, a leak of 40 samples is called one nine times of ten.
 */

/** What was held at a moment. */
export interface Point {
  readonly timeUs: number;
  readonly bytes: number;
}

export interface Steadiness {
  /** After warm-up, and at the end. */
  readonly fromBytes: number;
  readonly toBytes: number;
  /** Between these two. */
  readonly spanUs: number;
  /** 0 .. 1: how surely the growth is steady, as far as the sampling error goes. */
  readonly probability: number;
}

/** What a course rests on; left out, that is no limit. */
export interface Evidence {
  readonly samples?: number;
  readonly moments?: number;
  /** Which segments may be bad where there are many: a quarter of them but not the last one (when left out), any quarter, none. */
  readonly mayBeBad?: 'not the last' | 'any' | 'none';
  /** How much the program did between two times, as a multiple of the average. */
  readonly activityOf?: (fromUs: number, toUs: number) => number;
}

/** The share of the time that does not count. */
export const WARM_UP = 1 / 4;
const FEWEST_SEGMENTS = 3;
const MOST_SEGMENTS = 8;
/** A segment's figure is worth testing when it rests on about so many observations (samples), */
const OBSERVATIONS = 12;
/** or so many moments at which the whole was seen. */
const MOMENTS = 4;
const LEAST_SHARE = 1 / 4;
/** Of a time in which the program did less than this, as much is asked. */
const LEAST_ACTIVITY = 1 / 4;
const BAD_SHARE = 1 / 4;

/**
 * @param course by rising time, at least one point
 * @param evidence how many independent samples the course rests on, and at how many moments it was seen
 * @param varianceOf the variance of a gain between two times, in bytes squared; 0 where figures are exact
 */
export function steadinessOf(
  course: readonly Point[],
  {
    samples = Number.POSITIVE_INFINITY,
    moments = Number.POSITIVE_INFINITY,
    mayBeBad = 'not the last',
    activityOf = () => 1,
  }: Evidence,
  varianceOf: (gainBytes: number, fromUs: number, toUs: number) => number,
): Steadiness {
  const startUs = course[0]!.timeUs;
  const endUs = course.at(-1)!.timeUs;
  const warmUs = startUs + (endUs - startUs) * WARM_UP;
  const fromBytes = bytesAt(course, warmUs);
  const toBytes = course.at(-1)!.bytes;
  const gain = toBytes - fromBytes;
  const spanUs = endUs - warmUs;
  if (gain <= 0 || spanUs <= 0) return { fromBytes, toBytes, spanUs, probability: 0 };

  const segments = Math.min(
    MOST_SEGMENTS,
    Math.max(FEWEST_SEGMENTS, Math.floor(Math.min(samples / OBSERVATIONS, moments / MOMENTS))),
  );
  const equalShare = gain / segments;
  const passes: number[] = [];
  for (let segment = 0; segment < segments; segment++) {
    const segmentFromUs = warmUs + (spanUs * segment) / segments;
    const segmentToUs = warmUs + (spanUs * (segment + 1)) / segments;
    const gained = bytesAt(course, segmentToUs) - bytesAt(course, segmentFromUs);
    const activity = Math.min(1, Math.max(LEAST_ACTIVITY, activityOf(segmentFromUs, segmentToUs)));
    const least = equalShare * LEAST_SHARE * activity;
    // A segment that gained nothing is as uncertain as one that gained the least.
    const variance = varianceOf(Math.max(gained, least), segmentFromUs, segmentToUs);
    passes.push(probabilityAbove(gained - least, variance));
  }
  const last = mayBeBad === 'any' ? 1 : passes.pop()!;
  const bad = segments > FEWEST_SEGMENTS && mayBeBad !== 'none' ? Math.floor(segments * BAD_SHARE) : 0;
  const others = passes.sort((a, b) => b - a).slice(0, passes.length - bad);
  const whole = probabilityAbove(gain, varianceOf(gain, warmUs, endUs));
  return { fromBytes, toBytes, spanUs, probability: Math.min(whole, last, ...others) };
}

/** The lowest that each moment and all later ones hold: what is freed later was never gained. */
export function floorOf(course: readonly Point[]): Point[] {
  let lowest = Number.POSITIVE_INFINITY;
  return [...course]
    .reverse()
    .map(({ timeUs, bytes }) => {
      lowest = Math.min(lowest, bytes);
      return { timeUs, bytes: lowest };
    })
    .reverse();
}

/** On the straight line between the points around it. */
export function bytesAt(course: readonly Point[], timeUs: number): number {
  let before = course[0]!;
  for (const point of course) {
    if (point.timeUs >= timeUs) {
      if (point.timeUs === before.timeUs) return point.bytes;
      const share = (timeUs - before.timeUs) / (point.timeUs - before.timeUs);
      return before.bytes + Math.max(0, share) * (point.bytes - before.bytes);
    }
    before = point;
  }
  return before.bytes;
}

/** Probability that the true value is above 0 when this much was measured. */
function probabilityAbove(measured: number, variance: number): number {
  if (variance <= 0) return measured >= 0 ? 1 : 0;
  return normal(measured / Math.sqrt(variance));
}

/** The standard normal distribution function; Abramowitz and Stegun 26.2.17, good to 1e-7. */
function normal(z: number): number {
  if (z < 0) return 1 - normal(-z);
  const t = 1 / (1 + 0.2316419 * z);
  const tail =
    t * (0.31938153 + t * (-0.356563782 + t * (1.781477937 + t * (-1.821255978 + t * 1.330274429))));
  return 1 - (Math.exp((-z * z) / 2) / Math.sqrt(2 * Math.PI)) * tail;
}
