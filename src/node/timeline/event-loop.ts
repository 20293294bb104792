/**
 * Stalls of the event loop: slices `stall` of category `event_loop`, for every time that a timer came late by more
 * than a threshold because the loop did not turn.
 *
 * An unref'd timer is due every half threshold. When it is late, the loop was blocked from when it was due until now;
 * that part is certain and is the slice. The loop may have been blocked already up to half a threshold before.
 * Cost: 40 wake-ups a second at the default, 6 ms of processor time a second in an idle process and less in a busy
 * one. `monitorEventLoopDelay` costs the same (it is a timer too) and can't tell when a stall was.
 *
 * Loading the program's modules is no stall: watching begins with the loop's first turn.
 */
import type { Timeline, TimelinePart } from './timeline.js';

/**
 * Stalls from now on.
 *
 * @param thresholdMs how late a timer must be
 */
export function startEventLoop(timeline: Timeline, thresholdMs = 50): TimelinePart {
  const intervalMs = Math.max(1, Math.round(thresholdMs / 2));
  let dueUs = Number.POSITIVE_INFINITY;
  const check = (): void => {
    const nowUs = timeline.nowUs();
    const lateUs = nowUs - dueUs;
    if (lateUs >= thresholdMs * 1000) timeline.complete('event_loop', 'stall', dueUs, lateUs);
    dueUs = nowUs + intervalMs * 1000;
  };
  const timer = setInterval(check, intervalMs).unref();
  let stopped = false;
  return {
    /** The stall that goes on now ends here. */
    drain() {
      if (!stopped && dueUs !== Number.POSITIVE_INFINITY) check();
    },
    stop() {
      this.drain();
      stopped = true;
      clearInterval(timer);
    },
  };
}
