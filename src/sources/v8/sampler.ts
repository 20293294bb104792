/**
 * V8's sampling heap profiler, driven in process and synchronously through `node:inspector`.
 *
 * V8 has one such sampler per isolate and no notion of who owns it: a second `startSampling` answers success and
 * changes nothing, and anybody's `stopSampling` ends it for all. So `start()` asks for a profile first: an answer
 * means that the sampler is somebody else's (`--heap-prof`, an agent, DevTools), and it is then left alone.
 *
 * Not here: what a profile means (`profile-sites.ts`).
 */
import { createRequire } from 'node:module';

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

interface Session {
  connect(): void;
  disconnect(): void;
  post(method: string, params: object, done: (error: Error | null, result: unknown) => void): void;
}

/**
 * V8's own default. The protocol message nests two levels for each frame and its writer gives up at 300: Node 26
 * aborts the process at a depth of 148 (measured), so deeper stacks are never asked for.
 */
const MAX_STACK_DEPTH = 128;

export class HeapSampler {
  #session: Session | undefined;

  get running(): boolean {
    return this.#session !== undefined;
  }

  /**
   * @param everyBytes mean distance between samples
   * @param stackDepth frames kept; Node before 26 always keeps 128
   * @returns why it can't run, with the remedy; undefined when it runs
   */
  start(everyBytes: number, stackDepth: number): string | undefined {
    if (this.#session !== undefined) return undefined;
    let session: Session;
    try {
      const inspector = createRequire(import.meta.url)('node:inspector') as { Session: new () => Session };
      session = new inspector.Session();
      session.connect();
    } catch (error) {
      return refusal(error);
    }
    if (profileOf(session) !== undefined) {
      session.disconnect();
      return 'another tool (--heap-prof, a profiling agent, DevTools) already samples the JavaScript heap, and V8 has one sampler; run without that tool to see JavaScript stacks';
    }
    const depth = Math.min(Math.max(stackDepth, 1), MAX_STACK_DEPTH);
    const failure = post(session, 'HeapProfiler.startSampling', {
      samplingInterval: everyBytes,
      stackDepth: depth,
    }).error;
    if (failure !== undefined) {
      session.disconnect();
      return `V8 did not start its heap sampler (${failure.message}); JavaScript stacks are off`;
    }
    this.#session = session;
    return undefined;
  }

  /**
   * What is alive now, by calling context. Forces a full garbage collection.
   *
   * @returns undefined when not running, or when somebody else has stopped the sampler (`running` is then false)
   */
  profile(): SamplingProfile | undefined {
    if (this.#session === undefined) return undefined;
    const profile = profileOf(this.#session);
    if (profile === undefined) this.stop();
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

function post(session: Session, method: string, params: object): { result?: unknown; error?: Error } {
  const answer: { result?: unknown; error?: Error } = {};
  session.post(method, params, (error, result) => {
    if (error === null) answer.result = result;
    else answer.error = error;
  });
  return answer;
}

function profileOf(session: Session): SamplingProfile | undefined {
  const { result } = post(session, 'HeapProfiler.getSamplingProfile', {});
  return (result as { profile: SamplingProfile } | undefined)?.profile;
}

function refusal(error: unknown): string {
  const code = error instanceof Error && 'code' in error ? error.code : undefined;
  if (code === 'ERR_ACCESS_DENIED') {
    return "Node's permission model denies the inspector; add --allow-inspector (Node 24 or newer) to see JavaScript stacks";
  }
  if (code === 'ERR_INSPECTOR_NOT_AVAILABLE' || code === 'ERR_UNKNOWN_BUILTIN_MODULE') {
    return 'this Node was built without the inspector; use an ordinary build to see JavaScript stacks';
  }
  return `the inspector is not available (${String(error)}); JavaScript stacks are off`;
}
