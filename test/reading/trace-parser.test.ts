import assert from 'node:assert/strict';
import { readdirSync, readFileSync } from 'node:fs';
import { describe, it } from 'node:test';
import fc from 'fast-check';
import { parseText } from './parse-text.js';

const GOLDENS = new URL('../goldens/perfetto/', import.meta.url);
const NAMES = readdirSync(GOLDENS).filter((name) => name.endsWith('.json'));
const CUT = ['array-cut-short.json', 'object-cut-short.json'];
const WHOLE = NAMES.filter((name) => !CUT.includes(name));

function golden(name: string): Buffer {
  return readFileSync(new URL(name, GOLDENS));
}

function eventsByJson(name: string): Record<string, unknown>[] {
  const value = JSON.parse(golden(name).toString('utf8'));
  return Array.isArray(value) ? value : value.traceEvents;
}

describe('a whole trace', () => {
  for (const name of WHOLE) {
    it(`gives the events that JSON.parse sees in ${name}`, () => {
      const expected = eventsByJson(name);
      const mixed = expected.find((event) => event['name'] === 'mixed') as
        | { args: { big: unknown } }
        | undefined;
      // JSON.parse rounds it; Perfetto and we do not.
      if (mixed !== undefined) mixed.args.big = 9007199254740993n;
      for (const chunkBytes of [1, 7, 1000]) {
        const parsed = parseText(golden(name), chunkBytes);
        assert.deepEqual(parsed.events, expected);
        assert.equal(parsed.damage, null);
        assert.equal(parsed.eventCount, expected.length);
        assert.equal(parsed.bytes, golden(name).length);
      }
    });
  }

  it('keeps small keys beside the events, wherever they stand, and skips large ones', () => {
    const huge = 'x'.repeat(100_000);
    const text = `{"a":[1,{"b":"]}"}],"huge":"${huge}","traceEvents":[{"ph":"X"}],"after":{"\\u0041":null},"n":-1.5e3}`;
    for (const chunkBytes of [1, 13, 1e6]) {
      const { events, otherKeys, damage, form } = parseText(text, chunkBytes);
      assert.deepEqual(Object.keys(otherKeys), ['a', 'after', 'n']);
      assert.deepEqual(otherKeys, { a: [1, { b: ']}' }], after: { A: null }, n: -1500 });
      assert.deepEqual(events, [{ ph: 'X' }]);
      assert.equal(damage, null);
      assert.equal(form, 'object');
    }
  });

  it('keeps only so much beside the events', () => {
    const text = `{${Array.from({ length: 100_000 }, (_, i) => `"key ${i}":"${'x'.repeat(20)}"`).join()},"traceEvents":[{"ph":"X"}]}`;
    const { otherKeys, events } = parseText(text, 10_000);
    assert.equal(events.length, 1);
    assert.ok(Object.keys(otherKeys).length < 40_000);
  });

  it('accepts a byte-order mark, trailing commas and numbers that JSON does not have', () => {
    const text =
      '\ufeff [ {"ph":"C","ts":1,"args":{"v":NaN,"w":-Infinity,"x":[nan,inf,],},}, , {"ph":"I"} ,\n]\n';
    const { events, damage } = parseText(text, 3);
    assert.deepEqual(events, [
      { ph: 'C', ts: 1, args: { v: Number.NaN, w: -Infinity, x: [Number.NaN, Infinity] } },
      { ph: 'I' },
    ]);
    assert.equal(damage, null);
  });

  it('keeps integers beyond 2^53 exact, also negative ones, and leaves other numbers alone', () => {
    const { events } = parseText(
      '[{"ph":"I","a":9007199254740993,"b":-9223372036854775808,"c":1234567890123456.0}]',
    );
    assert.deepEqual(events, [
      { ph: 'I', a: 9007199254740993n, b: -9223372036854775808n, c: 1234567890123456 },
    ]);
  });

  it('does not count what is not an event', () => {
    const { events, damage } = parseText('[1,"two",null,true,[{"ph":"X"}],{"name":"no ph"},{"ph":"X"}]', 2);
    assert.deepEqual(events, [{ ph: 'X' }]);
    assert.equal(damage, null);
  });

  it('tells a proto key from a prototype', () => {
    const { events } = parseText('[{"ph":"I","__proto__":{"polluted":1},"x":NaN}]');
    assert.equal(({} as { polluted?: number }).polluted, undefined);
    assert.deepEqual(Object.keys(events[0]!), ['ph', '__proto__', 'x']);
  });
});

