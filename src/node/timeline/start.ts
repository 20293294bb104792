/** Turns the parts of the timeline on, by name, over a recorder. */
import type { Recorder } from '../../recorder/recorder.js';
import type { RunOptions, TimelineName } from '../run-options.js';
import { startCollections } from './collections.js';
import { startEventLoop } from './event-loop.js';
import { startHttp } from './http.js';
import type { Timeline, TimelinePart } from './timeline.js';
import { startUserTiming } from './user-timing.js';

type Options = Pick<RunOptions, 'timeline' | 'httpAll'>;

const PARTS: Readonly<Record<TimelineName, (timeline: Timeline, options: Options) => TimelinePart>> = {
  gc: startCollections,
  'user-timing': startUserTiming,
  http: (timeline, { httpAll }) => startHttp(timeline, httpAll),
  'event-loop': (timeline) => startEventLoop(timeline),
};

/** @returns all the parts that are asked for as one */
export function startTimeline(trace: Recorder, options: Options): TimelinePart {
  const timeline: Timeline = {
    nowUs: () => trace.clock.nowUs(),
    fromPerformanceMs: (ms) => trace.clock.fromPerformanceMs(ms),
    complete: (category, name, startUs, durationUs, args) =>
      trace.category(category).complete(name, startUs, durationUs, args),
    instant: (category, name, atUs, args) => {
      if (atUs === undefined) trace.category(category).instant(name, args);
      else trace.category(category).instantAt(name, atUs, args);
    },
    counter: (category, name, series) => trace.category(category).counter(name, series),
  };
  const parts = options.timeline.map((name) => PARTS[name](timeline, options));
  return {
    drain: () => {
      for (const part of parts) part.drain();
    },
    stop: () => {
      for (const part of parts) part.stop();
    },
  };
}
