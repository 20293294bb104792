/**
 * The `js` heap of another process or of a page, over its inspector: the same sampler, read by the same rules
 * (`profile-sites.ts`), asked in messages. The tracer asks its sources at once and can't wait for an answer, so
 * whoever drives this one calls `refresh()` first; `liveBytes` and `snapshot` then say what that brought.
 *
 *     floor     = bytes in use right after the collection that a profile forces
 *     liveBytes = floor - base; base is the floor when attached, or the lowest since
 *
 * Sampling is `start()` and `stop()` rather than arming: both wait. Not here: how the inspector is reached and opened.
 */
import type { SourceSnapshot } from '../../heap/snapshot.js';
import type { HeapSource } from '../../heap/source.js';
import { BirthClock, type Births } from './births.js';
import { type ProfileSites, profileSites } from './profile-sites.js';
import { SampleContinuity } from './sample-continuity.js';
import { HELD, type SamplingProfile, samplingParameters, TAKEN_AWAY } from './sampler.js';
import type { FrameRules } from './trim.js';

/** A session with an inspector. */
export interface InspectorSession {
  /** @returns the answer @throws Error when the target refuses, does not answer, or is gone */
  post(method: string, parameters?: object): Promise<unknown>;
}

export interface RemoteV8SourceOptions extends FrameRules {
  /** Mean number of bytes between samples. */
  readonly everyBytes: number;
  /** Beyond so many samples a second `widen()` makes the distance between them greater; left out, it never does. */
  readonly mostSamplesPerSecond?: number;
  /** Frames shown of a stack. */
  readonly stackDepth: number;
  /** Whether the target may begin anew by itself, as a page does that is loaded again; its sampler then does, too. */
  readonly mayBeginAnew: boolean;
  /** Done before sampling begins: whatever makes V8 allocate in the target by our doing. */
  readonly prepareTarget?: () => Promise<void>;
  /** Given the scripts of a profile before its frames are shown: the time to find their source maps. */
  readonly prepareFrames?: (scripts: ReadonlySet<string>) => Promise<void>;
  /** Told once what is wrong and what to do, when the stacks can't be had. */
  readonly warn: (message: string) => void;
}

const NO_SITES: ProfileSites = { sites: [], ownBytes: 0 };

export class RemoteV8Source implements HeapSource {
  readonly name = 'js';
  readonly #session: InspectorSession;
  readonly #options: RemoteV8SourceOptions;
  readonly #continuity = new SampleContinuity();
  readonly #birthClock = new BirthClock();
  #everyBytes: number;
  #startedMs = 0;
  /** Of the time before the first profile; undefined until then. */
  #samplesPerSecond: number | undefined;
  #isSettled = false;
  #sampled: ProfileSites = NO_SITES;
  #births: Births | undefined;
  #base = 0;
  #floor = 0;
  #longestMs = 0;
  #profileMs = 0;
  /** Why there are no stacks; undefined while there are. */
  #refusal: string | undefined = 'sampling has not begun';

  constructor(session: InspectorSession, options: RemoteV8SourceOptions) {
    this.#session = session;
    this.#options = options;
    this.#everyBytes = options.everyBytes;
  }

  /** What the last profile took, from the question to the answer. */
  get profileMs(): number {
    return this.#profileMs;
  }

