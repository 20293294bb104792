/**
 * Which events are recorded: allow list, deny list, filter function and sampling. The lists give a verdict for a
 * whole category, which is kept in the category and costs nothing for each event; the function and the sampling
 * are asked for each event, and only when set.
 *
 * The `heap` category is exempt from all but the deny list: a report must not vanish because an earlier
 * `allow('io')` did not think of it.
 */
import { OtraceError } from '../errors.js';

/** Asked for each event while set; `false` drops the event. */
export type EventFilter = (name: string, category: string) => boolean;

/** Category names: a list, or one string with commas. */
export type CategoryList = string | readonly string[];

/** The category whose events only `deny` can drop. */
export const EXEMPT_CATEGORY = 'heap';

export class Filter {
  #allowed: ReadonlySet<string> | undefined;
  #denied: ReadonlySet<string> = new Set();
  #function: EventFilter | undefined;
  #probability = 1;
  /** xorshift32 state (Marsaglia, "Xorshift RNGs", 2003); never 0. */
  #random: number;
  readonly #warn: (message: string) => void;

  constructor(seed: number, warn: (message: string) => void) {
    this.#random = seed | 0 || 1;
    this.#warn = warn;
  }

  /** Records only these categories; an empty list records all again. */
  allow(categories: CategoryList): void {
    const names = categoryNames(categories, 'allow');
    this.#allowed = names.size === 0 ? undefined : names;
  }

  /** Drops these categories; an empty list drops none. */
  deny(categories: CategoryList): void {
    this.#denied = categoryNames(categories, 'deny');
  }

  get allowed(): ReadonlySet<string> | undefined {
    return this.#allowed;
  }

  get probability(): number {
    return this.#probability;
  }

  setFunction(filter: EventFilter | undefined): void {
    if (filter !== undefined && typeof filter !== 'function') {
      throw new OtraceError(
        'OTRACE_BAD_OPTION',
        'setFilter takes a function (name, category) => boolean, or nothing to remove it',
      );
    }
    this.#function = filter;
  }

  setSampling(probability: number): void {
    this.#probability = toProbability(probability, 'trace.setSampling');
  }

  /** Whether events of a category may pass at all. */
  admitsCategory(category: string): boolean {
    if (this.#denied.has(category)) return false;
    return category === EXEMPT_CATEGORY || this.#allowed === undefined || this.#allowed.has(category);
  }

  /** Whether each event of a category has to be asked for. */
  isPicky(category: string): boolean {
    return category !== EXEMPT_CATEGORY && (this.#function !== undefined || this.#probability < 1);
  }

  /** Whether this one event passes. REQUIRES: `isPicky(category)`. */
  admits(name: string, category: string): boolean {
    if (this.#probability < 1 && this.#draw() >= this.#probability) return false;
    if (this.#function === undefined) return true;
    try {
      return this.#function(name, category);
    } catch (error) {
      this.#function = undefined;
      const reason = error instanceof Error ? error.message : String(error);
      this.#warn(`the function given to trace.setFilter threw (${reason}); it is removed and events pass`);
      return true;
    }
  }

  #draw(): number {
    let x = this.#random;
    x ^= x << 13;
    x ^= x >>> 17;
    x ^= x << 5;
    this.#random = x;
    return (x >>> 0) / 2 ** 32;
  }
}

/**
 * A probability, clamped to [0, 1].
 *
 * @throws OtraceError `OTRACE_BAD_OPTION` for NaN and for what is no number
 */
export function toProbability(value: number, setter: string): number {
  if (typeof value !== 'number' || Number.isNaN(value)) {
    throw new OtraceError(
      'OTRACE_BAD_OPTION',
      `${setter} takes a probability from 0 to 1, not ${String(value)}`,
    );
  }
  return Math.min(1, Math.max(0, value));
}

function categoryNames(categories: CategoryList, setter: string): ReadonlySet<string> {
  const list = typeof categories === 'string' ? categories.split(',') : categories;
  if (!Array.isArray(list) || !list.every((name) => typeof name === 'string')) {
    throw new OtraceError(
      'OTRACE_BAD_OPTION',
      `trace.${setter} takes category names, as 'io,net' or ['io', 'net'], not ${String(categories)}`,
    );
  }
  return new Set(list.map((name) => name.trim()).filter((name) => name !== ''));
}
