/** Whatever a program passes to whatever call, the program goes on and the file can be read. */
import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import fc from 'fast-check';
import type { FlowId } from '../../src/recorder/category.js';
import { Clock } from '../../src/recorder/clock.js';
import { EventRing } from '../../src/recorder/event-ring.js';
import type { Recorder } from '../../src/recorder/recorder.js';
import { StringTable } from '../../src/recorder/string-table.js';
import { ThreadLog } from '../../src/recorder/thread-log.js';
import { recording } from '../recorder/rig.js';
import { assertPerfettoReads } from './perfetto-rules.js';

const refuse = (): never => {
  throw new Error('refused');
};

function circular(): unknown {
  const object: Record<string, unknown> = { a: 1 };
  object['self'] = object;
  object['list'] = [object, { object }];
  return object;
}

/** Many paths to few objects: each level doubles the paths. */
function tangled(): unknown {
  let value: unknown = { leaf: 1 };
  for (let i = 0; i < 40; i++) value = { left: value, right: value };
  return value;
}

function deep(): unknown {
  let value: unknown = 1;
  for (let i = 0; i < 20_000; i++) value = [value];
  return value;
}

function revoked(): unknown {
  const { proxy, revoke } = Proxy.revocable({}, {});
  revoke();
  return proxy;
}

const NASTY: readonly (() => unknown)[] = [
  () => Number.NaN,
  () => Number.POSITIVE_INFINITY,
  () => Number.NEGATIVE_INFINITY,
  () => -0,
  () => 2 ** 63,
  () => -(2 ** 63),
  () => Number.MAX_VALUE,
  () => Number.MIN_VALUE,
  () => 2n ** 63n,
  () => 2n ** 63n - 1n,
  () => -(2n ** 63n),
  () => -(2n ** 63n) - 1n,
  () => '\ud800',
  () => 'a\udc00b',
  () => '\udc00\ud800',
  () => '\ud83d\ude00',
  () => '\0',
  () => '\\"\u001f\n\t\u2028\u007f',
  () => '\ufeff',
  () => '',
  () => null,
  () => undefined,
  () => [],
  () => ({}),
  () => [[], {}, null, undefined, Number.NaN],
  () => ({ a: null, b: [], c: {}, d: { e: Number.NaN, f: '\ud800' } }),
  () => new Array(5),
  () => JSON.parse('{"__proto__": {"polluted": 1}, "constructor": null}'),
  () => Object.create(null),
  circular,
  tangled,
  deep,
  revoked,
  () => Symbol('s'),
  () => ({ [Symbol('key')]: 1 }),
  () => refuse,
  () => Object.defineProperty(() => {}, 'name', { get: refuse }),
  () => class A {},
  () => new Date(0),
  () => new Date(Number.NaN),
  () =>
    new Map<unknown, unknown>([
      [{}, 1],
      ['\ud800', []],
      [Symbol('s'), null],
    ]),
  () => new Set([new Set(), Number.NaN]),
  () => new WeakMap(),
  () => new Float64Array([1, Number.NaN, Number.POSITIVE_INFINITY]),
  () => new BigInt64Array([-(2n ** 63n)]),
  () => new BigUint64Array([2n ** 64n - 1n]),
  () => new Uint8Array(20_000),
  () => Buffer.alloc(20_000),
  () => new DataView(new ArrayBuffer(8)),
  () => new ArrayBuffer(8),
  () => new Error('broken \ud800'),
  () => Object.defineProperty(new Error('x'), 'message', { get: refuse }),
  () => Object.assign(new Error('x'), { name: Symbol('n') }),
  () => ({
    get a(): never {
      return refuse();
    },
    b: 1,
  }),
  () => ({
    get a(): never {
      throw null;
    },
  }),
  () => ({
    get a(): never {
      throw Object.create(null);
    },
  }),
  () => ({ toJSON: refuse }),
  () => ({ toJSON: () => undefined }),
  () => ({ toJSON: () => ({ toJSON: () => null }) }),
  () => ({
    toJSON(): unknown {
      return this;
    },
  }),
  () => ({ toString: refuse, valueOf: refuse }),
  () => new Proxy({}, { ownKeys: refuse, get: refuse, has: refuse, getPrototypeOf: refuse }),
  () => new Proxy({ a: 1 }, { get: refuse }),
  () => new Proxy(() => {}, { get: refuse }),
  () => new Proxy([], { get: refuse }),
  () => Object(Symbol('s')),
  () => Object('text'),
  () => Object(5n),
  () => globalThis,
  () => process,
  () => /re/g,
  () => Promise.resolve(),
];

