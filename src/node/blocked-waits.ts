/**
 * Lets a worker that blocks in `Atomics.wait` be heard. Pools such as piscina have their idle workers wait so for the
 * next task: the event loop does not turn, so nobody could ask them what they hold.
 *
 *     wait 50 ms -> woken? return : anything new since the last snapshot? -> send one when it is time, wait on
 *                                   nothing new -> idle: what was sent last is how it is, until the wait ends
 *
 * Nothing changes for the program: a wait is cut into several, each with the same expected value, so a change of the
 * value in between ends it. One that is woken within 50 ms is the original. Waits inside WebAssembly are not seen.
 */

/** What is done while the thread blocks. */
export interface WhileBlocked {
  /** Sends what is new, when it is time. @returns whether there was anything new */
  tell(): boolean;
  /** The thread begins or ends to wait with nothing new to tell. */
  setIdle(idle: boolean): void;
}

const SLICE_MS = 50;

type Cells = Int32Array<SharedArrayBuffer>;

/** Replaces `Atomics.wait` of this thread. */
export function hearBlockedWaits(blocked: WhileBlocked): void {
  const original = Atomics.wait.bind(Atomics) as typeof Atomics.wait;
  const wait = (
    cells: Cells,
    index: number,
    value: number,
    timeout?: number,
  ): ReturnType<typeof original> => {
    const asked = timeout === undefined ? Number.NaN : Number(timeout);
    const untilMs = Number.isNaN(asked) ? Number.POSITIVE_INFINITY : performance.now() + asked;
    for (;;) {
      const leftMs = untilMs - performance.now();
      const result = original(cells, index, value, Math.min(leftMs, SLICE_MS));
      if (result !== 'timed-out' || leftMs <= SLICE_MS) return result;
      if (!blocked.tell()) break;
    }
    blocked.setIdle(true);
    try {
      return original(cells, index, value, untilMs - performance.now());
    } finally {
      blocked.setIdle(false);
    }
  };
  Object.defineProperty(wait, 'length', { value: 4, configurable: true });
  Object.defineProperty(Atomics, 'wait', { value: wait, writable: true, configurable: true });
}
