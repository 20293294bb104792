/** The picture of a stream source: its live tables and site totals, brought together by site. */

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
  const bytesAt = new Float64Array(sites.count);
  const blocksAt = new Float64Array(sites.count);
  let liveBytes = 0;
  let liveBlocks = 0;
  let unmatchedFrees = 0;
  let impliedFrees = 0;
  for (const stream of streams) {
    stream.forEachLive((_key, bytes, site) => {
      bytesAt[site]! += bytes;
      blocksAt[site]! += 1;
    });
    liveBytes += stream.liveBytes;
    liveBlocks += stream.liveBlocks;
    unmatchedFrees += stream.unmatchedFrees;
    impliedFrees += stream.impliedFrees;
  }
  const usages: SiteUsage[] = [];
  for (let site = 0; site < sites.count; site++) {
    if (sites.totalBlocks[site] === 0 && blocksAt[site] === 0) continue;
    usages.push({
      source: sites.source,
      hash: sites.hashOf(site),
      frames: sites.framesOf(site),
      liveBytes: bytesAt[site]!,
      liveBlocks: blocksAt[site]!,
      totalBytes: sites.totalBytes[site]!,
      totalBlocks: sites.totalBlocks[site]!,
    });
  }
  return {
    source: sites.source,
    estimated: false,
    hasTotals: true,
    liveBytes,
    liveBlocks,
    sites: usages,
    facts: { unmatched_frees: String(unmatchedFrees), implied_frees: String(impliedFrees), ...facts },
  };
}
