/** A `wasm` source as a tracer would drive it, alone, and what changed in it between two moments. */
import { formatStack } from '../../../src/heap/frame.js';
import { Guard } from '../../../src/heap/guard.js';
import { Labels, SyncLabels } from '../../../src/heap/labels.js';
import { Sampler } from '../../../src/heap/sampler.js';
import type { SourceSnapshot } from '../../../src/heap/snapshot.js';
import { StackCapture } from '../../../src/heap/stack.js';
import { Throttle } from '../../../src/heap/throttle.js';
import { WalkBudget } from '../../../src/sources/wasm/walk-budget.js';
import { WasmSource, type WasmSourceOptions } from '../../../src/sources/wasm/wasm-source.js';

/** On a busy machine a walk takes long; what is attributed must not depend on it. */
const ENOUGH = new WalkBudget(() => 0);

export interface Traced {
  readonly source: WasmSource;
  readonly warnings: string[];
  readonly labels: Labels;
  setSampling(probability: number): void;
}

export function traced(options: WasmSourceOptions = {}, sampling = 1): Traced {
  const warnings: string[] = [];
  const sampler = new Sampler(sampling, 1);
  const host = {
    guard: new Guard(),
    sampler,
    stacks: new StackCapture(),
    throttle: new Throttle(
      () => performance.now() * 1000,
      () => {},
    ),
    labels: new Labels(() => new SyncLabels()),
    shards: 16,
    warn: (message: string) => {
      warnings.push(message);
    },
  };
  return {
    source: new WasmSource(host, { walks: ENOUGH, ...options }),
    warnings,
    labels: host.labels,
    setSampling: (p) => sampler.setProbability(p),
  };
}

export interface Growth {
  readonly blocks: number;
  readonly bytes: number;
  /** Sites that grew, largest first: stack, bytes, blocks. */
  readonly sites: readonly { readonly stack: string; readonly bytes: number; readonly blocks: number }[];
}

export function growth(before: SourceSnapshot, after: SourceSnapshot): Growth {
  const earlier = new Map(before.sites.map((site) => [site.hash, site]));
  const sites = after.sites
    .map(({ hash, frames, liveBytes, liveBlocks }) => ({
      stack: formatStack(frames),
      bytes: liveBytes - (earlier.get(hash)?.liveBytes ?? 0),
      blocks: liveBlocks - (earlier.get(hash)?.liveBlocks ?? 0),
    }))
    .filter(({ bytes, blocks }) => bytes !== 0 || blocks !== 0)
    .sort((a, b) => b.bytes - a.bytes);
  return { blocks: after.liveBlocks - before.liveBlocks, bytes: after.liveBytes - before.liveBytes, sites };
}
