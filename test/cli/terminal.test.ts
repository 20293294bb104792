import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { terminalOf } from '../../src/cli/terminal.js';

describe('terminalOf', () => {
  const terminal = { isTTY: true, columns: 132 };

  it('takes a terminal as it is', () => {
    assert.deepEqual(terminalOf(terminal, { TERM: 'xterm', NO_COLOR: '' }), { width: 132, colors: true });
  });

  it('leaves colour out where it is not wanted', () => {
    for (const environment of [{ NO_COLOR: '1' }, { TERM: 'dumb' }]) {
      assert.deepEqual(terminalOf(terminal, environment), { width: 132, colors: false });
    }
  });

  it('writes plain text of 80 columns, or of COLUMNS, to anything else', () => {
    assert.deepEqual(terminalOf({}, {}), { width: 80, colors: false });
    assert.deepEqual(terminalOf({ isTTY: false }, { COLUMNS: '100' }), { width: 100, colors: false });
    for (const COLUMNS of ['', '0', '-5', 'wide']) assert.equal(terminalOf({}, { COLUMNS }).width, 80);
    assert.equal(terminalOf({ isTTY: true, columns: 0 }, {}).width, 80);
  });
});
