/**
 * Marks the time in which otrace itself works, so that what it allocates is not recorded as the program's: a
 * hook that fires inside a guarded section sees `busy` and lets the allocation pass uncounted.
 */
export class Guard {
  busy = false;
  readonly #watchers: ((busy: boolean) => void)[] = [];

  /** Has every change of `busy` told, for code that can't read it here. */
  watch(watcher: (busy: boolean) => void): void {
    this.#watchers.push(watcher);
  }

  /** Runs `work` with `busy` set. May be nested. */
  run<T>(work: () => T): T {
    const before = this.busy;
    this.busy = true;
    if (!before) for (const watcher of this.#watchers) watcher(true);
    try {
      return work();
    } finally {
      this.busy = before;
      if (!before) for (const watcher of this.#watchers) watcher(false);
    }
  }
}
