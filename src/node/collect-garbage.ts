/**
 * A full garbage collection on request, on a Node that was not started with `--expose-gc`: V8 puts `gc` into contexts
 * made while the flag is set.
 *
 * V8 keeps what a WeakRef was made for until the running job ends. A context with a microtask queue of its own ends
 * that early: when its (empty) queue has run, V8 lets go of those objects, and no microtask of the program has run.
 */
import { createRequire } from 'node:module';
import type { Context } from 'node:vm';

export class GarbageCollection {
  #context: Context | undefined;
  #gc: (() => void) | undefined;

  /** Collects all that is garbage, also what was looked at through a WeakRef in this job. @throws when V8 has no `gc` */
  run(): void {
    // Loaded here: these modules take milliseconds, and few programs come to this.
    const require = createRequire(import.meta.url);
    const { setFlagsFromString } = require('node:v8') as typeof import('node:v8');
    const { createContext, runInContext } = require('node:vm') as typeof import('node:vm');
    if (this.#context === undefined || this.#gc === undefined) {
      const isExposed = typeof globalThis.gc === 'function';
      if (!isExposed) setFlagsFromString('--expose-gc');
      try {
        this.#context = createContext({}, { microtaskMode: 'afterEvaluate' });
        this.#gc = runInContext('gc', this.#context) as () => void;
      } finally {
        if (!isExposed) setFlagsFromString('--no-expose-gc');
      }
    }
    runInContext('0', this.#context);
    // The first only ends a marking that is under way, which spares what was made since it began.
    this.#gc();
    this.#gc();
  }
}
