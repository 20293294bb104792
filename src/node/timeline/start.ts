/** Turns the parts of the timeline on, by name, over a recorder. */
import type { Recorder } from '../../recorder/recorder.js';
import type { TimelineName } from '../run-options.js';
import { startCollections } from './collections.js';
import { startEventLoop } from './event-loop.js';
import { startHttp } from './http.js';
import type { Timeline, TimelinePart } from './timeline.js';
import { startUserTiming } from './user-timing.js';

const PARTS: Readonly<Record<TimelineName, (timeline: Timeline) => TimelinePart>> = {
  gc: startCollections,
  'user-timing': startUserTiming,
  http: startHttp,
  'event-loop': startEventLoop,
};

/** @returns all the parts as one */
export function startTimeline(trace: Recorder, names: readonly TimelineName[]): TimelinePart {
  const timeline: Timeline = {
    nowUs: () => trace.clock.nowUs(),
    fromPerformanceMs: (ms) => trace.clock.fromPerformanceMs(ms),
    scopes: (name) => {
      const category = trace.category(name);
      return (slice) => category.scope(slice);
    },
    complete: (category, name, startUs, durationUs, args) =>
      trace.category(category).complete(name, startUs, durationUs, args),
    instant: (category, name, atUs, args) => {
      if (atUs === undefined) trace.category(category).instant(name, args);
      else trace.category(category).instantAt(name, atUs, args);
    },
  };
  const parts = names.map((name) => PARTS[name](timeline));
  return {
    drain: () => {
      for (const part of parts) part.drain();
    },
    stop: () => {
      for (const part of parts) part.stop();
    },
  };
}
