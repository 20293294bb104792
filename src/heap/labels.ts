/**
 * What the program is doing, for whom: `heap.withLabel('GET /users', fn)`. The label holds for what `fn` calls and,
 * where the platform has async context, for what goes on from there; allocations made meanwhile belong to sites of
 * their own.
 *
 * Nothing is made and nothing asked until the first label is set.
 */

/** The shape of Node's AsyncLocalStorage. */
export interface LabelStorage {
  run<T>(label: string, work: () => T): T;
  getStore(): string | undefined;
}

/** Where there is no async context: the label ends when the function returns. */
export class SyncLabels implements LabelStorage {
  #label: string | undefined;

  run<T>(label: string, work: () => T): T {
    const before = this.#label;
    this.#label = label;
    try {
      return work();
    } finally {
      this.#label = before;
    }
  }

  getStore(): string | undefined {
    return this.#label;
  }
}

export class Labels {
  /** Whether there ever was one. */
  used = false;
  readonly #open: () => LabelStorage;
  readonly #listeners: (() => void)[] = [];
  #storage: LabelStorage | undefined;

  constructor(open: () => LabelStorage) {
    this.#open = open;
  }

  /** The label of what runs now. */
  get current(): string | undefined {
    return this.#storage?.getStore();
  }

  /** Calls back when the first label is set. */
  onFirst(listener: () => void): void {
    this.#listeners.push(listener);
  }

  run<T>(label: string, work: () => T): T {
    this.#storage ??= this.#open();
    if (!this.used) {
      this.used = true;
      for (const listener of this.#listeners) listener();
    }
    return this.#storage.run(label, work);
  }
}
