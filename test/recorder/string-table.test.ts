/** The table of names is bounded, by their number and by their length. */
import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { StringTable } from '../../src/recorder/string-table.js';
import { recording } from './rig.js';

describe('a string table', () => {
  it('takes 65,535 strings, and then only those it has', () => {
    const strings = new StringTable();
    for (let i = 1; i <= 0xffff; i++) assert.equal(strings.id(`name ${i}`), i);
    assert.equal(strings.id('one more'), 0);
    assert.equal(strings.id('name 7'), 7);
    assert.ok(strings.selfBytes < 10 * 1024 * 1024);
  });

  it('takes 16 Mi units of text, and then short strings only as far as there is room', () => {
    const strings = new StringTable();
    const long = 'x'.repeat(1024 * 1024);
    for (let i = 0; i < 15; i++) assert.equal(strings.id(`${i} ${long}`), i + 1);
    assert.equal(strings.id(`${long} ${long}`), 0);
    assert.equal(strings.id('short'), 16);
    assert.ok(strings.selfBytes < 33 * 1024 * 1024);
  });

  it('loses no name that finds no room', () => {
    const rig = recording(64);
    const long = 'y'.repeat(1024 * 1024);
    for (let i = 0; i < 20; i++) rig.trace.instant(`${i} ${long}`);
    assert.deepEqual(
      rig.names().map((name) => name.slice(0, 3)),
      Array.from({ length: 20 }, (_, i) => `${i} ${long}`.slice(0, 3)),
    );
  });
});
