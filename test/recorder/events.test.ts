/** What each call records, as it stands in the file. */
import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { ORIGIN_MS, PID, Rig, recording, TID } from './rig.js';

const at = { pid: PID, tid: TID } as const;

describe('an event in the file', () => {
  it('is an instant with its time, thread and category', () => {
    const rig = recording();
    rig.nowUs = 12.345;
    rig.trace.instant('start');
    assert.deepEqual(rig.events(), [{ name: 'start', cat: 'app', ph: 'I', s: 't', ts: 12.345, ...at }]);
  });

  it('carries arguments of any type', () => {
    const rig = recording();
    rig.trace.instant('args', {
      integer: 42,
      negative: -3,
      real: 12.5,
      zero: -0,
      tiny: 5e-324,
      huge: 2 ** 63,
      text: 'a "quoted" \\ line\nend\u0001\u001f',
      empty: '',
      yes: true,
      no: false,
      big: 9007199254740993n,
      tooBig: 2n ** 63n,
      list: [1, 'two', [], {}],
      nested: { a: { b: 1 } },
      date: new Date(0),
      map: new Map([['k', 1]]),
      set: new Set([1, 2]),
      bytes: Uint8Array.of(1, 2, 3),
      error: new TypeError('broken'),
      nan: Number.NaN,
      infinite: Number.NEGATIVE_INFINITY,
      nothing: null,
      missing: undefined,
      symbol: Symbol('s'),
      call: function named() {},
      emptyList: [],
      emptyObject: {},
      nul: 'a\0b',
      pair: '😀',
      lone: 'x\ud800y',
      accents: 'é✓',
    });
    assert.deepEqual(rig.events()[0]!.args, {
      integer: 42,
      negative: -3,
      real: 12.5,
      zero: 0,
      tiny: 5e-324,
      huge: 2 ** 63,
      text: 'a "quoted" \\ line\nend\u0001\u001f',
      empty: '',
      yes: true,
      no: false,
      big: Number(9007199254740993n),
      tooBig: '9223372036854775808',
      list: [1, 'two', '[]', '{}'],
      nested: { a: { b: 1 } },
      date: '1970-01-01T00:00:00.000Z',
      map: { k: 1 },
      set: [1, 2],
      bytes: [1, 2, 3],
      error: 'TypeError: broken',
      nan: 'NaN',
      infinite: '-Infinity',
      nothing: 'null',
      missing: 'undefined',
      symbol: 'Symbol(s)',
      call: '[function named]',
      emptyList: '[]',
      emptyObject: '{}',
      nul: 'a␀b',
      pair: '😀',
      lone: 'x\ufffdy',
      accents: 'é✓',
    });
    assert.match(rig.output.bytes.toString(), /"big":9007199254740993,/);
    assert.match(rig.output.bytes.toString(), /"huge":9\.22337203685477\d*e\+18,/);
  });

  it('reads arguments whose keys change from call to call', () => {
    const rig = recording();
    rig.trace.instant('a', { x: 1, y: 2 });
    rig.trace.instant('a', { x: 3, y: 4 });
    rig.trace.instant('a', { y: 5, x: 6 });
    rig.trace.instant('a', { x: 7 });
    rig.trace.instant('a', {});
    rig.trace.instant('a', { x: 8, y: 9, z: 'ten' });
    rig.trace.instant('a');
    assert.deepEqual(
      rig.events().map((event) => event.args),
      [
        { x: 1, y: 2 },
        { x: 3, y: 4 },
        { y: 5, x: 6 },
        { x: 7 },
        undefined,
        { x: 8, y: 9, z: 'ten' },
        undefined,
      ],
    );
  });

  it('keeps keys that look dangerous', () => {
    const rig = recording();
    const args = JSON.parse('{"__proto__": 1, "": 2, "constructor": 3, "a\\u0000b": 4, "\\ud800": 5}');
    rig.trace.instant('keys', args);
    rig.trace.instant('keys', JSON.parse('{"__proto__": 6}'));
    const [first, second] = rig.events();
    assert.deepEqual(Object.entries(first!.args!), [
      ['__proto__', 1],
      ['', 2],
      ['constructor', 3],
      ['a␀b', 4],
      ['\ufffd', 5],
    ]);
    assert.deepEqual(Object.entries(second!.args!), [['__proto__', 6]]);
  });

  it('takes names of any type and content', () => {
    const rig = recording();
    const names: unknown[] = [
      '',
      'a"b',
      'nul\0',
      '\udc00',
      5,
      null,
      undefined,
      Symbol('s'),
      {},
      { toString: null },
    ];
    for (const name of names) rig.trace.instant(name as string);
    assert.deepEqual(rig.names(), [
      '',
      'a"b',
      'nul␀',
      '\ufffd',
      '5',
      'null',
      'undefined',
      'Symbol(s)',
      '[object Object]',
      '(object)',
    ]);
  });

  it('is a finished scope from times the caller has', () => {
    const rig = recording();
    rig.trace.complete('load', 10.5, 2.25, { file: 'a.txt' });
    rig.trace.complete('nothing', 20, 0);
    assert.deepEqual(rig.events(), [
      { name: 'load', cat: 'app', ph: 'X', ts: 10.5, dur: 2.25, ...at, args: { file: 'a.txt' } },
      { name: 'nothing', cat: 'app', ph: 'X', ts: 20, dur: 0, ...at },
    ]);
  });

  it('is left out and counted when its times have no place on the axis', () => {
    const rig = recording();
    const bad: [number, number][] = [
      [-1, 1],
      [1, -1],
      [Number.NaN, 1],
      [1, Number.NaN],
      [Number.POSITIVE_INFINITY, 1],
      [1, Number.POSITIVE_INFINITY],
      [1e300, 1],
      ['x' as unknown as number, 1],
    ];
    for (const [startUs, durationUs] of bad) rig.trace.complete('bad', startUs, durationUs);
    const document = rig.document();
    assert.deepEqual(
      document.traceEvents.filter((event) => event.ph !== 'M'),
      [],
    );
    assert.equal(document.otherData['rejected_values'], bad.length);
  });

  it('writes times of every size digit by digit', () => {
    const rig = recording();
    const times = [
      0, 0.001, 0.01, 0.1, 0.999, 1, 9.999, 10, 99.5, 100.05, 999.999, 1000, 1234.567, 999_999.999, 1e6,
      1_000_000.001, 12_345_678.9, 999_999_999.999, 1e9, 2_147_483_647.5, 2_147_483_648, 4_294_967_296.25,
      86_400_000_000.123,
    ];
    for (const time of times) rig.trace.complete('t', time, 0);
    assert.deepEqual(
      rig.events().map((event) => event.ts),
      times,
    );
  });

  it('keeps whole microseconds even of times since 1970', () => {
    const rig = recording();
    rig.trace.complete('epoch', 1_732_273_123_456_789, 1000);
    assert.equal(rig.events()[0]!.ts, 1_732_273_123_456_789);
  });

  it('is the begin and the end of a slice', () => {
    const rig = recording();
    rig.trace.begin('step', { n: 1 });
    rig.trace.end('step');
    assert.deepEqual(rig.events(), [
      { name: 'step', cat: 'app', ph: 'B', ts: 0, ...at, args: { n: 1 } },
      { name: 'step', cat: 'app', ph: 'E', ts: 1, ...at },
    ]);
  });

  it('marks frames by number and by label', () => {
    const rig = recording();
    rig.trace.frame(3);
    rig.trace.frame('menu');
    assert.deepEqual(rig.events(), [
      { name: 'frame', cat: 'frame', ph: 'I', s: 't', ts: 0, ...at, args: { frame: 3 } },
      { name: 'frame', cat: 'frame', ph: 'I', s: 't', ts: 1, ...at, args: { label: 'menu' } },
    ]);
  });

  it('has the colour that was asked for it alone', () => {
    const rig = recording();
    rig.trace.color('terrible');
    rig.trace.instant('red');
    rig.trace.instant('plain');
    rig.trace.color('good');
    const scope = rig.trace.scope('green');
    rig.trace.instant('inside');
    scope.end();
    rig.trace.color('bad');
    rig.trace.counter('counted', 1);
    rig.trace.counter('counted', 2);
    const colours = Object.fromEntries(
      rig.events().map((event) => [`${event.name} ${event.ts}`, event.cname]),
    );
    assert.deepEqual(colours, {
      'red 0': 'terrible',
      'plain 1': undefined,
      'green 2': 'good',
      'inside 3': undefined,
      'counted 5': 'bad',
      'counted 6': undefined,
    });
  });

  it('goes to the category it was recorded in, which can be kept as an object', () => {
    const rig = new Rig();
    const io = rig.trace.category('io');
    assert.equal(rig.trace.category('io'), io);
    assert.equal(io.recording, false);
    io.instant('before');
    rig.trace.enable();
    assert.equal(io.recording, true);
    io.instant('read', { bytes: 1 });
    io.counter('open', 2);
    rig.trace.category('app').instant('same as the recorder');
    assert.deepEqual(
      rig.events().map(({ name, cat }) => [name, cat]),
      [
        ['read', 'io'],
        ['open', 'io'],
        ['same as the recorder', 'app'],
      ],
    );
  });

  it('gets a later time than the one before even when the clock stands still', () => {
    const rig = recording();
    rig.nowUs = 5;
    rig.stepUs = 0;
    for (let i = 0; i < 4; i++) rig.trace.instant('now');
    assert.deepEqual(
      rig.events().map((event) => event.ts),
      [5, 5.001, 5.002, 5.003],
    );
  });
});