/** Values as functions that make them: what looks at its inputs, as a test library does, would stumble over some. */
const anything: fc.Arbitrary<() => unknown> = fc.oneof(
  { weight: 3, arbitrary: fc.constantFrom(...NASTY) },
  fc
    .anything({
      withBigInt: true,
      withDate: true,
      withMap: true,
      withSet: true,
      withSparseArray: true,
      withTypedArray: true,
      withNullPrototype: true,
      withObjectString: true,
    })
    .map((value) => () => value),
  fc.string({ unit: 'binary' }).map((value) => () => value),
  fc.string({ unit: 'binary', minLength: 100, maxLength: 3000 }).map((value) => () => value),
  fc.double().map((value) => () => value),
);
const key = fc.oneof(
  fc.string({ unit: 'binary' }),
  fc.constantFrom('__proto__', '', 'a\0b', '\ud800', 'toJSON', 'a'),
);
const args: fc.Arbitrary<() => unknown> = fc.oneof(
  anything,
  fc
    .array(fc.tuple(key, anything), { maxLength: 6 })
    .map((list) => () => Object.fromEntries(list.map(([name, make]) => [name, make()]))),
);

/** Makes every call with these values in every place. */
function callAll(trace: Recorder, name: unknown, value: unknown, values: unknown): void {
  const text = name as string;
  const record = values as Record<string, unknown>;
  const number = value as number;
  const category = trace.category(text);
  for (const to of [trace, category]) {
    to.instant(text, record);
    to.instant('fixed', { value, other: 1 });
    to.begin(text, record);
    to.end(text, record);
    to.counter(text, number);
    to.counter(text, record as Record<string, number>);
    to.complete(text, number, number, record);
    to.complete(text, 1, number);
    to.complete(text, number, 1);
    to.flowBegin(value as FlowId);
    to.flowStep(value as FlowId);
    to.flowEnd(value as FlowId);
    if (typeof values !== 'function') to.scope(text, record).end(record);
    to.scope(text, () => value);
  }
  trace.zone(text, () => value);
  trace.frame(number);
  trace.color(text);
  trace.setThreadName(text);
  trace.setProcessName(text);
  trace.setThreadSortIndex(number);
}

describe('any values', () => {
  it('leave a file that can be read', { timeout: 300_000 }, () => {
    fc.assert(
      fc.property(anything, anything, args, (name, value, values) => {
        const rig = recording();
        callAll(rig.trace, name(), value(), values());
        rig.trace.setSynthesis(true);
        assertPerfettoReads(rig.bytes());
        assert.deepEqual(rig.warnings, []);
      }),
      { seed: 17, numRuns: 150 },
    );
  });

  it('leave a file that can be read, each of the nasty ones in every place', { timeout: 300_000 }, () => {
    for (const make of NASTY) {
      const rig = recording();
      callAll(rig.trace, make(), make(), make());
      callAll(rig.trace, 'name', make(), { first: make(), second: make() });
      assertPerfettoReads(rig.bytes());
    }
    assert.equal(({} as Record<string, unknown>)['polluted'], undefined);
  });

  it('leave a file that can be read from a thread whose long texts must be cut', () => {
    fc.assert(
      fc.property(fc.array(fc.tuple(anything, args), { maxLength: 20 }), (list) => {
        const clock = new Clock({ now: () => 0, timeOrigin: 0 });
        const block = new ArrayBuffer(EventRing.bytes(64));
        const strings = new StringTable((text) => text.length < 20); // refuses the rest, as when memory is full
        const log = new ThreadLog({ tid: 2, name: 'w', sortIndex: 0 }, clock, block, strings, false);
        const rig = recording(64, { openLog: () => log });
        for (const [value, values] of list) {
          rig.trace.instant(value() as string, values() as Record<string, unknown>);
          rig.trace.counter(value() as string, values() as number);
        }
        assertPerfettoReads(rig.bytes());
      }),
      { seed: 18, numRuns: 80 },
    );
  });
});

describe('large values', () => {
  it('are written whole: a string of 10 MB', () => {
    const rig = recording();
    const text = 'é"\\\n😀x'.repeat(1_500_000);
    rig.trace.instant('large', { text });
    const document = assertPerfettoReads(rig.bytes());
    assert.ok(document.traceEvents.at(-1)!.args!['text'] === text);
  });

  it('are written whole: 100,000 arguments', () => {
    const rig = recording();
    const many = Object.fromEntries(Array.from({ length: 100_000 }, (_, i) => [`k${i}`, `${i}`]));
    rig.trace.instant('many', many);
    const document = assertPerfettoReads(rig.bytes());
    assert.deepEqual(document.traceEvents.at(-1)!.args, many);
  });

  it('take bounded time and room: an object that reaches half the program', () => {
    const rig = recording();
    rig.trace.instant('tangled', { tangled: tangled(), process, globalThis });
    const bytes = rig.bytes();
    assert.ok(bytes.length < 20_000_000, `${bytes.length}`);
    assertPerfettoReads(bytes);
  });
});