describe('a trace cut short', () => {
  for (const name of NAMES) {
    it(`at any byte of ${name} gives the events before the cut, and says where it was`, () => {
      const bytes = golden(name);
      const all = parseText(bytes).events;
      const closed = bytes.toString('latin1').trimEnd().length;
      let seen = 0;
      for (let cut = 1; cut <= bytes.length; cut++) {
        const { events, damage } = parseText(bytes.subarray(0, cut), 1 + (cut % 64));
        assert.deepEqual(events, all.slice(0, events.length));
        assert.ok(events.length >= seen, `fewer events at byte ${cut}`);
        seen = events.length;
        if (cut >= closed && WHOLE.includes(name)) {
          assert.equal(damage, null);
        } else {
          assert.equal(damage?.kind, 'cut-short');
          assert.equal(damage.offset, cut);
          assert.equal(damage.line, bytes.subarray(0, cut).toString('latin1').split('\n').length);
        }
      }
      assert.equal(seen, all.length);
    });
  }

  it('in the middle of a number says in which event, and where that begins', () => {
    const { events, damage } = parseText('[\n{"ph":"I","ts":1},\n{"ph":"I","ts":12');
    assert.equal(events.length, 1);
    assert.deepEqual(damage, {
      kind: 'cut-short',
      offset: 38,
      line: 3,
      event: 2,
      message: 'cut short at byte 38 (line 3), in event 2, which begins at byte 21 (line 3)',
      more: 0,
    });
  });
});

describe('a damaged trace', () => {
  const LINES = [
    '{"ph":"I","name":"a"}',
    '{"ph":"I","name":"b"}',
    '{"ph":"I","name":"c"}',
    '{"ph":"I","name":"d"}',
  ];
  const names = (text: string | Uint8Array, chunk?: number) =>
    parseText(text, chunk).events.map((e) => e['name']);

  for (const [what, broken, reason] of [
    ['a lost quote', '{"ph":"I","name:"b"}', 'a string has no closing quote'],
    ['a lost brace', '{"ph":"I","name":"b"', 'an object has no closing brace'],
    ['a wrong bracket', '{"ph":"I","name":"b"]', '"]" closes what it did not open'],
    ['a lost colon', '{"ph""I","name":"b"}', 'an unexpected "\\""'],
    ['a word', '{"ph":"I","name":b}', 'an unexpected "b"'],
    ['a bad escape', '{"ph":"I","name":"\\x"}', 'an unknown escape'],
    ['zero bytes', '\0\0\0\0', 'an event should be here'],
  ] as const) {
    it(`loses only the event with ${what}`, () => {
      const text = `[\n${[LINES[0], broken, LINES[2], LINES[3]].join(',\n')}\n]\n`;
      for (const chunkBytes of [1, 5, 1e6]) {
        const { events, damage } = parseText(text, chunkBytes);
        assert.deepEqual(
          events.map((event) => event['name']),
          ['a', 'c', 'd'],
        );
        assert.equal(damage?.kind, 'malformed');
        assert.ok(damage.message.startsWith(reason), damage.message);
        assert.equal(damage.more, 0);
      }
    });
  }

  it('points at the byte, also after text of several bytes a letter', () => {
    const text = '[{"ph":"I","name":"é😀","args":{"v":?}}]';
    const { damage } = parseText(text);
    assert.equal(damage?.offset, Buffer.from(text).indexOf('?'));
    assert.equal(damage?.event, 1);
  });

  it('says what follows the end', () => {
    const { damage, events } = parseText('[{"ph":"I"}]\n\0\0');
    assert.equal(events.length, 1);
    assert.equal(damage?.kind, 'trailing');
    assert.equal(damage.offset, 13);
    assert.equal(damage.line, 2);
  });

  it('reads a string with raw line breaks', () => {
    assert.deepEqual(names('[{"ph":"I","name":"one\ntwo\t"},{"ph":"I","name":"b"}]'), ['one\ntwo\t', 'b']);
  });

  it('counts further damage', () => {
    const { damage, events } = parseText('[{"ph":?},{"ph":"I"},{"ph":!}]');
    assert.equal(events.length, 1);
    assert.equal(damage?.more, 1);
    assert.equal(damage?.event, 1);
  });

  it('refuses bottomless nesting without overflowing the stack', () => {
    const deep = `{"ph":"I","args":{"v":NaN,"x":${'['.repeat(200_000)}`;
    const { events, damage } = parseText(`[\n${LINES[0]},\n${deep},\n${LINES[1]}\n]`);
    assert.equal(events.length, 2);
    assert.ok(damage?.message.startsWith('nested over 1000 levels deep'));
    const nested = `${'['.repeat(990)}NaN${']'.repeat(990)}`;
    assert.equal(parseText(`[{"ph":"I","args":{"x":${nested}}}]`).events.length, 1);
  });

  it('skips an event that is too large to hold, and holds little of it', () => {
    const mebibyte = Buffer.alloc(1024 * 1024, 'x');
    const parts = [
      Buffer.from('[{"ph":"I","name":"'),
      ...Array<Buffer>(80).fill(mebibyte),
      Buffer.from('"},\n'),
    ];
    const { events, damage } = parseText(Buffer.concat([...parts, Buffer.from('{"ph":"X"}]')]), 300_000);
    assert.deepEqual(events, [{ ph: 'X' }]);
    assert.ok(
      damage?.message.startsWith('an event of over 64 MiB at byte 1 (line 1), in event 1'),
      damage?.message,
    );
  });
});

