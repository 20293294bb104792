/**
 * What the parts of this folder need of a recorder, and what they offer whoever turns them on. Each part puts one
 * kind of thing that Node already tells onto the timeline of a program that was never changed for it.
 */

/** The recorder, as far as it is used here. Times are microseconds on its clock. */
export interface Timeline {
  nowUs(): number;
  /** @param ms a time as `performance.now()` gives it */
  fromPerformanceMs(ms: number): number;
  complete(category: string, name: string, startUs: number, durationUs: number, args?: TimelineArgs): void;
  instant(category: string, name: string, atUs?: number, args?: TimelineArgs): void;
  counter(category: string, name: string, series: Readonly<Record<string, number>>): void;
}

export type TimelineArgs = Readonly<Record<string, unknown>>;

/** A part that is on. */
export interface TimelinePart {
  /** Records what Node has already told and nobody has picked up yet. Before a flush and at exit. */
  drain(): void;
  /** Drains and turns the part off for good; calling it again does nothing. */
  stop(): void;
}
