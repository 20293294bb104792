/**
 * From V8's tree of calling contexts to one row for each stack a reader would tell apart.
 *
 * Bytes are the nodes' `selfSize`: V8 rounds what one sample stands for to a whole number, so sums of the samples are
 * off by a quarter for objects near the sampling interval. Blocks are an estimate from the samples (`block-estimate.ts`).
 *
 * Cost: one pass over the tree, without recursion; stacks are walked only for nodes that hold bytes and only as far
 * as they are shown, each distinct frame is classified, mapped and formatted once, and stacks are compared as lists
 * of frame numbers.
 */
import { type Frame, hashStack } from '../../heap/frame.js';
import type { SiteUsage } from '../../heap/snapshot.js';
import { BlockEstimate } from './block-estimate.js';
import { FrameTable } from './frame-table.js';
import type { ProfileNode, SamplingProfile } from './sampler.js';
import { type FrameRules, type StackLink, trimStack } from './trim.js';

export interface ProfileSites {
  /** In no particular order. */
  readonly sites: readonly SiteUsage[];
  /** Estimated live bytes that otrace allocated for itself; in no site. */
  readonly ownBytes: number;
}

const NO_SAMPLES: ReadonlyMap<number, number> = new Map();

/** A tree node still to be visited. */
interface Pending {
  readonly node: ProfileNode;
  readonly outer: StackLink | undefined;
}

interface Site {
  readonly frames: readonly Frame[];
  bytes: number;
  blocks: number;
}

/**
 * @param everyBytes the interval at which the profile was sampled
 * @param stackDepth frames shown of a stack; contexts that differ only further out are one site
 */
export function profileSites(
  profile: SamplingProfile,
  everyBytes: number,
  stackDepth: number,
  rules: FrameRules,
): ProfileSites {
  const frames = new FrameTable(rules);
  const samples = samplesByNode(profile);
  const estimate = new BlockEstimate(everyBytes);
  const sites = new Map<string, Site>();
  let ownBytes = 0;

  const pending: Pending[] = [{ node: profile.head, outer: undefined }];
  for (let next = pending.pop(); next !== undefined; next = pending.pop()) {
    const { node, outer } = next;
    const link: StackLink = { entry: frames.of(node.callFrame), outer };
    for (const child of node.children) pending.push({ node: child, outer: link });
    if (node.selfSize <= 0) continue;
    const stack = trimStack(link, stackDepth);
    if (stack === undefined) {
      ownBytes += node.selfSize;
      continue;
    }
    const key = frames.keyOf(stack);
    let site = sites.get(key);
    if (site === undefined) {
      site = { frames: stack, bytes: 0, blocks: 0 };
      sites.set(key, site);
    }
    site.bytes += node.selfSize;
    site.blocks += estimate.blocks(node.selfSize, samples.get(node.id) ?? NO_SAMPLES);
  }

  return { sites: [...sites.values()].map(siteUsage), ownBytes };
}

function samplesByNode(profile: SamplingProfile): Map<number, Map<number, number>> {
  const nodes = new Map<number, Map<number, number>>();
  for (const { nodeId, size } of profile.samples) {
    let sizes = nodes.get(nodeId);
    if (sizes === undefined) {
      sizes = new Map();
      nodes.set(nodeId, sizes);
    }
    sizes.set(size, (sizes.get(size) ?? 0) + 1);
  }
  return nodes;
}

function siteUsage(site: Site): SiteUsage {
  return {
    source: 'js',
    hash: hashStack('js', site.frames),
    frames: site.frames,
    liveBytes: site.bytes,
    liveBlocks: site.blocks,
    totalBytes: 0,
    totalBlocks: 0,
  };
}
