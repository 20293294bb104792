/** The picture of a stream source: what its sites hold, held at the peak, and have allocated. */

import type { SiteFigures } from './live-sites.js';
import type { SiteTable } from './sites.js';
import type { SiteUsage, SourceSnapshot } from './snapshot.js';
import type { AllocationStream } from './stream.js';

/**
 * @param sites the site table that all `streams` write to
 * @param facts further figures of the source, beside the counts of its frees
 */
export function snapshotStreams(
  sites: SiteTable,
  streams: Iterable<AllocationStream>,
  facts: Readonly<Record<string, string>> = {},
): SourceSnapshot {
  const { live, count } = sites;
  let unmatchedFrees = 0;
  let impliedFrees = 0;
  for (const stream of streams) {
    unmatchedFrees += stream.unmatchedFrees;
    impliedFrees += stream.impliedFrees;
  }
  return {
    ...sitesSnapshot(sites, { live: live.live(count), peak: live.peak(count), total: sites.totals() }),
    facts: { unmatched_frees: String(unmatchedFrees), implied_frees: String(impliedFrees), ...facts },
  };
}

/** What each site of a table holds, held at the high-water mark of its source, and has allocated. */
export interface SiteSums {
  readonly live: SiteFigures;
  readonly peak: SiteFigures;
  readonly total: SiteFigures;
  /** Live bytes at each site that may be another's, where there are any. */
  readonly doubtfulBytes?: Float64Array;
}

/** The picture of a source that keeps exact figures of every site. */
export function sitesSnapshot(sites: SiteTable, sums: SiteSums): Omit<SourceSnapshot, 'facts'> {
  const { live, peak, total, doubtfulBytes } = sums;
  const usages: SiteUsage[] = [];
  for (let site = 0; site < sites.count; site++) {
    if (total.blocks[site] === 0 && live.blocks[site] === 0) continue;
    usages.push({
      source: sites.source,
      hash: sites.hashOf(site),
      frames: sites.framesOf(site),
      ...sites.tagsOf(site),
      liveBytes: live.bytes[site]!,
      liveBlocks: live.blocks[site]!,
      totalBytes: total.bytes[site]!,
      totalBlocks: total.blocks[site]!,
      peakBytes: peak.bytes[site]!,
      peakBlocks: peak.blocks[site]!,
      ...((doubtfulBytes?.[site] ?? 0) > 0 && { errorBytes: Math.ceil(doubtfulBytes![site]!) }),
    });
  }
  return {
    source: sites.source,
    estimated: false,
    hasTotals: true,
    liveBytes: sumOf(live.bytes),
    liveBlocks: sumOf(live.blocks),
    peakBytes: sumOf(peak.bytes),
    peakBlocks: sumOf(peak.blocks),
    sites: usages,
  };
}

function sumOf(column: Float64Array): number {
  return column.reduce((sum, each) => sum + each, 0);
}
