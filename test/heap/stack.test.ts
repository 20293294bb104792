import assert from 'node:assert/strict';
import { afterEach, beforeEach, describe, it } from 'node:test';
import vm from 'node:vm';
import type { Frame } from '../../src/heap/frame.js';
import { StackCapture, trimNodeFrames } from '../../src/heap/stack.js';

const names = (frames: readonly Frame[]): string[] => frames.map((frame) => frame.name);
const here = import.meta.filename;

function tracker(stacks: StackCapture): () => readonly Frame[] {
  return function entry() {
    return inner();
    function inner(): readonly Frame[] {
      return stacks.capture(entry);
    }
  };
}

describe('StackCapture', () => {
  it("leaves out otrace's own frames wherever they are", () => {
    const within = (work: () => readonly Frame[]): readonly Frame[] => work();
    const entry = (): readonly Frame[] => stacks.capture(entry);
    const stacks = new StackCapture({ isOwnFrame: (script) => script.includes('stack.test') });
    for (const capture of [entry, () => within(entry)]) {
      const frames = capture();
      assert.ok(frames.length > 0);
      assert.ok(frames.every(({ file }) => !file.includes('stack.test')));
    }
  });

  it("begins with the user's function, leaves otrace's out and keeps no more than the depth", () => {
    const stacks = new StackCapture({ depth: 3 });
    const entry = tracker(stacks);
    function one(): readonly Frame[] {
      return entry();
    }
    function two(): readonly Frame[] {
      return one();
    }
    function three(): readonly Frame[] {
      return two();
    }
    const frames = three();
    assert.deepEqual(names(frames), ['one', 'two', 'three']);
    assert.ok(frames.every((frame) => frame.file === here && frame.line > 0 && frame.column > 0));
    stacks.depth = 1;
    assert.deepEqual(names(three()), ['one']);
  });

  it('returns the same array for the same stack, another for another position', () => {
    const entry = tracker(new StackCapture());
    const twice = [1, 2].map(() => entry());
    assert.equal(twice[0], twice[1]);
    const other = entry();
    assert.notEqual(other, twice[0]);
  });

  it('names methods by class, constructors with new, and code without a function (top level)', () => {
    const entry = tracker(new StackCapture({ depth: 1 }));
    let made: readonly Frame[] = [];
    class Pool {
      constructor() {
        made = entry();
      }
      grow(): readonly Frame[] {
        return entry();
      }
      get size(): readonly Frame[] {
        return entry();
      }
      static open(): readonly Frame[] {
        return entry();
      }
    }
    class Derived extends Pool {}
    const pool = new Derived();
    assert.deepEqual(names(made), ['new Pool']);
    assert.deepEqual(names(pool.grow()), ['Derived.grow']);
    assert.deepEqual(names(pool.size), ['get size']);
    assert.deepEqual(names(Pool.open()), ['Pool.open']);
    assert.deepEqual(names((() => entry())()), ['(anonymous)']);
    assert.deepEqual(names({ take: () => entry() }.take()), ['take']);
    const script = new vm.Script('entry()', { filename: '/made/up.js' });
    assert.deepEqual(script.runInNewContext({ entry }), [
      { name: '(top level)', file: '/made/up.js', line: 1, column: 1 },
    ]);
  });

  it('keeps built-in and async frames', async () => {
    const entry = tracker(new StackCapture());
    const viaArray = [1].map(() => entry())[0]!;
    assert.equal(viaArray[1]!.name, 'Array.map');
    assert.equal(viaArray[1]!.file, '');
    async function inner(): Promise<readonly Frame[]> {
      await null;
      return entry();
    }
    async function outer(): Promise<readonly Frame[]> {
      return await inner();
    }
    assert.deepEqual(names(await outer()).slice(0, 2), ['inner', 'async outer']);
  });

  it('tells apart code without a script name', () => {
    const entry = tracker(new StackCapture({ depth: 1 }));
    const first = new Function('entry', 'function made() { return entry(); } return made()')(entry);
    const second = new Function('entry', 'function same() { return entry(); } return same()')(entry);
    assert.deepEqual(names(first), ['made']);
    assert.deepEqual(names(second), ['same']);
  });

  it('gives the function index and offset of WebAssembly frames', () => {
    const entry = tracker(new StackCapture());
    // (import "m" "f" (func)) (func (export "r") call 0)
    const bytes = [
      0, 97, 115, 109, 1, 0, 0, 0, 1, 4, 1, 96, 0, 0, 2, 7, 1, 1, 109, 1, 102, 0, 0, 3, 2, 1, 0, 7, 5, 1, 1,
      114, 0, 1, 10, 6, 1, 4, 0, 16, 0, 11,
    ];
    let frames: readonly Frame[] = [];
    const f = (): void => {
      frames = entry();
    };
    const instance = new WebAssembly.Instance(new WebAssembly.Module(new Uint8Array(bytes)), { m: { f } });
    (instance.exports['r'] as () => void)();
    assert.equal(frames[1]!.name, 'wasm-function[1]');
    assert.match(frames[1]!.file, /^wasm:\/\/wasm\/[0-9a-f]+:wasm-function\[1\]:0x27$/);
    assert.equal(frames[1]!.line, 0);
  });

  it('maps and shortens each new frame once', () => {
    const seen: string[] = [];
    const stacks = new StackCapture({
      depth: 1,
      mapFrame: (frame) => ({ ...frame, name: `${frame.name}!`, line: 7 }),
      shortenPath: (file) => {
        seen.push(file);
        return 'short.ts';
      },
    });
    const entry = tracker(stacks);
    function user(): readonly Frame[] {
      return entry();
    }
    for (let i = 0; i < 3; i++) {
      const [frame] = user();
      assert.equal(frame!.name, 'user!');
      assert.equal(frame!.file, 'short.ts');
      assert.equal(frame!.line, 7);
    }
    assert.deepEqual(seen, [here]);
  });

  it('takes a very deep stack whole', () => {
    const entry = tracker(new StackCapture({ depth: 10_000 }));
    function dive(left: number): readonly Frame[] {
      return left === 0 ? entry() : dive(left - 1);
    }
    const frames = dive(2000);
    assert.equal(names(frames).filter((name) => name === 'dive').length, 2001);
  });

  it('is empty, not wrong, when nobody calls from within the entry function', () => {
    const stacks = new StackCapture();
    assert.deepEqual(
      stacks.capture(function neverCalled() {}),
      [],
    );
  });
});

