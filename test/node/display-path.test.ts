import assert from 'node:assert/strict';
import { resolve } from 'node:path';
import { describe, it } from 'node:test';
import { pathToFileURL } from 'node:url';
import { displayPath } from '../../src/node/display-path.js';

describe('display path', () => {
  const cwd = resolve('/srv/app');
  const show = displayPath(cwd);

  it('is relative to the working directory, in it and beside it', () => {
    assert.equal(show(resolve(cwd, 'src/a.js')), 'src/a.js');
    assert.equal(show(pathToFileURL(resolve(cwd, 'a b.js')).href), 'a b.js');
    assert.equal(show(resolve('/srv/lib/a.js')), '../lib/a.js');
  });

  it('is absolute further away', () => {
    assert.equal(show(resolve('/opt/x/a.js')), resolve('/opt/x/a.js'));
  });

  it('is what it was for anything but a file', () => {
    for (const script of [
      'node:events',
      'https://example.com/a.js',
      'eval',
      'wasm://wasm/1',
      'src/a.js',
      '',
    ]) {
      assert.equal(show(script), script);
    }
    assert.equal(show('file://%'), '%');
  });
});
