/** Two key/values without an object: the file says the same as with one. */
import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import fc from 'fast-check';
import { recording } from './rig.js';

const keys = fc.constantFrom('used', 'free', '2', '1', '__proto__', '', 'a\u0000b', 'toString');
const values = fc.oneof(
  fc.double(),
  fc.integer(),
  fc.constantFrom<unknown>(Number.NaN, Number.POSITIVE_INFINITY, 'text', true, null, undefined, 7n, [1]),
);
const pair = fc.tuple(keys, values, keys, values);

function args(...[firstKey, first, secondKey, second]: [string, unknown, string, unknown]) {
  return Object.fromEntries([
    [firstKey, first],
    [secondKey, second],
  ]);
}

describe('two key/values by hand', () => {
  it('are an instant like one of an object, whatever they are and were before', () => {
    fc.assert(
      fc.property(fc.array(pair, { minLength: 1, maxLength: 12 }), (pairs) => {
        const [byHand, byObject] = [recording(), recording()];
        for (const given of pairs) {
          byHand.trace.instantPair('x', ...given);
          byObject.trace.instant('x', args(...given));
        }
        assert.equal(byHand.bytes().toString(), byObject.bytes().toString());
      }),
    );
  });

  it('are a counter like one of an object, of finite numbers only', () => {
    fc.assert(
      fc.property(fc.array(pair, { minLength: 1, maxLength: 12 }), (pairs) => {
        const [byHand, byObject] = [recording(), recording()];
        for (const given of pairs) {
          byHand.trace.counterPair('x', ...given);
          byObject.trace.counter('x', args(...given) as Record<string, number>);
        }
        assert.equal(byHand.bytes().toString(), byObject.bytes().toString());
      }),
    );
  });

  it('take keys of any kind, the last of equal ones, and integers in the order of an object', () => {
    const rig = recording();
    const refuses = {
      toString: () => {
        throw new Error('no');
      },
    };
    rig.trace.instantPair('x', 'a', 1, 'a', 2);
    rig.trace.instantPair('x', '2', 1, '1', 2);
    rig.trace.instantPair('x', Symbol('s'), 1, 7, 2);
    rig.trace.instantPair('x', refuses, 1, undefined, 2);
    assert.deepEqual(
      rig.events().map((event) => JSON.stringify(event.args)),
      ['{"a":2}', '{"1":2,"2":1}', '{"7":2,"Symbol(s)":1}', '{"(object)":1,"undefined":2}'],
    );
  });

  it('are read when they are given, also where reading them records', () => {
    const rig = recording();
    const value = {
      toJSON: () => {
        rig.trace.instantPair('inner', 'a', 1, 'b', 2);
        return 'read';
      },
    };
    rig.trace.instantPair('outer', 'value', value, 'n', 1);
    const seen = rig.events().map(({ name, args }) => [name, args]);
    assert.deepEqual(seen.sort(), [
      ['inner', { a: 1, b: 2 }],
      ['outer', { value: 'read', n: 1 }],
    ]);
  });

  it('are gone through the filter, take the colour, and cost nothing when off', () => {
    const rig = recording();
    rig.trace.setFilter((name) => name === 'kept');
    rig.trace.instantPair('dropped', 'a', 1, 'b', 2);
    rig.trace.color('good');
    rig.trace.instantPair('kept', 'a', 1, 'b', 2);
    rig.trace.disable();
    rig.trace.counterPair('kept', 'a', 1, 'b', 2);
    assert.deepEqual(
      rig.events().map(({ name, cname, args }) => [name, cname, args]),
      [['kept', 'good', { a: 1, b: 2 }]],
    );
  });
});
