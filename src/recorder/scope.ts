/** A stretch of time that is being recorded. It becomes one complete event when it ends. */
import type { Arguments } from './arguments.js';
import { EventKind } from './event-ring.js';
import type { ThreadLog } from './thread-log.js';

// Node 20.0 to 20.3 and older browsers have no Symbol.dispose; compilers of `using` look for the same stand-in.
const dispose: typeof Symbol.dispose = Symbol.dispose ?? Symbol.for('Symbol.dispose');

/**
 * What `trace.scope(name)` returns. Ends once; what comes later is ignored.
 *
 * @example
 * using scope = trace.scope('parse');       // ends with the block
 *
 * const scope = trace.scope('upload');      // or by hand
 * scope.end({ bytes: 512 });
 */
export interface Scope {
  /** Ends the scope. @param args added to those given at the start */
  end(args?: Arguments): void;
  [Symbol.dispose](): void;
}

export class OpenScope implements Scope {
  readonly #categoryId: number;
  readonly #name: string;
  readonly #args: Arguments | undefined;
  readonly #startUs: number;
  readonly #colourId: number;
  #log: ThreadLog | undefined;

  constructor(log: ThreadLog, categoryId: number, name: string, args: Arguments | undefined) {
    this.#log = log;
    this.#categoryId = categoryId;
    this.#name = name;
    this.#args = args;
    this.#colourId = log.takeColour();
    this.#startUs = log.stampUs();
  }

  end(args?: Arguments): void {
    const log = this.#log;
    if (log === undefined) return;
    this.#log = undefined;
    const all = args === undefined ? this.#args : { ...this.#args, ...args };
    const startUs = this.#startUs;
    const durationUs = log.stampUs() - startUs;
    log.append(EventKind.complete, this.#categoryId, this.#name, startUs, durationUs, all, this.#colourId);
  }

  [dispose](): void {
    this.end();
  }
}

class ClosedScope implements Scope {
  end(): void {}
  [dispose](): void {}
}

/** What a scope is while nothing is recorded: one shared object. */
export const CLOSED_SCOPE: Scope = new ClosedScope();