describe('flows', () => {
  it('are three phases with one id', () => {
    const rig = recording();
    const io = rig.trace.category('io');
    io.flowBegin(77);
    io.flowStep(77);
    io.flowEnd(77);
    assert.deepEqual(rig.events(), [
      { name: 'flow', cat: 'io', ph: 's', ts: 0, id: 77, ...at },
      { name: 'flow', cat: 'io', ph: 't', ts: 1, id: 77, ...at },
      { name: 'flow', cat: 'io', ph: 'f', bp: 'e', ts: 2, id: 77, ...at },
    ]);
  });

  it('are the same flow for equal ids, whatever their type, and another for others', () => {
    const rig = recording();
    const ids = [
      5,
      5n,
      'request-1',
      'request-1',
      'request-2',
      2n ** 70n,
      2n ** 70n,
      -5,
      1.5,
      Number.NaN,
      0,
      2 ** 53 - 1,
    ];
    for (const id of ids) rig.trace.flowBegin(id);
    const numbers = rig.events().map((event) => event.id!);
    for (const number of numbers) assert.ok(Number.isSafeInteger(number) && number >= 0);
    assert.equal(numbers[0], 5);
    assert.equal(numbers[1], 5);
    assert.equal(numbers[2], numbers[3]);
    assert.equal(numbers[5], numbers[6]);
    assert.equal(numbers.at(-1), 2 ** 53 - 1);
    assert.equal(new Set(numbers).size, ids.length - 3);
  });
});

