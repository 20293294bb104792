/**
 * Tells whether two profiles, one taken after the other, come from the same run of V8's sampler. V8 does not say who
 * started it, and a tool that stops it and starts its own leaves a sampler that answers as before, with other samples
 * at another interval.
 *
 * Samples are numbered as they are taken, and a dead one does not come back. So in one run:
 *
 *     every sample not newer than the newest seen is one of those seen, and still of the same node and size
 *
 * A new run numbers from 1 again and breaks this with its first samples, unless the program allocates in it just what it had
 * allocated in the one before: then with the first that differs. Cost: three numbers for each live sample.
 */
import type { ProfileSample, SamplingProfile } from './sampler.js';

export class SampleContinuity {
  #seen = new Map<number, ProfileSample>();
  #newest = 0;

  /** @returns false when the sampler was started anew since the last call; this profile is then the new beginning */
  continues(profile: SamplingProfile): boolean {
    let same = true;
    let newest = 0;
    const seen = new Map<number, ProfileSample>();
    for (const sample of profile.samples) {
      const { ordinal } = sample;
      if (ordinal <= this.#newest) same &&= equal(this.#seen.get(ordinal), sample);
      newest = Math.max(newest, ordinal);
      seen.set(ordinal, sample);
    }
    this.#seen = seen;
    this.#newest = same ? Math.max(newest, this.#newest) : newest;
    return same;
  }

  /** The next profile is the first of a run. */
  reset(): void {
    this.#seen = new Map();
    this.#newest = 0;
  }
}

function equal(before: ProfileSample | undefined, now: ProfileSample): boolean {
  return before?.nodeId === now.nodeId && before.size === now.size;
}
