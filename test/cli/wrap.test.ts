import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import fc from 'fast-check';
import { columnsOf, printable, wrap } from '../../src/cli/wrap.js';

describe('wrap', () => {
  it('loses nothing and keeps to the width, but for a letter that is wider', () => {
    fc.assert(
      fc.property(
        fc.string({ unit: 'grapheme', maxLength: 200 }),
        fc.integer({ min: 1, max: 40 }),
        (text, width) => {
          const lines = wrap(text, width);
          assert.equal(lines.join(''), text);
          for (const line of lines)
            assert.ok(columnsOf(line) <= width || [...line].filter((c) => columnsOf(c) > 0).length === 1);
        },
      ),
      { numRuns: 1000, seed: 4 },
    );
  });

  it('breaks between words, then between the parts of a path', () => {
    assert.deepEqual(wrap('one two three', 8), ['one two ', 'three']);
    assert.deepEqual(wrap('node_modules/debug/src/common.js', 20), ['node_modules/debug/', 'src/common.js']);
    assert.deepEqual(wrap('abcdefghij', 4), ['abcd', 'efgh', 'ij']);
  });
});

describe('columnsOf', () => {
  it('counts wide letters twice and marks not at all', () => {
    assert.deepEqual(['abc', '関数', 'e\u0301', '😀', ''].map(columnsOf), [3, 4, 1, 2, 0]);
  });
});

describe('printable', () => {
  it('lets no control character through', () => {
    assert.equal(printable('a\u001b[2Jb\nc\u009b\u202ed'), 'a\\x1b[2Jb\\x0ac\\x9b\\u202ed');
    assert.equal(printable('naïve 😀 関数'), 'naïve 😀 関数');
  });
});
