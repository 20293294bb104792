/** The ring: what it holds, what it lets go, and that it tells how much that was. */
import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { OtraceError } from '../../src/errors.js';
import { EventRing } from '../../src/recorder/event-ring.js';
import {
  eventsOf,
  parse,
  type Rig,
  Rig as RigClass,
  recording,
  render,
  seeded,
  type TraceEvent,
} from './rig.js';

const CAPACITY = 64;
const isBadOption = (error: unknown): boolean =>
  error instanceof OtraceError && error.code === 'OTRACE_BAD_OPTION';

/** The file's events without the note of losses, and what the note and the file's end say. */
function held(rig: Rig): { events: TraceEvent[]; noted: unknown; lost: unknown } {
  const document = parse(render(rig.trace.contents()));
  const events = eventsOf(document);
  const notes = events.filter(({ name, cat }) => name === 'events_lost' && cat === 'otrace');
  assert.ok(notes.length <= 1);
  return {
    events: events.filter((event) => !notes.includes(event)),
    noted: notes[0]?.args?.['lost_events'] ?? 0,
    lost: document.otherData['lost_events'],
  };
}

describe('a ring', () => {
  it('overwrites the oldest and tells in the file how many', () => {
    const rig = recording(CAPACITY);
    for (let i = 0; i < 200; i++) rig.trace.instant(`event ${i % 10}`, { i });
    const { events, noted, lost } = held(rig);
    assert.deepEqual(
      events.map((event) => event.args!['i']),
      Array.from({ length: CAPACITY }, (_, i) => 200 - CAPACITY + i),
    );
    assert.equal(noted, 200 - CAPACITY);
    assert.equal(lost, 200 - CAPACITY);
  });

  it('notes its losses as an instant of the thread just before what is left', () => {
    const rig = recording(CAPACITY);
    for (let i = 0; i < CAPACITY + 1; i++) rig.trace.instant('i');
    const [note, first] = rig.events();
    assert.equal(note!.name, 'events_lost');
    assert.equal(note!.ph, 'I');
    assert.equal(note!.s, 't');
    assert.equal(note!.tid, first!.tid);
    assert.equal(note!.ts, 0.999);
    assert.equal(first!.ts, 1);
  });

  it('says nothing about losses when there are none', () => {
    const rig = recording(CAPACITY);
    for (let i = 0; i < CAPACITY; i++) rig.trace.instant('i');
    const { events, noted, lost } = held(rig);
    assert.deepEqual([events.length, noted, lost], [CAPACITY, 0, 0]);
  });

  it('loses an event whose values were overwritten, and counts it', () => {
    const rig = recording(CAPACITY); // room for 512 words of values
    rig.trace.instant('no values');
    rig.trace.instant('early', { text: 'x'.repeat(40) });
    for (let i = 0; i < 40; i++) rig.trace.instant('late', { text: `${i}`.repeat(40) });
    const { events, lost } = held(rig);
    assert.ok(!events.some((event) => event.name === 'early'));
    assert.ok(
      events.some((event) => event.name === 'no values'),
      'it needs no values to be whole',
    );
    assert.equal(events.length + Number(lost), 42);
    for (const event of events.slice(1)) assert.match(String(event.args!['text']), /^(\d+)\1{39}$/);
    assert.equal(events.at(-1)!.args!['text'], '39'.repeat(40));
  });

  it('keeps long texts whole beside it and frees them with their event', () => {
    const rig = recording(CAPACITY);
    const memory = (): number => {
      for (let i = 0; i < 3; i++) globalThis.gc!();
      return process.memoryUsage().heapUsed + process.memoryUsage().external;
    };
    const before = memory();
    // In functions of their own, so that no frame on the stack keeps what they saw.
    (() => {
      for (let i = 0; i < 5; i++) {
        const text = Buffer.alloc(10_000_000, `${i}`).toString('latin1');
        rig.trace.instant('long', { text, after: i });
      }
    })();
    const kept = memory() - before;
    assert.ok(kept > 45e6, `${kept} bytes are held`);
    (() => {
      const { events } = held(rig);
      assert.equal(events.length, 5);
      events.forEach(({ args }, i) => {
        assert.equal(args!['after'], i);
        assert.ok(args!['text'] === `${i}`.repeat(10_000_000));
      });
    })();
    for (let i = 0; i < CAPACITY - 1; i++) rig.trace.instant('short');
    assert.equal(held(rig).events.filter((event) => event.name === 'long').length, 1);
    rig.trace.instant('short');
    const left = memory() - before;
    assert.ok(left < 8e6, `${left} bytes are still held`);
  });

  it('holds an event with more values than the ring has room for', () => {
    const rig = recording(CAPACITY);
    rig.trace.instant('before', { a: 1 });
    const many = Object.fromEntries(Array.from({ length: 100_000 }, (_, i) => [`key ${i}`, i]));
    rig.trace.instant('many', many);
    rig.trace.instant('many', many);
    rig.trace.instant(
      'texts',
      Object.fromEntries(Array.from({ length: 16 }, (_, i) => [`k${i}`, `${i}`.repeat(500)])),
    );
    rig.trace.instant('after', { a: 2 });
    const { events, lost } = held(rig);
    assert.equal(lost, 0);
    assert.deepEqual(
      events.map((event) => [event.name, Object.keys(event.args!).length]),
      [
        ['before', 1],
        ['many', 100_000],
        ['many', 100_000],
        ['texts', 16],
        ['after', 1],
      ],
    );
    assert.equal(events[1]!.args!['key 99999'], 99_999);
    assert.equal(events[3]!.args!['k15'], '15'.repeat(500));
  });

  it('does not damage older values when the values of an event are written twice', () => {
    // The keys match those of the call before until the last one, so what was written has to be written anew.
    const rig = recording(CAPACITY);
    for (let round = 0; round < 40; round++) {
      rig.trace.instant('twice', { a: round, b: `${round}`.repeat(30), c: 1 });
      rig.trace.instant('twice', { a: round, b: `${round}`.repeat(30), d: 2 });
      for (const event of held(rig).events) {
        const { a, b } = event.args as { a: number; b: string };
        assert.equal(b, `${a}`.repeat(30));
      }
    }
  });

  it('keeps the values apart of events that are recorded while those of another are read', () => {
    const rig = recording(CAPACITY);
    const { trace } = rig;
    const inner = (i: number): number => {
      trace.instant('inner', { i, text: 'in'.repeat(i) });
      trace.counter('inner count', i);
      trace.counter('inner series', { a: i, b: -i });
      trace.instant('inner plain');
      return i * 10;
    };
    for (let i = 1; i < 4; i++) {
      const args = {
        first: i,
        get value(): number {
          return inner(i);
        },
        object: { toJSON: () => inner(i) },
        last: 'x'.repeat(i),
      };
      trace.instant('outer', args);
      trace.scope('outer scope', args).end();
      const series = {
        first: i,
        get value(): number {
          return inner(i);
        },
      };
      trace.counter('outer series', series);
    }
    const seen = new Map<string, unknown[]>();
    let lastTs = -1;
    for (const { name, ts, args } of held(rig).events) {
      assert.ok(ts > lastTs, `${name} at ${ts}`);
      lastTs = ts;
      seen.set(name, [...(seen.get(name) ?? []), args]);
    }
    const last = (i: number): unknown => ({ first: i, value: i * 10, object: i * 10, last: 'x'.repeat(i) });
    assert.deepEqual(seen.get('outer'), [1, 2, 3].map(last).slice(-seen.get('outer')!.length));
    assert.deepEqual(seen.get('outer scope')!.at(-1), last(3));
    assert.deepEqual(seen.get('outer series')!.at(-1), { first: 3, value: 30 });
    for (const args of seen.get('inner') as { i: number; text: string }[]) {
      assert.equal(args.text, 'in'.repeat(args.i));
    }
    for (const args of seen.get('inner series') as { a: number; b: number }[]) assert.equal(args.a, -args.b);
    for (const args of seen.get('inner plain')!) assert.equal(args, undefined);
  });

  it('does not fill up with the values of counters that are rejected', () => {
    const rig = recording(CAPACITY);
    rig.trace.counter('c', { a: 1, b: 2 });
    for (let i = 0; i < 2000; i++) rig.trace.counter('c', { a: 1, b: {} as number });
    for (let i = 0; i < 2000; i++) rig.trace.counter('c', { a: Number.NaN, b: Number.NaN });
    rig.trace.instant('after', { text: 'whole' });
    assert.deepEqual(held(rig).events.at(-1)!.args, { text: 'whole' });
  });

  it('keeps recording when the program makes up more names than can be interned', () => {
    const rig = recording(1024);
    for (let i = 0; i < 70_000; i++) rig.trace.instant(`name ${i}`);
    rig.trace.color('good');
    rig.trace.instant('late', { [`new key`]: 1, b: 'x' });
    rig.trace.counter('late counter', 5);
    rig.trace.counter('late series', { a: 1, b: Number.NaN });
    rig.trace.scope('late scope').end({ c: 3 });
    rig.trace.category('late category').instant('in it');
    const { events } = held(rig);
    assert.equal(events.length, 1024);
    assert.equal(events[0]!.name, `name ${70_000 + 5 - 1024}`);
    assert.deepEqual(
      events.slice(-5).map(({ name, args }) => [name, args]),
      [
        ['late', { 'new key': 1, b: 'x' }],
        ['late counter', { 'late counter': 5 }],
        ['late series', { a: 1 }],
        ['late scope', { c: 3 }],
        ['in it', undefined],
      ],
    );
  });

  it('takes its capacity before it exists, rounded up to a power of two', () => {
    for (const bad of [0, 63, -1, 2 ** 24 + 1, Number.NaN, Number.POSITIVE_INFINITY]) {
      assert.throws(() => new RigClass().trace.setCapacity(bad), isBadOption, String(bad));
    }
    const rig = recording(100);
    assert.throws(() => rig.trace.setCapacity(128), isBadOption);
    for (let i = 0; i < 200; i++) rig.trace.instant('i');
    assert.equal(held(rig).events.length, 128);
  });

  it('is copied with all its events, and without what may be overwritten during the copy', () => {
    const ring = new EventRing(new ArrayBuffer(EventRing.bytes(CAPACITY)));
    for (let i = 0; i < 10; i++) {
      ring.append(2, 1, i, 0, 0);
    }
    const early = ring.copy();
    assert.deepEqual([early.oldest, early.written], [0, 10]);
    for (let i = 10; i < 100; i++) {
      ring.append(2, 1, i, 0, 0);
    }
    assert.deepEqual([early.oldest, early.written], [0, 10]);
    const late = ring.copy();
    assert.deepEqual([late.oldest, late.written], [100 - CAPACITY + 1, 100]);
    for (let i = late.oldest; i < late.written; i++) assert.equal(late.startUs(late.slot(i)), i);
  });
});

