import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { formatFrame } from '../../src/heap/frame.js';
import { StackCapture } from '../../src/heap/stack.js';
import { parseStackText } from '../../src/heap/stack-text.js';

const read = (text: string): string[] => parseStackText(text).map(formatFrame);

describe('parseStackText', () => {
  it('reads the form of V8', () => {
    const text = `Error: at sea (not a frame)
    at Pool.grow [as more] (file:///srv/my%20app/pool.js:10:7)
    at new Foo (https://example.org/a.js?x=1:2:3)
    at async main (C:\\app\\main.js:4:5)
    at Object.<anonymous> (/srv/x (old)/y.js:6:7)
    at Array.map (<anonymous>)
    at /srv/bare.js:8:9
    at wasm://wasm/e697dd66:wasm-function[12]:0x345
    at malloc (wasm://wasm/lib.wasm-e697dd66:wasm-function[3]:0x10)`;
    assert.deepEqual(read(text), [
      'Pool.grow (/srv/my app/pool.js:10:7)',
      'new Foo (https://example.org/a.js?x=1:2:3)',
      'async main (C:\\app\\main.js:4:5)',
      '(anonymous) (/srv/x (old)/y.js:6:7)',
      'Array.map',
      '(anonymous) (/srv/bare.js:8:9)',
      'wasm-function[12] (wasm://wasm/e697dd66:wasm-function[12]:0x345)',
      'malloc (wasm://wasm/lib.wasm-e697dd66:wasm-function[3]:0x10)',
    ]);
  });

  it('reads the form of Firefox', () => {
    const text = `grow@https://example.org/pool.js:10:7
run/<@https://example.org/@scope/main.js:3:4
async*start@https://example.org/main.js:20:2
@https://example.org/main.js:30:1
`;
    assert.deepEqual(read(text), [
      'grow (https://example.org/pool.js:10:7)',
      'run (https://example.org/@scope/main.js:3:4)',
      'async start (https://example.org/main.js:20:2)',
      '(anonymous) (https://example.org/main.js:30:1)',
    ]);
  });

  it('reads the form of Safari', () => {
    const text = `grow@https://example.org/pool.js:10:7
map@[native code]
module code@https://example.org/main.js:1:1`;
    assert.deepEqual(read(text), [
      'grow (https://example.org/pool.js:10:7)',
      'map',
      '(top level) (https://example.org/main.js:1:1)',
    ]);
  });
});

describe('StackCapture without Error.captureStackTrace', () => {
  it('takes the frames from the text, after the entry function', () => {
    const capture = Error.captureStackTrace;
    const prepare = Error.prepareStackTrace;
    const stacks = new StackCapture({ depth: 2 });
    function alloc(): ReturnType<StackCapture['capture']> {
      return stacks.capture(alloc);
    }
    function user(): ReturnType<StackCapture['capture']> {
      return alloc();
    }
    try {
      Object.assign(Error, { captureStackTrace: undefined });
      // An engine that makes text only: the setting of prepareStackTrace is not to be had.
      Object.defineProperty(Error, 'prepareStackTrace', {
        value: undefined,
        writable: false,
        configurable: true,
      });
      const frames = textOnly(() => user());
      assert.equal(frames[0]!.name, 'user');
      assert.equal(frames.length, 2);
    } finally {
      Object.defineProperty(Error, 'prepareStackTrace', {
        value: prepare,
        writable: true,
        configurable: true,
      });
      Object.assign(Error, { captureStackTrace: capture });
    }
  });
});

/** Runs `work` while `Error.prepareStackTrace` can't be changed, so that V8 gives text as other engines do. */
function textOnly<T>(work: () => T): T {
  const define = Reflect.defineProperty;
  Reflect.defineProperty = (target, name, attributes) =>
    target === Error && name === 'prepareStackTrace' ? false : define(target, name, attributes);
  try {
    return work();
  } finally {
    Reflect.defineProperty = define;
  }
}
