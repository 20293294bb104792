/** Slices that overlap only in part get lanes, so that on each thread of a file slices nest. */
import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import fc from 'fast-check';
import { recording, seeded, TID, type TraceEvent } from './rig.js';

const ns = (us: number): number => Math.round(us * 1000);

/** Throws where a slice of a thread starts inside another one and ends after it. */
function assertNested(events: readonly TraceEvent[]): void {
  const open = new Map<string, number[]>();
  for (const { ph, name, pid, tid, ts, dur } of events) {
    if (ph !== 'X') continue;
    const key = `${pid}/${tid}`;
    const ends = open.get(key) ?? [];
    open.set(key, ends);
    const end = ns(ts) + ns(dur!);
    while (ends.length > 0 && ends.at(-1)! <= ns(ts)) ends.pop();
    assert.ok(
      ends.length === 0 || end <= ends.at(-1)!,
      `${name} at ${ts} for ${dur} overlaps its parent on ${key}`,
    );
    ends.push(end);
  }
}

describe('slices', () => {
  it('stay on their thread while they nest', () => {
    const rig = recording();
    rig.trace.complete('outer', 0, 100);
    rig.trace.complete('first', 10, 20);
    rig.trace.complete('touching', 30, 20);
    rig.trace.complete('to the end', 60, 40);
    rig.trace.complete('empty', 100, 0);
    rig.trace.complete('next', 100, 5);
    assert.deepEqual(new Set(rig.events().map((event) => event.tid)), new Set([TID]));
  });

  it('get a lane with a name of its own where they overlap in part', () => {
    const rig = recording();
    const a = rig.trace.scope('a');
    const b = rig.trace.scope('b');
    const c = rig.trace.scope('c');
    rig.trace.instant('i');
    a.end();
    b.end();
    c.end();
    const document = rig.document();
    const tids = Object.fromEntries(document.traceEvents.map(({ name, tid }) => [name, tid]));
    assert.equal(tids['a'], TID);
    assert.equal(tids['i'], TID);
    assert.equal(new Set([tids['a'], tids['b'], tids['c']]).size, 3);
    const threads = document.traceEvents.filter((event) => event.name === 'thread_name');
    assert.deepEqual(
      threads.map(({ tid, args }) => [tid, args!['name']]),
      [
        [TID, 'main'],
        [tids['b'], 'main, overlapping 1'],
        [tids['c'], 'main, overlapping 2'],
      ],
    );
  });

  it('always nest, whatever their times', () => {
    const time = fc.oneof(fc.nat(40), fc.double({ min: 0, max: 40, noNaN: true }));
    const slices = fc.array(fc.tuple(time, time), { maxLength: 200 });
    fc.assert(
      fc.property(slices, fc.constantFrom(0, 1e6, 12_345_678.9, 8e9), (list, offset) => {
        const rig = recording();
        for (const [start, duration] of list) rig.trace.complete('s', offset + start, duration);
        const events = rig.events();
        assert.equal(events.length, list.length);
        assertNested(events);
      }),
      { seed: 5, numRuns: 300 },
    );
  });

  it('nest when a thousand of them are under way at once', () => {
    const rig = recording();
    const random = seeded(4);
    const open: { end(): void }[] = [];
    for (let i = 0; i < 5000; i++) {
      open.push(rig.trace.scope(`request ${i % 7}`));
      if (open.length > 1000) open.splice(Math.floor(random() * open.length), 1)[0]!.end();
    }
    for (const scope of open) scope.end();
    const events = rig.events();
    assert.equal(events.length, 5000);
    assertNested(events);
  });

  it('last from their rounded start to their rounded end', () => {
    const rig = recording();
    // 0.0004 + 1.0002 is 1.0006: a nanosecond more than the duration alone would say.
    rig.trace.complete('s', 0.0004, 1.0002);
    assert.deepEqual([rig.events()[0]!.ts, rig.events()[0]!.dur], [0, 1.001]);
  });
});