describe('random operations against a plain list', () => {
  interface Expected {
    readonly name: string;
    readonly ts: number;
    readonly args: Record<string, unknown> | undefined;
  }

  for (const seed of [1, 2, 3, 4, 5, 6, 7, 8]) {
    it(`agree on what is held (seed ${seed})`, () => {
      const random = seeded(seed);
      const pick = (n: number): number => Math.floor(random() * n);
      const rig = recording(CAPACITY);
      const model: Expected[] = [];
      const value = (): unknown => {
        switch (pick(6)) {
          case 0:
            return pick(1000) - 500;
          case 1:
            return random() * 1e6;
          case 2:
            return random() < 0.5;
          case 3:
            return 'é😀x'.repeat(pick(20));
          case 4:
            return { nested: [pick(10), 'y'] };
          default:
            return 'z'.repeat(pick(8) === 0 ? 3000 : pick(30));
        }
      };
      const values = (): Record<string, unknown> | undefined => {
        const args: Record<string, unknown> = {};
        for (let i = pick(4); i > 0; i--) args['abc'.charAt(pick(3))] = value();
        return Object.keys(args).length === 0 ? undefined : args;
      };
      let recordedOff = 0;
      for (let step = 0; step < 1500; step++) {
        const name = `n${pick(5)}`;
        const ts = rig.nowUs;
        switch (pick(8)) {
          case 0:
          case 1:
          case 2: {
            const args = values();
            rig.trace.instant(name, args);
            if (rig.trace.enabled) model.push({ name, ts, args });
            else recordedOff++;
            break;
          }
          case 3:
            rig.trace.counter(name, step);
            if (rig.trace.enabled) model.push({ name, ts, args: { [name]: step } });
            break;
          case 4: {
            const scope = rig.trace.scope(name, { step });
            const last = values();
            scope.end(last);
            if (rig.trace.enabled) model.push({ name, ts, args: { step, ...last } });
            break;
          }
          case 5:
            if (pick(10) === 0) rig.trace.disable();
            break;
          case 6:
            rig.trace.enable();
            break;
          default: {
            const { events, lost } = held(rig);
            // Which events have lost their values depends on their sizes; those held are the newest, in order.
            const whole = events.map(({ name, ts, args }) => ({ name, ts, args }));
            const fromModel = model
              .slice(-CAPACITY)
              .filter(({ ts }) => whole.some((event) => event.ts === ts));
            assert.deepEqual(whole, fromModel);
            assert.equal(whole.length + Number(lost), model.length);
            const first = model.findIndex(
              ({ ts }) => ts === whole.find(({ args }) => args !== undefined)?.ts,
            );
            const missing =
              model.slice(first).length - whole.filter(({ ts }) => ts >= model[first]!.ts).length;
            if (first >= 0) assert.equal(missing, 0, 'nothing is missing after the first event with values');
          }
        }
      }
      assert.ok(model.length > CAPACITY * 5 && recordedOff > 0);
    });
  }
});