describe('any bytes', () => {
  const sources = WHOLE.map(golden);

  it('mutated in a few places never throw, and each event is one of the file or damage is told', () => {
    fc.assert(
      fc.property(
        fc.constantFrom(...sources),
        fc.array(fc.tuple(fc.nat(), fc.nat(255)), { minLength: 1, maxLength: 5 }),
        fc.integer({ min: 1, max: 500 }),
        (source, changes, chunkBytes) => {
          const bytes = Buffer.from(source);
          for (const [at, byte] of changes) bytes[at % bytes.length] = byte;
          const parsed = parseText(bytes, chunkBytes);
          assert.deepEqual(parsed, parseText(bytes));
          if (parsed.damage === null) return;
          assert.ok(parsed.damage.offset <= bytes.length);
          const before = bytes.subarray(0, parsed.damage.offset).toString('latin1');
          assert.equal(parsed.damage.line, before.split('\n').length);
        },
      ),
      { numRuns: 1000, seed: 5 },
    );
  });

  it('of any kind are read to the end in any chunks', () => {
    const jsonish = fc
      .array(
        fc.constantFrom(
          '{',
          '}',
          '[',
          ']',
          '"',
          ',',
          ':',
          '\\',
          '\n{',
          '"ph":"I"',
          '1',
          'NaN',
          ' ',
          '\0',
          'é',
        ),
      )
      .map((parts) => Buffer.from(parts.join('')));
    fc.assert(
      fc.property(
        fc.oneof(jsonish, fc.uint8Array({ maxLength: 200 })),
        fc.constantFrom('', '[', '[\n', '{"traceEvents":[', '\ufeff['),
        fc.integer({ min: 1, max: 9 }),
        (tail, head, chunkBytes) => {
          const bytes = Buffer.concat([Buffer.from(head), tail]);
          assert.deepEqual(parseText(bytes, chunkBytes), parseText(bytes));
        },
      ),
      { numRuns: 2000, seed: 6 },
    );
  });

  it('any events written by JSON.stringify come back', () => {
    const event = fc.record({ ph: fc.string(), args: fc.jsonValue() });
    fc.assert(
      fc.property(
        fc.array(event),
        fc.boolean(),
        fc.integer({ min: 1, max: 99 }),
        (events, bare, chunkBytes) => {
          const text = JSON.stringify(bare ? events : { z: 1, traceEvents: events, a: 2 });
          const parsed = parseText(text, chunkBytes);
          assert.equal(JSON.stringify(parsed.events, bigToNumber), JSON.stringify(events));
          assert.equal(parsed.damage, null);
        },
      ),
      { numRuns: 500, seed: 7 },
    );
  });
});

function bigToNumber(_key: string, value: unknown): unknown {
  return typeof value === 'bigint' ? Number(value) : value;
}
