/** The history of a lane in one line of block characters: columns are equal spans of time, heights start at zero. */
import type { HistoryBucket } from '../reading/live-history.js';

const BLOCKS = '▁▂▃▄▅▆▇█';

/**
 * Each column shows the greatest value in its span (so that no peak is lost), or, where nothing was recorded, the
 * value before it; columns before the first value are blank.
 *
 * @param buckets in the order of time
 * @param span of all columns together, in microseconds
 * @param width in columns
 */
export function sparkline(
  buckets: readonly HistoryBucket[],
  span: { readonly fromUs: number; readonly toUs: number },
  width: number,
): string {
  const highest = new Float64Array(width).fill(Number.NaN);
  const lastIn = new Float64Array(width).fill(Number.NaN);
  const scale = span.toUs > span.fromUs ? width / (span.toUs - span.fromUs) : 0;
  const columnOf = (timeUs: number): number =>
    Math.max(0, Math.min(width - 1, Math.floor((timeUs - span.fromUs) * scale)));
  for (const bucket of buckets) {
    const last = columnOf(bucket.toUs);
    for (let column = columnOf(bucket.fromUs); column <= last; column++) {
      if (!(highest[column]! >= bucket.max)) highest[column] = bucket.max;
    }
    lastIn[last] = bucket.last;
  }
  const peak = Math.max(0, ...buckets.map((bucket) => bucket.max));
  let line = '';
  let before = Number.NaN;
  for (let column = 0; column < width; column++) {
    const value = Number.isNaN(highest[column]!) ? before : highest[column]!;
    line += Number.isNaN(value) ? ' ' : block(value, peak);
    if (!Number.isNaN(lastIn[column]!)) before = lastIn[column]!;
    else if (!Number.isNaN(value)) before = value;
  }
  return line;
}

/** Zero and below take the lowest block, the peak the highest. */
function block(value: number, peak: number): string {
  const level = peak > 0 ? Math.ceil((value / peak) * BLOCKS.length) - 1 : 0;
  return BLOCKS[Math.max(0, Math.min(BLOCKS.length - 1, level))]!;
}
