/** A stretch of time that is being recorded. It becomes one complete event when it ends. */
import { type Arguments, ownKeys } from './arguments.js';
import * as EventKind from './event-kind.js';
import { read } from './safe-json.js';
import type { ThreadLog } from './thread-log.js';

// Node 20.0 to 20.3 and older browsers have no Symbol.dispose; compilers of `using` look for the same stand-in.
const dispose: typeof Symbol.dispose = Symbol.dispose ?? Symbol.for('Symbol.dispose');

/**
 * What `trace.scope(name)` returns. Ends once; what comes later is ignored. A scope that ends while recording is off
 * leaves no event.
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
  readonly #kinds: number;
  readonly #categoryId: number;
  readonly #name: string;
  readonly #args: Arguments | undefined;
  readonly #startUs: number;
  #log: ThreadLog | undefined;

  /** Starts at the time that `log` took last. */
  constructor(log: ThreadLog, categoryId: number, name: string, args: Arguments | undefined) {
    this.#log = log;
    this.#categoryId = categoryId;
    this.#name = name;
    this.#args = args;
    this.#kinds = EventKind.complete | (log.takeColour() << 16);
    this.#startUs = log.ring.nowUs;
  }

  end(args?: Arguments): void {
    const log = this.#log;
    if (log === undefined) return;
    this.#log = undefined;
    if (!log.recording) return;
    const first = this.#args;
    const all = args === undefined ? first : first === undefined ? args : joined(first, args);
    log.ring.operand = this.#startUs;
    if (all === undefined) log.recordScope(this.#kinds, this.#categoryId, this.#name);
    else log.recordWith(this.#kinds, this.#categoryId, this.#name, all);
  }

  [dispose](): void {
    this.end();
  }
}

function joined(first: Arguments, last: Arguments): Arguments {
  try {
    return { ...first, ...last };
  } catch {
    // A getter or a proxy threw: one by one, each with its own say.
    const entries = [first, last].flatMap((args) =>
      ownKeys(args).map((key) => [key, read(args, key)] as const),
    );
    return Object.fromEntries(entries);
  }
}

class ClosedScope implements Scope {
  end(): void {}
  [dispose](): void {}
}

/** What a scope is while nothing is recorded: one shared object. */
export const CLOSED_SCOPE: Scope = new ClosedScope();
