/**
 * Marks the time in which otrace itself works, so that what it allocates is not recorded as the program's: a
 * hook that fires inside a guarded section sees `busy` and lets the allocation pass uncounted.
 */
export class Guard {
  busy = false;

  /** Runs `work` with `busy` set. May be nested. */
  run<T>(work: () => T): T {
    const before = this.busy;
    this.busy = true;
    try {
      return work();
    } finally {
      this.busy = before;
    }
  }
}
