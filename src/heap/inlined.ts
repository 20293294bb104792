/**
 * Which functions V8 has probably inlined into the one that a site names. V8 counts the allocations of an inlined
 * function for its caller, so when a program warms up a site moves outwards: first `createDebug <- handle <- serve`
 * gains bytes, later `handle <- serve`. Births tell (see `SiteUsage.bornBytes`): the inner site has survivors that are
 * old and none that are young. This is a guess, and shown as one; `otrace run --no-inline` is certain.
 */
import type { Frame } from './frame.js';
import type { SiteUsage } from './snapshot.js';

/** The inner site must hold this share of the outer one's bytes, */
const LEAST_SHARE = 1 / 25;
/** of which at most this share was born in the last quarter. */
const MOST_YOUNG = 1 / 10;

/** A site that has moved into its caller. */
export interface Inlined {
  /** The functions that were inlined, innermost first. */
  readonly frames: readonly Frame[];
  /** What they allocated before. */
  readonly usage: SiteUsage;
}

/**
 * @param site one whose births are known
 * @param others sites of the same source
 * @returns undefined when there is no sign of any
 */
export function inlinedInto(site: SiteUsage, others: readonly SiteUsage[]): Inlined | undefined {
  let best: SiteUsage | undefined;
  for (const other of others) {
    if (other.liveBytes < site.liveBytes * LEAST_SHARE || other.liveBytes <= (best?.liveBytes ?? 0)) continue;
    if (callDepth(other, site) > 0 && youngShare(other) <= MOST_YOUNG) best = other;
  }
  return best === undefined
    ? undefined
    : { frames: best.frames.slice(0, callDepth(best, site)), usage: best };
}

/** How many frames the one stack is further in than the other; 0 when it is not a call from there. */
function callDepth({ frames: inner }: SiteUsage, { frames: outer }: SiteUsage): number {
  for (let depth = 1; depth < inner.length; depth++) {
    // A stack that is cut at its depth has fewer outer frames.
    const shared = inner.slice(depth);
    if (shared.length <= outer.length && shared.every((frame, i) => isSame(frame, outer[i]!))) return depth;
  }
  return 0;
}

function isSame(a: Frame, b: Frame): boolean {
  return a.name === b.name && a.file === b.file && a.line === b.line && a.column === b.column;
}

function youngShare({ bornBytes = [], liveBytes }: SiteUsage): number {
  const young = bornBytes.slice(-Math.floor(bornBytes.length / 4));
  return young.reduce((sum, bytes) => sum + bytes, 0) / liveBytes;
}
