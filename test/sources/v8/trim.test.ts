import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { formatStack } from '../../../src/heap/frame.js';
import type { CallFrame } from '../../../src/sources/v8/sampler.js';
import {
  classify,
  type FrameRules,
  isLoading,
  type StackLink,
  trimStack,
} from '../../../src/sources/v8/trim.js';

const rules: FrameRules = {
  isOwnFrame: (script) => script.startsWith('file:///otrace/'),
  mapFrame: (frame) =>
    frame.file.endsWith('built.js') ? { ...frame, file: '/app/src.ts', line: 40 } : frame,
  displayPath: (script) => script.replace('file://', '').replace('/app/', ''),
};

/** `name@url` innermost first; `name@` is a builtin, `name@eval` code without a URL. */
function stackOf(...calls: string[]): StackLink {
  let outer: StackLink | undefined;
  for (const call of calls.toReversed()) {
    const [functionName = '', url = ''] = call.split('@');
    const placed = url !== '';
    const callFrame: CallFrame = {
      functionName,
      scriptId: placed ? '7' : '0',
      url: url === 'eval' ? '' : url,
      lineNumber: placed ? 8 : -1,
      columnNumber: placed ? 3 : -1,
    };
    outer = { entry: classify(callFrame, rules), outer };
  }
  assert.ok(outer);
  return outer;
}

function shown(depth: number, ...calls: string[]): string | undefined {
  const frames = trimStack(stackOf(...calls), depth);
  return frames && formatStack(frames);
}

describe('trimming of V8 stacks', () => {
  it('drops the engine at the outer end and places user frames from 1', () => {
    assert.equal(
      shown(8, 'leak@file:///app/a.js', '@file:///app/a.js', 'Module._load@node:internal/x', '(root)@'),
      'leak (a.js:9:4) <- (anonymous) (a.js:9:4)',
    );
  });

  it('shows of an inner engine run the function that the program called', () => {
    assert.equal(
      shown(8, 'Listener@node:internal/a', 'addEventListener@node:internal/a', 'pTimeout@file:///app/a.js'),
      'addEventListener (node:internal/a) <- pTimeout (a.js:9:4)',
    );
  });

  it('shows of an engine run between user frames its outermost frame', () => {
    assert.equal(
      shown(8, 'inner@/app/a.js', 'emit2@node:events', 'emit@node:events', 'outer@/app/b.js'),
      'inner (a.js:9:4) <- emit (node:events) <- outer (b.js:9:4)',
    );
  });

  it('knows what Node does to load modules, unless the program asks for it', () => {
    const loading = [
      'compile@node:internal/bootstrap/realm',
      '@node:net',
      'load@node:internal/modules/esm/loader',
    ];
    assert.equal(isLoading(stackOf(...loading)), true);
    assert.equal(isLoading(stackOf(...loading, 'connect@file:///app/a.js')), false);
    assert.equal(isLoading(stackOf(...loading, 'report@file:///otrace/x.js')), false);
    assert.equal(isLoading(stackOf('Socket@node:net', 'onconnection@node:net')), false);
  });

  it('leaves builtins out, and keeps code made by eval', () => {
    assert.equal(
      shown(8, 'push@', 'made@eval', 'map@', 'user@/app/a.js'),
      'made (eval:9:4) <- user (a.js:9:4)',
    );
  });

  it('leaves frames of otrace out of a stack that goes on inside', () => {
    assert.equal(
      shown(8, 'work@/app/a.js', 'scope@file:///otrace/index.js', 'main@/app/a.js'),
      'work (a.js:9:4) <- main (a.js:9:4)',
    );
  });

  it('has nothing to show of what otrace allocated for itself', () => {
    assert.equal(shown(8, 'set@', 'intern@file:///otrace/index.js', 'main@/app/a.js'), undefined);
    assert.equal(shown(8, 'post@node:inspector', 'profile@file:///otrace/index.js'), undefined);
  });

  it('falls back to the ends of the engine, then to the pseudo frame', () => {
    assert.equal(
      shown(8, 'Socket@node:net', 'x@node:net', 'onconnection@node:net', '(root)@'),
      'Socket (node:net) <- onconnection (node:net)',
    );
    assert.equal(shown(8, 'processTimers@node:timers', '(root)@'), 'processTimers (node:timers)');
    assert.equal(shown(8, '(V8 API)@', '(root)@'), '(V8 API)');
    assert.equal(shown(8, '(root)@'), '(root)');
  });

  it('shows as many frames as asked for, the innermost user frame always among them', () => {
    const calls = ['on@node:events', 'a@/app/a.js', 'b@/app/a.js', 'c@/app/a.js'];
    assert.equal(shown(1, ...calls), 'a (a.js:9:4)');
    assert.equal(shown(2, ...calls), 'on (node:events) <- a (a.js:9:4)');
    assert.equal(shown(3, ...calls), 'on (node:events) <- a (a.js:9:4) <- b (a.js:9:4)');
  });

  it('shows the source position where a map knows it', () => {
    assert.equal(shown(8, 'f@file:///app/built.js'), 'f (src.ts:40:4)');
  });
});