describe("the program's own Error settings", () => {
  let before: PropertyDescriptorMap;
  beforeEach(() => {
    before = Object.getOwnPropertyDescriptors(Error);
  });
  afterEach(() => {
    for (const name of ['prepareStackTrace', 'stackTraceLimit']) {
      delete (Error as unknown as Record<string, unknown>)[name];
      if (before[name] !== undefined) Object.defineProperty(Error, name, before[name]);
    }
  });

  function assertUntouched(): void {
    const settings = Object.getOwnPropertyDescriptors(Error) as PropertyDescriptorMap;
    const entry = tracker(new StackCapture({ depth: 2 }));
    const frames = [entry()];
    assert.deepEqual(Object.getOwnPropertyDescriptors(Error), settings);
    assert.equal(frames[0]!.length, 2);
  }

  it('stay when there are none', () => {
    delete (Error as { prepareStackTrace?: unknown }).prepareStackTrace;
    delete (Error as { stackTraceLimit?: unknown }).stackTraceLimit;
    assertUntouched();
  });

  it('stay when the program has its own', () => {
    Error.prepareStackTrace = () => assert.fail('called for a stack of otrace');
    Error.stackTraceLimit = 0;
    assertUntouched();
  });

  it('stay when they are accessors, which are not run', () => {
    for (const name of ['prepareStackTrace', 'stackTraceLimit']) {
      const refuse = (): never => assert.fail(`${name} was read or set`);
      Object.defineProperty(Error, name, { get: refuse, set: refuse, configurable: true });
    }
    assertUntouched();
  });
});

describe('trimNodeFrames', () => {
  const frame = (file: string): Frame => ({ name: 'f', file, line: 1, column: 1 });
  it("cuts Node's own frames off the outer end only, and only when others are left", () => {
    const user = frame('/app.js');
    const node = frame('node:internal/timers');
    assert.deepEqual(trimNodeFrames([node, user, node, user, node, node]), [node, user, node, user]);
    assert.deepEqual(trimNodeFrames([node, node]), [node, node]);
    assert.deepEqual(trimNodeFrames([]), []);
  });
});
