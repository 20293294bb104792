/**
 * Where candidates for an allocator's functions are tried: most in passing, in an instance that several share,
 * since making one costs more than the calls; those that look right then get an instance of their own.
 *
 * A candidate may leave the shared instance in ruins. It is then replaced, and the candidate after it gets a
 * second look, so that no good one is lost.
 */
import type { WasmModule } from './module-sections.js';
import { TrialInstance } from './trial-instance.js';

const SHARED_BY = 12;

export class TrialBench {
  readonly #module: WasmModule;
  readonly #compiled: WebAssembly.Module;
  readonly #initializers: readonly number[];
  readonly #limit: { instances: number; readonly deadlineMs: number };
  #shared: TrialInstance | undefined;
  #uses = 0;

  /**
   * @param initializers functions called once in every instance
   * @param limit counts down with each instance made; at 0, or past the deadline (of `performance.now()`), every trial fails
   */
  constructor(
    module: WasmModule,
    compiled: WebAssembly.Module,
    initializers: readonly number[],
    limit: { instances: number; readonly deadlineMs: number },
  ) {
    this.#module = module;
    this.#compiled = compiled;
    this.#initializers = initializers;
    this.#limit = limit;
  }

  /**
   * @param glance may say false or true, or `ruined` when the instance is not as it should be, whoever did it
   * @param test the whole trial, in an instance of its own
   */
  passes(
    glance: (trial: TrialInstance) => boolean | 'ruined',
    test: (trial: TrialInstance) => boolean,
  ): boolean {
    if (this.#uses++ % SHARED_BY === 0) this.#shared = this.#fresh();
    if (this.#shared === undefined) return false;
    let seen = glance(this.#shared);
    if (seen === 'ruined') {
      this.#shared = this.#fresh();
      seen = this.#shared === undefined ? false : glance(this.#shared);
    }
    if (seen !== true) return false;
    const own = this.#fresh();
    return own !== undefined && test(own);
  }

  #fresh(): TrialInstance | undefined {
    if (this.#limit.instances-- <= 0 || performance.now() > this.#limit.deadlineMs) return undefined;
    const trial = TrialInstance.create(this.#module, this.#compiled);
    if (trial !== undefined) for (const f of this.#initializers) trial.call(f);
    return trial;
  }
}