  /** Starts sampling, unless somebody else does already: then only the figures of the whole heap are to be had. */
  async start(): Promise<void> {
    const isHeld = (await this.#profile()) !== undefined;
    if (!isHeld) await this.#options.prepareTarget?.();
    await this.#session.post('HeapProfiler.collectGarbage');
    this.#base = await this.#usedBytes();
    this.#floor = this.#base;
    if (isHeld) {
      this.#refuse(HELD);
      return;
    }
    await this.#startSampling();
    this.#refusal = undefined;
  }

  /**
   * After the first profile: where the program allocates so much that sampling would cost it more than a few percent,
   * sampling begins anew at a wider interval. Costs nothing else.
   */
  async widen(): Promise<void> {
    const { mostSamplesPerSecond: most = Number.POSITIVE_INFINITY } = this.#options;
    const pace = this.#samplesPerSecond;
    if (this.#refusal !== undefined || this.#isSettled || pace === undefined) return;
    this.#isSettled = true;
    if (pace <= most) return;
    this.#everyBytes *= 2 ** Math.ceil(Math.log2(pace / most));
    await this.#session.post('HeapProfiler.disable');
    await this.#startSampling();
    this.#continuity.reset();
    this.#sampled = NO_SITES;
    this.#births = undefined;
  }

  /**
   * Takes what is live now. Costs the target a full collection, or two.
   *
   * @param twice collects once before: when V8 was about to collect anyway, what has died since it began to mark is
   *   found by the second collection only, and would be shown as if it had leaked. There is no asking whether it was
   */
  async refresh(twice: boolean): Promise<void> {
    const startMs = performance.now();
    // Sent at once, they are answered with nothing of the program in between.
    const isSampling = this.#refusal === undefined;
    const before = isSampling && twice ? this.#profile() : undefined;
    const [, profile] = await Promise.all([before, isSampling ? this.#profile() : undefined]);
    if (this.#refusal !== undefined) await this.#session.post('HeapProfiler.collectGarbage');
    this.#profileMs = performance.now() - startMs;
    this.#floor = await this.#usedBytes();
    this.#base = Math.min(this.#base, this.#floor);
    if (this.#refusal === undefined) await this.#read(profile, startMs);
  }

  /** Ends sampling in the target, and no sampling of others. */
  async stop(): Promise<void> {
    if (this.#refusal !== undefined) return;
    this.#refusal = 'sampling has ended';
    await this.#session.post('HeapProfiler.disable');
  }

  arm(): void {}

  disarm(): void {}

  reset(): void {
    this.#sampled = NO_SITES;
    this.#base = this.#floor;
  }

  liveBytes(): number {
    return this.#floor - this.#base;
  }

  snapshot(): SourceSnapshot {
    const { sites, ownBytes } = this.#sampled;
    const births = this.#births;
    const sum = (figure: 'liveBytes' | 'liveBlocks'): number =>
      sites.reduce((total, site) => total + site[figure], 0);
    const facts: Record<string, string> = {
      heap_used: `${this.#floor} bytes`,
      sampling_interval: `${this.#everyBytes} bytes`,
      otrace_bytes: `~${ownBytes} bytes`,
      longest_profile: `${this.#longestMs.toFixed(0)} ms`,
    };
    if (this.#refusal !== undefined) facts['stacks'] = `off: ${this.#refusal}`;
    return {
      source: this.name,
      estimated: true,
      hasTotals: false,
      liveBytes: sites.length > 0 ? sum('liveBytes') : this.liveBytes(),
      liveBlocks: sum('liveBlocks'),
      sites,
      ...(births !== undefined && {
        births: {
          spanUs: births.spanUs,
          timed: births.timed,
          ...(births.activity !== undefined && { activity: births.activity }),
        },
      }),
      facts,
    };
  }

  async #read(profile: SamplingProfile | undefined, startMs: number): Promise<void> {
    this.#longestMs = Math.max(this.#longestMs, this.#profileMs);
    const { stackDepth, mayBeginAnew } = this.#options;
    const continues = profile !== undefined && this.#continuity.continues(profile);
    if (profile === undefined || !(continues || mayBeginAnew)) {
      this.#refuse(TAKEN_AWAY);
      return;
    }
    if (!continues) this.#birthClock.restart(startMs);
    this.#births = this.#birthClock.at(profile, startMs + this.#profileMs);
    if (this.#samplesPerSecond === undefined) {
      const newest = profile.samples.reduce((most, { ordinal }) => Math.max(most, ordinal), 0);
      this.#samplesPerSecond = (newest * 1000) / (startMs - this.#startedMs);
    }
    await this.#options.prepareFrames?.(scriptsOf(profile));
    this.#sampled = profileSites(profile, this.#everyBytes, stackDepth, this.#options, this.#births);
  }

  async #startSampling(): Promise<void> {
    const parameters = samplingParameters(this.#everyBytes, this.#options.stackDepth);
    await this.#session.post('HeapProfiler.startSampling', parameters);
    this.#startedMs = performance.now();
    this.#birthClock.restart(this.#startedMs);
  }

  /** undefined when nobody samples. */
  async #profile(): Promise<SamplingProfile | undefined> {
    try {
      const answer = (await this.#session.post('HeapProfiler.getSamplingProfile')) as {
        profile: SamplingProfile;
      };
      return answer.profile;
    } catch (error) {
      if (/not started/.test(String(error))) return undefined;
      throw error;
    }
  }

  async #usedBytes(): Promise<number> {
    return ((await this.#session.post('Runtime.getHeapUsage')) as { usedSize: number }).usedSize;
  }

  #refuse(refusal: string): void {
    this.#refusal = refusal;
    this.#options.warn(refusal);
  }
}

function scriptsOf({ head }: SamplingProfile): Set<string> {
  const scripts = new Set<string>();
  const nodes = [head];
  for (let node = nodes.pop(); node !== undefined; node = nodes.pop()) {
    if (node.callFrame.url !== '') scripts.add(node.callFrame.url);
    nodes.push(...node.children);
  }
  return scripts;
}