describe('the file', () => {
  it('names the process and the thread, and anchors its clock', () => {
    const rig = new Rig();
    rig.trace.setProcessName('shop');
    rig.trace.setThreadName('event loop');
    rig.trace.setThreadSortIndex(7);
    rig.trace.setCapacity(64); // naming a thread has not yet made its ring
    rig.trace.enable();
    const document = rig.document();
    assert.deepEqual(document.traceEvents, [
      { name: 'process_name', ph: 'M', ts: 0, pid: PID, tid: 0, args: { name: 'shop' } },
      { name: 'thread_name', ph: 'M', ts: 0, ...at, args: { name: 'event loop' } },
      { name: 'thread_sort_index', ph: 'M', ts: 0, ...at, args: { sort_index: 7 } },
    ]);
    assert.equal(document.displayTimeUnit, 'ms');
    assert.deepEqual(document.otherData, {
      tool: 'otrace',
      clock_anchor_unix_us: ORIGIN_MS * 1000,
      lost_events: 0,
      rejected_values: 0,
    });
  });

  it('takes names of any type and keeps what can be shown of a sort index', () => {
    const rig = recording();
    rig.trace.setProcessName({ toString: null } as unknown as string);
    rig.trace.setThreadName('"\ud800\0');
    rig.trace.setThreadSortIndex(Number.NaN);
    const names = rig.document().traceEvents.map((event) => event.args!['name']);
    assert.deepEqual(names, ['(object)', '"\ufffd␀']);
  });

  it('is whole when nothing was ever recorded', () => {
    const rig = new Rig();
    assert.deepEqual(rig.events(), []);
    assert.equal(rig.trace.hasUnwritten, false);
  });

  it('is rewritten with everything held by a second flush', () => {
    const rig = recording();
    rig.trace.instant('first');
    assert.equal(rig.trace.hasUnwritten, true);
    assert.deepEqual(rig.names(), ['first']);
    assert.equal(rig.trace.hasUnwritten, false);
    rig.trace.instant('second');
    assert.equal(rig.trace.hasUnwritten, true);
    assert.deepEqual(rig.names(), ['first', 'second']);
  });

  it('has what listeners add at the last moment, and survives one that throws', () => {
    const rig = recording();
    rig.trace.onFlush(() => {
      throw new Error('no words');
    });
    rig.trace.onFlush(() => rig.trace.instant('last word'));
    assert.deepEqual(rig.names(), ['last word']);
    assert.equal(rig.warnings.length, 1);
    assert.match(rig.warnings[0]!, /no words/);
  });
});
