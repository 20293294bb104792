/** The picture of a stream source: what its sites hold, held at the peak, and have allocated. */

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
  const { live } = sites;
  const now = live.live(sites.count);
  const peak = live.peak(sites.count);
  let unmatchedFrees = 0;
  let impliedFrees = 0;
  for (const stream of streams) {
    unmatchedFrees += stream.unmatchedFrees;
    impliedFrees += stream.impliedFrees;
  }
  const usages: SiteUsage[] = [];
  for (let site = 0; site < sites.count; site++) {
    if (sites.totalBlocks[site] === 0 && now.blocks[site] === 0) continue;
    usages.push({
      source: sites.source,
      hash: sites.hashOf(site),
      frames: sites.framesOf(site),
      ...sites.tagsOf(site),
      liveBytes: now.bytes[site]!,
      liveBlocks: now.blocks[site]!,
      totalBytes: sites.totalBytes[site]!,
      totalBlocks: sites.totalBlocks[site]!,
      peakBytes: peak.bytes[site]!,
      peakBlocks: peak.blocks[site]!,
    });
  }
  return {
    source: sites.source,
    estimated: false,
    hasTotals: true,
    liveBytes: live.bytes,
    liveBlocks: live.blocks,
    peakBytes: live.peakBytes,
    peakBlocks: live.peakBlocks,
    sites: usages,
    facts: { unmatched_frees: String(unmatchedFrees), implied_frees: String(impliedFrees), ...facts },
  };
}
