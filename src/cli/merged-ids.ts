/**
 * Keeps the ids of several files apart in one: process ids, which two hosts or containers may both have given out, and
 * the ids of flows and async slices. An id stays as it is for the first that has it, and is a new number for others.
 *
 * Memory: an entry for each id.
 */
import type { TraceId } from '../reading/trace-event.js';

/** An id that was given to another process. */
export interface Renumbered {
  readonly from: TraceId;
  readonly to: number;
}

/** First number given to a flow that has to change: beyond what counters of programs reach, exact as a double. */
const FIRST_FLOW = 2 ** 44;

/** The ids of one kind. */
class IdSpace {
  readonly #owners = new Map<unknown, string>();
  readonly #given = new Map<string, Map<unknown, number>>();
  #next: number;

  constructor(first: number) {
    this.#next = first;
  }

  /** What stands for an id of this owner. */
  of(id: unknown, owner: string): unknown {
    const holder = this.#owners.get(id);
    if (holder === owner) return id;
    if (holder === undefined) {
      this.#owners.set(id, owner);
      return id;
    }
    let given = this.#given.get(owner);
    if (given === undefined) {
      given = new Map();
      this.#given.set(owner, given);
    }
    let number = given.get(id);
    if (number === undefined) {
      while (this.#owners.has(this.#next)) this.#next++;
      number = this.#next++;
      this.#owners.set(number, owner);
      given.set(id, number);
    }
    return number;
  }

  givenTo(owner: string): ReadonlyMap<unknown, number> {
    return this.#given.get(owner) ?? new Map();
  }

  get size(): number {
    return this.#owners.size;
  }
}

export class MergedIds {
  readonly #processes = new IdSpace(1);
  readonly #flows = new IdSpace(FIRST_FLOW);

  /** @param origin what tells processes of equal id apart: two files of one process have the same */
  processId(pid: TraceId, origin: string): TraceId {
    return this.#processes.of(pid, origin) as TraceId;
  }

  flowId(id: unknown, file: string): unknown {
    return this.#flows.of(id, file);
  }

  renumbered(origin: string): Renumbered[] {
    return [...this.#processes.givenTo(origin)].map(([from, to]) => ({ from: from as TraceId, to }));
  }

  get processCount(): number {
    return this.#processes.size;
  }
}
