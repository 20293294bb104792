/** Counters: numbers reach the file exactly, and nothing but finite numbers does. */
import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { PID, recording, TID } from './rig.js';

describe('a counter', () => {
  it('has one series called like itself', () => {
    const rig = recording();
    rig.trace.counter('queue', 3);
    rig.trace.counter('queue', 0.1 + 0.2);
    assert.deepEqual(rig.events(), [
      { name: 'queue', cat: 'app', ph: 'C', ts: 0, pid: PID, tid: TID, args: { queue: 3 } },
      { name: 'queue', cat: 'app', ph: 'C', ts: 1, pid: PID, tid: TID, args: { queue: 0.1 + 0.2 } },
    ]);
  });

  it('has several series, in the order given', () => {
    const rig = recording();
    rig.trace.counter('mem', { rss: 100, cache: 20.5 });
    rig.trace.counter('mem', { rss: 110, cache: 21 });
    rig.trace.counter('mem', { cache: 1, rss: 2, heap: 3 });
    assert.deepEqual(
      rig.events().map((event) => JSON.stringify(event.args)),
      ['{"rss":100,"cache":20.5}', '{"rss":110,"cache":21}', '{"cache":1,"rss":2,"heap":3}'],
    );
  });

  it('writes every kind of number so that it is read back the same', () => {
    const rig = recording();
    const numbers = [
      0,
      1,
      9,
      10,
      99,
      100,
      999,
      1000,
      65_535,
      65_536,
      1_000_000,
      2 ** 31 - 1,
      2 ** 31,
      2 ** 32,
      2 ** 53,
      2 ** 62,
      2 ** 63,
      1e21,
      1e300,
      Number.MAX_VALUE,
      Number.MIN_VALUE,
      0.1,
      1 / 3,
      -1,
      -0.5,
      -(2 ** 31),
      -(2 ** 63),
      -1e300,
      1e-7,
    ];
    for (const number of numbers) rig.trace.counter('n', number);
    assert.deepEqual(
      rig.events().map((event) => event.args!['n']),
      numbers,
    );
  });

  it('shows booleans and bigints as numbers', () => {
    const rig = recording();
    rig.trace.counter('mixed', { on: true, off: false, big: 12n } as unknown as Record<string, number>);
    rig.trace.counter('alone', 7n as unknown as number);
    assert.deepEqual(
      rig.events().map((event) => event.args),
      [{ on: 1, off: 0, big: 12 }, { alone: 7 }],
    );
  });

  it('leaves out what is no finite number, and counts it', () => {
    const rig = recording();
    const counter = (value: unknown): void => rig.trace.counter('c', value as number);
    counter({ a: 1, b: 2 });
    counter({ a: 3, b: Number.NaN });
    counter({ a: Number.NaN, b: Number.POSITIVE_INFINITY });
    counter(Number.NaN);
    counter(Number.NEGATIVE_INFINITY);
    counter('12');
    counter(null);
    counter(undefined);
    counter({});
    counter({ text: '5', nested: { a: 1 } });
    counter(2n ** 2000n);
    const document = rig.document();
    assert.deepEqual(
      document.traceEvents.filter((event) => event.ph === 'C').map((event) => event.args),
      [{ a: 1, b: 2 }, { a: 3 }],
    );
    assert.equal(document.otherData['rejected_values'], 1 + 2 + 1 + 1 + 1 + 1 + 1 + 1 + 2 + 1);
  });

  it('survives series that resist being read, and trusts no second look', () => {
    const rig = recording();
    const counter = (value: unknown): void => rig.trace.counter('c', value as number);
    counter({ a: 1 });
    counter({
      get a(): number {
        throw new Error('no');
      },
    });
    let looks = 0;
    const fickle = {
      enumerable: true,
      get: () => (looks++ === 0 ? 5 : Number.NaN),
    };
    counter(Object.defineProperty({}, 'a', fickle));
    counter(
      new Proxy(
        {},
        {
          ownKeys: () => {
            throw new Error('no');
          },
        },
      ),
    );
    counter(Object.create({ inherited: 1 }));
    const values = rig.events().map((event) => event.args);
    for (const args of values) {
      assert.ok(Object.keys(args!).length > 0);
      for (const value of Object.values(args!)) assert.ok(Number.isFinite(value), String(value));
    }
    assert.deepEqual(values[0], { a: 1 });
  });

  it('keeps a name with NUL apart from a list of keys', () => {
    const rig = recording();
    rig.trace.counter('a\0b', 1);
    rig.trace.counter('\0a\0b', 2);
    rig.trace.instant('list', { a: 3, b: 4 });
    rig.trace.counter('\0a\0b', { a: 5, b: 6 });
    rig.trace.counter('a\0b', 7);
    assert.deepEqual(
      rig.events().map((event) => event.args),
      [{ 'a␀b': 1 }, { '␀a␀b': 2 }, { a: 3, b: 4 }, { a: 5, b: 6 }, { 'a␀b': 7 }],
    );
  });
});
