/**
 * A time in which V8 runs the program as it is written: nothing inlined, no allocations folded into one or optimized
 * away, so that each is counted where it stands. It also keeps V8 from walking a stack while it turns optimized frames
 * back into ordinary ones, which with allocation tracking on ends the process (seen on Node 20 and 22).
 *
 * Counting calls for coverage does just that: code optimized before is thrown away, and none is made until it ends.
 * Where Node itself counts (`NODE_V8_COVERAGE`) it is so already, and ours would end theirs.
 *
 * Old objects do not move meanwhile (`--no-compact`): of an object that it has met before, V8 forgets who allocated it
 * when it moves.
 */
import { setFlagsFromString } from 'node:v8';
import { post, type Session } from './inspector-session.js';

export class Unoptimized {
  readonly #session: Session;
  readonly #counts: boolean;

  constructor(session: Session) {
    this.#session = session;
    this.#counts = !process.env['NODE_V8_COVERAGE'];
    setFlagsFromString('--no-compact');
    if (!this.#counts) return;
    post(session, 'Profiler.enable', {});
    post(session, 'Profiler.startPreciseCoverage', { callCount: true, detailed: false });
  }

  end(): void {
    if (!process.execArgv.includes('--no-compact')) setFlagsFromString('--compact');
    if (!this.#counts) return;
    post(this.#session, 'Profiler.stopPreciseCoverage', {});
    post(this.#session, 'Profiler.disable', {});
  }
}
