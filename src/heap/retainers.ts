/**
 * The row `heap_retainers`: why something is alive. Keys `leak_1` ... are those of `heap_leaks` in the same report,
 * keys `class_1` ... are groups of objects that survived since a mark, most bytes first. Both values read
 *
 *     (Global) > sessions: Map > […]: Session (5242880 bytes, 10000 objects)
 *
 * the path from a root to one of the objects (`graph/path-text.ts`), and how much is held in the same place. Pure.
 */
import type { SiteUsage } from './snapshot.js';

/** Objects that survived since a mark and are held by the same owner. */
export interface SurvivorGroup {
  readonly className: string;
  readonly objects: number;
  /** What goes with them, of what was allocated since the mark. */
  readonly bytes: number;
  /** From a root to the largest of them, joined by ` > `. */
  readonly path: string;
}

export function retainerText(path: string, bytes: number, objects: number): string {
  return `${path} (${bytes.toFixed(0)} bytes, ${objects} objects)`;
}

/**
 * @param leaks as `heap_leaks` ranks them
 * @returns undefined when nothing is known
 */
export function retainerValues(
  leaks: readonly SiteUsage[],
  survivors: readonly SurvivorGroup[] = [],
): Readonly<Record<string, string>> | undefined {
  const values: Record<string, string> = {};
  for (const [i, { retainer }] of leaks.entries()) {
    if (retainer !== undefined) values[`leak_${i + 1}`] = retainer;
  }
  for (const [i, { path, bytes, objects }] of survivors.entries()) {
    values[`class_${i + 1}`] = retainerText(path, bytes, objects);
  }
  return Object.keys(values).length > 0 ? values : undefined;
}
