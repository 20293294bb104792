/** The order of events in a file, over several threads, and the sort behind it. */
import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import fc from 'fast-check';
import { Clock } from '../../src/recorder/clock.js';
import * as EventKind from '../../src/recorder/event-kind.js';
import { EventRing } from '../../src/recorder/event-ring.js';
import { sortedOrder } from '../../src/recorder/sorted-order.js';
import { ThreadLog } from '../../src/recorder/thread-log.js';
import { recording, seeded } from './rig.js';

function logOf(tid: number, startsUs: readonly number[]): ThreadLog {
  const clock = new Clock({ now: () => 0, timeOrigin: 0 });
  const log = new ThreadLog(
    { tid, name: `t${tid}`, sortIndex: 0 },
    clock,
    new ArrayBuffer(EventRing.bytes(128)),
  );
  startsUs.forEach((startUs, sequence) => {
    log.recordAt(EventKind.complete, 0, `${tid}`, startUs, 0, { sequence });
  });
  return log;
}

describe('events in a file', () => {
  it('are in the order of time, then thread, then sequence', () => {
    const times = fc.array(fc.nat(20), { maxLength: 60 });
    fc.assert(
      fc.property(times, times, times, (a, b, c) => {
        // Given in another order than that of their thread ids.
        const others = [logOf(9, b), logOf(5, a)];
        const rig = recording(128, { tid: 7, otherLogs: () => others });
        for (const startUs of c) rig.trace.complete('7', startUs, 0);
        const events = rig.events();
        assert.equal(events.length, a.length + b.length + c.length);
        const sequences = new Map<number, number>();
        const keys = events.map(({ ts, tid, args }) => {
          const sequence = (args?.['sequence'] as number | undefined) ?? sequences.get(ts) ?? 0;
          if (tid === 7) sequences.set(ts, sequence + 1);
          return [ts, tid, sequence] as const;
        });
        const sorted = [...keys].sort((x, y) => x[0] - y[0] || x[1] - y[1] || x[2] - y[2]);
        assert.deepEqual(keys, sorted);
      }),
      { seed: 11, numRuns: 60 },
    );
  });

  it('put a scope where it started though it was recorded when it ended', () => {
    const rig = recording();
    const outer = rig.trace.scope('outer');
    for (let i = 0; i < 3; i++) {
      const inner = rig.trace.scope(`inner ${i}`);
      rig.trace.instant(`inside ${i}`);
      inner.end();
    }
    outer.end();
    assert.deepEqual(rig.names(), [
      'outer',
      'inner 0',
      'inside 0',
      'inner 1',
      'inside 1',
      'inner 2',
      'inside 2',
    ]);
  });

  it('are the same bytes each time', () => {
    const make = (): Buffer => {
      const rig = recording();
      for (let i = 0; i < 500; i++) rig.trace.scope('s', { i }).end();
      return rig.bytes();
    };
    assert.ok(make().equals(make()));
  });
});

describe('sortedOrder', () => {
  const check = (keys: readonly number[]): void => {
    const order = [...sortedOrder(Float64Array.from(keys))];
    const expected = keys.map((_, i) => i).sort((a, b) => keys[a]! - keys[b]! || a - b);
    assert.deepEqual(order, expected);
  };

  it('sorts anything, stably', () => {
    fc.assert(fc.property(fc.array(fc.nat(30), { maxLength: 300 }), check), { seed: 3, numRuns: 200 });
  });

  it('sorts lengths around its block size', () => {
    const random = seeded(9);
    for (const length of [0, 1, 2, 31, 32, 33, 63, 64, 65, 1000, 4096, 5001]) {
      check(Array.from({ length }, () => Math.floor(random() * 50)));
      check(Array.from({ length }, (_, i) => i));
      check(Array.from({ length }, (_, i) => -i));
    }
  });
});
