/**
 * Which functions V8 has probably inlined into those that a site names. V8 counts the allocations of an inlined
 * function for its caller, so as a program warms up a site sheds frames and goes on as another:
 *
 *     init <- createDebug <- handle <- serve      survivors of the first second
 *                            handle <- serve      survivors of all later ones
 *                            handle               from when `serve` was compiled anew
 *
 * One leak then looks like several sites that each grew for a while. So sites are taken together with those that
 * have their frames and more, if these hold old objects and no young ones (`SiteUsage.bornBytes`). The functions are
 * a guess, and shown as one; `otrace run --no-inline` is certain.
 */
import { type Frame, isSameFrame } from './frame.js';
import type { SiteUsage } from './snapshot.js';

/** What a site was before counts when it holds this share of the site's bytes, */
const LEAST_SHARE = 1 / 25;
/** of which at most this share was born in the last quarter. */
const MOST_YOUNG = 1 / 4;

type Stack = Pick<SiteUsage, 'frames'>;

/** What a site was before. */
export interface Inlined {
  /** The functions that one of `earlier` names and the site does not, innermost first: see `mostTelling`. */
  readonly frames: readonly Frame[];
  readonly earlier: readonly SiteUsage[];
}

export const NOT_INLINED: Inlined = { earlier: [], frames: [] };

/**
 * @param site one whose births are known
 * @param others sites of the same source
 */
export function inlinedInto(site: SiteUsage, others: Iterable<SiteUsage>): Inlined {
  const earlier: SiteUsage[] = [];
  for (const other of others) {
    if (other.liveBytes < site.liveBytes * LEAST_SHARE || youngShare(other) > MOST_YOUNG) continue;
    if (extraFrames(other, site) === undefined) continue;
    earlier.push(other);
  }
  const telling = mostTelling(site, earlier);
  return { earlier, frames: telling === undefined ? [] : extraFrames(telling, site)! };
}

/**
 * The largest that names functions of the program, for Node's own say nothing of who leaks; and of those that name
 * these and more (V8 inlines one function after another) the largest again.
 */
function mostTelling(site: SiteUsage, earlier: readonly SiteUsage[]): SiteUsage | undefined {
  const bySize = [...earlier].sort((a, b) => b.liveBytes - a.liveBytes);
  let telling = bySize.find((other) => extraFrames(other, site)!.some(isOfProgram)) ?? bySize[0];
  for (let more = telling; more !== undefined; ) {
    telling = more;
    const { frames } = more;
    more = bySize.find((other) => extraFrames(other, { frames }) !== undefined);
  }
  return telling;
}

function isOfProgram({ file }: Frame): boolean {
  return file !== undefined && !file.startsWith('node:');
}

/**
 * The frames that one stack has between those of another; undefined when it lacks any, or has none more. A stack
 * that is cut at its depth may lack outer ones.
 */
function extraFrames({ frames: more }: Stack, { frames: fewer }: Stack): Frame[] | undefined {
  const extra: Frame[] = [];
  let met = 0;
  for (const frame of more) {
    if (met < fewer.length && isSameFrame(frame, fewer[met]!)) met++;
    else extra.push(frame);
  }
  const endsInShared = met > 0 && isSameFrame(more.at(-1)!, fewer[met - 1]!);
  return extra.length > 0 && (met === fewer.length || endsInShared) && met > 0 ? extra : undefined;
}

function youngShare({ bornBytes = [], liveBytes }: SiteUsage): number {
  const young = bornBytes.slice(-Math.floor(bornBytes.length / 4));
  return young.reduce((sum, bytes) => sum + bytes, 0) / liveBytes;
}
