/**
 * The `js` source of `otrace run --exact`: the whole run is one exact window. From when it is armed every allocation is
 * recorded, and a snapshot has exact figures, live and total, with classes and with why the largest are alive.
 *
 * The recording ends with the last snapshot, when the source is disarmed, or when the process has nothing left to wait
 * for (V8's recording would keep it from ending); what it was then is kept.
 */
import type { ObjectTracking } from '../../heap/exact.js';
import type { SourceSnapshot } from '../../heap/snapshot.js';
import type { HeapSource } from '../../heap/source.js';
import { HeapFloor } from './heap-floor.js';

export interface ExactSourceOptions {
  readonly tracking: () => ObjectTracking;
  /** Sites for which it is told why they are alive. */
  readonly top: number;
  /** Told once what is wrong and what to do, when nothing can be recorded. */
  readonly warn: (message: string) => void;
}

export class ExactSource implements HeapSource {
  readonly name = 'js';
  readonly #options: ExactSourceOptions;
  readonly #floor = new HeapFloor();
  #tracking: ObjectTracking | undefined;
  #recording = false;
  #last: SourceSnapshot | undefined;
  #refusal: string | undefined;

  constructor(options: ExactSourceOptions) {
    this.#options = options;
  }

  arm(): void {
    if (this.#recording) return;
    this.#floor.start();
    this.#tracking ??= this.#options.tracking();
    this.#refuse(this.#tracking.begin(() => this.#end('nothing was left to wait for')));
    this.#recording = this.#refusal === undefined;
  }

  disarm(): void {
    this.#end('the source was turned off');
    this.#floor.stop();
  }

  reset(): void {
    this.#last = undefined;
    this.#floor.reset();
    if (!this.#recording) return;
    this.#recording = false;
    this.#tracking?.cancel();
    this.arm();
  }

  liveBytes(): number {
    return this.#last?.liveBytes ?? this.#floor.liveBytes;
  }

  snapshot(final: boolean): SourceSnapshot {
    if (this.#recording && final) this.#end();
    else if (this.#recording) this.#take((tracking) => tracking.peek(this.#options.top));
    const facts: Record<string, string> = { heap_used: `${this.#floor.usedBytes} bytes` };
    if (this.#refusal !== undefined) facts['stacks'] = `off: ${this.#refusal}`;
    if (this.#last === undefined) return { ...NOTHING, liveBytes: this.#floor.liveBytes, facts };
    return { ...this.#last, facts: { ...facts, ...this.#last.facts } };
  }

  /** @param why the recording ends before the run does */
  #end(why?: string): void {
    if (!this.#recording) return;
    this.#recording = false;
    this.#take((tracking) => tracking.end(this.#options.top));
    if (this.#last === undefined || why === undefined) return;
    this.#last = { ...this.#last, facts: { ...this.#last.facts, window_ended: why } };
  }

  #take(ask: (tracking: ObjectTracking) => SourceSnapshot | string): void {
    const taken = this.#floor.refresh(() => ask(this.#tracking!));
    if (typeof taken !== 'string') {
      this.#last = taken;
      return;
    }
    this.#recording = false;
    this.#refuse(taken);
  }

  #refuse(refusal: string | undefined): void {
    if (refusal !== undefined && refusal !== this.#refusal) this.#options.warn(`--exact: ${refusal}`);
    this.#refusal = refusal;
  }
}

const NOTHING: Omit<SourceSnapshot, 'liveBytes' | 'facts'> = {
  source: 'js',
  estimated: false,
  hasTotals: true,
  liveBlocks: 0,
  sites: [],
};
