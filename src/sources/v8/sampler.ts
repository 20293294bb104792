/**
 * V8's sampling heap profiler, driven in process and synchronously through `node:inspector`.
 *
 * V8 has one such sampler per isolate and no notion of who owns it: a second `startSampling` answers success and
 * changes nothing, and anybody's `stopSampling` ends it for all. So `start()` asks for a profile first: an answer
 * means that the sampler is somebody else's (`--heap-prof`, an agent, DevTools), and it is then left alone. And a tool
 * may take ours away later: `sample-continuity.ts` tells.
 *
 * Not here: what a profile means (`profile-sites.ts`).
 */
import { openSession, post, type Session } from './inspector-session.js';
import { SampleContinuity } from './sample-continuity.js';

/** One function in one calling context, as `HeapProfiler.getSamplingProfile` gives it. */
export interface ProfileNode {
  readonly callFrame: CallFrame;
  /** Estimated bytes allocated here that are still alive, without those of the children. */
  readonly selfSize: number;
  readonly id: number;
  readonly children: readonly ProfileNode[];
}

/** Where the function begins: lines and columns from 0, -1 when there is no source. */
export interface CallFrame {
  readonly functionName: string;
  readonly scriptId: string;
  readonly url: string;
  readonly lineNumber: number;
  readonly columnNumber: number;
}

/** One object that the sampler chose and that is still alive. */
export interface ProfileSample {
  /** Its size times what it stands for. */
  readonly size: number;
  readonly nodeId: number;
  /** Numbers the samples in order of allocation, from when the sampler was started. */
  readonly ordinal: number;
}

export interface SamplingProfile {
  readonly head: ProfileNode;
  readonly samples: readonly ProfileSample[];
}

/**
 * V8's own default. The protocol message nests two levels for each frame and its writer gives up at 300: Node 26
 * aborts the process at a depth of 148 (measured), so deeper stacks are never asked for.
 */
const MAX_STACK_DEPTH = 128;

/** Frames asked of V8 beyond those shown, for the engine's inner frames that trimming takes away. */
const HIDDEN_DEPTH = 32;

export const HELD =
  'another tool (--heap-prof, a profiling agent, DevTools) already samples the JavaScript heap, and V8 has one sampler; run without that tool to see JavaScript stacks';
export const TAKEN_AWAY =
  'another tool has stopped the heap sampler; run without that tool to see JavaScript stacks';

interface SamplingParameters {
  readonly samplingInterval: number;
  readonly stackDepth: number;
}

/** Why nobody can start the sampler now, with the remedy; undefined when it is free. */
export function samplerRefusal(): string | undefined {
  const session = openSession();
  if (typeof session === 'string') return session;
  const isHeld = profileOf(session) !== undefined;
  session.disconnect();
  return isHeld ? HELD : undefined;
}

/** What `HeapProfiler.startSampling` is told. @param shownDepth frames shown of a stack */
export function samplingParameters(everyBytes: number, shownDepth: number): SamplingParameters {
  const stackDepth = Math.min(Math.max(shownDepth + HIDDEN_DEPTH, 1), MAX_STACK_DEPTH);
  return { samplingInterval: everyBytes, stackDepth };
}

export class HeapSampler {
  readonly #continuity = new SampleContinuity();
  #session: Session | undefined;
  /** Their end would stop a sampler that is somebody else's by now. */
  readonly #leftOpen: Session[] = [];

  get running(): boolean {
    return this.#session !== undefined;
  }

  /**
   * @param everyBytes mean distance between samples
   * @param shownDepth frames shown of a stack; Node before 26 always keeps 128
   * @returns why it can't run, with the remedy; undefined when it runs
   */
  start(everyBytes: number, shownDepth: number): string | undefined {
    if (this.#session !== undefined) return undefined;
    const session = openSession();
    if (typeof session === 'string') return session;
    if (profileOf(session) !== undefined) {
      session.disconnect();
      return HELD;
    }
    const parameters = samplingParameters(everyBytes, shownDepth);
    const failure = post(session, 'HeapProfiler.startSampling', parameters).error;
    if (failure !== undefined) {
      session.disconnect();
      return `V8 did not start its heap sampler (${failure.message}); JavaScript stacks are off`;
    }
    this.#session = session;
    this.#continuity.reset();
    return undefined;
  }

  /**
   * What is alive now, by calling context. Forces a full garbage collection.
   *
   * @returns undefined when not running, or when somebody else has stopped the sampler (`running` is then false),
   *   and perhaps started it for themselves: theirs goes on
   */
  profile(): SamplingProfile | undefined {
    if (this.#session === undefined) return undefined;
    const profile = profileOf(this.#session);
    if (profile === undefined) this.stop();
    else if (!this.#continuity.continues(profile)) {
      this.#leftOpen.push(this.#session);
      this.#session = undefined;
      return undefined;
    }
    return profile;
  }

  /** Ends sampling and forgets what was sampled. */
  stop(): void {
    const session = this.#session;
    this.#session = undefined;
    if (session === undefined) return;
    // Not HeapProfiler.stopSampling: it would force a collection and send a profile that nobody reads.
    post(session, 'HeapProfiler.disable', {});
    session.disconnect();
  }
}

function profileOf(session: Session): SamplingProfile | undefined {
  const { result } = post(session, 'HeapProfiler.getSamplingProfile', {});
  return (result as { profile: SamplingProfile } | undefined)?.profile;
}
