/**
 * From V8's tree of calling contexts to one row for each stack a reader would tell apart.
 *
 * Bytes are the nodes' `selfSize`: V8 rounds what one sample stands for to a whole number, so sums of the samples are
 * off by a quarter for objects near the sampling interval. Blocks, and the standard error of the bytes, are estimates
 * from the samples (`block-estimate.ts`).
 *
 * Cost: one pass over the tree and one over the samples (`stack-walk.ts`).
 */
import { type Frame, hashStack } from '../../heap/frame.js';
import { BIRTH_SLICES, type SiteUsage } from '../../heap/snapshot.js';
import type { Births } from './births.js';
import { BlockEstimate } from './block-estimate.js';
import type { ProfileNode, SamplingProfile } from './sampler.js';
import { type TreeShape, walkStacks } from './stack-walk.js';
import type { FrameRules } from './trim.js';

export interface ProfileSites {
  /** In no particular order. */
  readonly sites: readonly SiteUsage[];
  /** Estimated live bytes that otrace allocated for itself; in no site. */
  readonly ownBytes: number;
}

/** The live samples of one node. */
interface NodeSamples {
  /** How many have each `size`. */
  readonly sizes: Map<number, number>;
  /** The sum of their sizes, and how it divides by time of birth. */
  size: number;
  readonly bornSize: number[];
  readonly born: number[];
}

const NO_SIZES: ReadonlyMap<number, number> = new Map();

const NODES: TreeShape<ProfileNode> = {
  callFrame: (node) => node.callFrame,
  holds: (node) => node.selfSize > 0,
};

interface Site {
  readonly frames: readonly Frame[];
  bytes: number;
  blocks: number;
  /** Of `bytes`. */
  variance: number;
  readonly bornBytes: number[];
  readonly bornSamples: number[];
}

/**
 * @param everyBytes the interval at which the profile was sampled
 * @param stackDepth frames shown of a stack; contexts that differ only further out are one site
 * @param births the axis on which the samples' births are laid
 */
export function profileSites(
  profile: SamplingProfile,
  everyBytes: number,
  stackDepth: number,
  rules: FrameRules,
  births: Births,
): ProfileSites {
  const samples = samplesByNode(profile, births);
  const estimate = new BlockEstimate(everyBytes);
  const sites = new Map<string, Site>();
  let ownBytes = 0;

  walkStacks(profile.head, NODES, stackDepth, rules, (node, stack) => {
    if (stack === undefined) {
      ownBytes += node.selfSize;
      return;
    }
    let site = sites.get(stack.key);
    if (site === undefined) {
      const { frames } = stack;
      site = {
        frames,
        bytes: 0,
        blocks: 0,
        variance: 0,
        bornBytes: emptySlices(),
        bornSamples: emptySlices(),
      };
      sites.set(stack.key, site);
    }
    site.bytes += node.selfSize;
    const own = samples.get(node.id);
    const { blocks, variance } = estimate.of(node.selfSize, own?.sizes ?? NO_SIZES);
    site.blocks += blocks;
    site.variance += variance;
    if (own !== undefined) addBirths(site, own, node.selfSize);
  });

  return { sites: [...sites.values()].map(siteUsage), ownBytes };
}

function samplesByNode(profile: SamplingProfile, births: Births): Map<number, NodeSamples> {
  const nodes = new Map<number, NodeSamples>();
  for (const { nodeId, size, ordinal } of profile.samples) {
    let node = nodes.get(nodeId);
    if (node === undefined) {
      node = { sizes: new Map(), size: 0, bornSize: emptySlices(), born: emptySlices() };
      nodes.set(nodeId, node);
    }
    node.sizes.set(size, (node.sizes.get(size) ?? 0) + 1);
    node.size += size;
    const slice = births.sliceOf(ordinal);
    node.bornSize[slice]! += size;
    node.born[slice]! += 1;
  }
  return nodes;
}

/** Divides a node's bytes by birth as its samples are divided. */
function addBirths(site: Site, { size, bornSize, born }: NodeSamples, bytes: number): void {
  for (let slice = 0; slice < BIRTH_SLICES; slice++) {
    site.bornBytes[slice]! += (bornSize[slice]! / size) * bytes;
    site.bornSamples[slice]! += born[slice]!;
  }
}

function emptySlices(): number[] {
  return new Array<number>(BIRTH_SLICES).fill(0);
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
    errorBytes: Math.sqrt(site.variance),
    bornBytes: site.bornBytes,
    bornSamples: site.bornSamples,
  };
}
