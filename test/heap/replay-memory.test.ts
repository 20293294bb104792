import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { FREED } from '../../src/heap/block-words.js';
import { Guard } from '../../src/heap/guard.js';
import { ReplayEngine } from '../../src/heap/replay-memory.js';
import { replayProgram } from '../../src/heap/replay-program.js';
import { recordedHeap } from './recorded-heap.js';

/** What `heap.alloc` and `heap.free` of so many numbers leave, of whom every fifth is freed again. */
function countBlocks(replay: ReplayEngine | undefined): readonly (number | undefined)[] {
  const { heap } = recordedHeap({ replay });
  heap.enable();
  for (let key = 0; key < 30_000; key++) {
    heap.alloc(key * 16, key % 100);
    if (key % 5 === 4) heap.free((key - 2) * 16);
  }
  const [manual] = heap.snapshot().sources;
  return [manual?.liveBlocks, manual?.liveBytes, manual?.peakBlocks, manual?.peakBytes];
}

describe('ReplayEngine', () => {
  const expected = countBlocks(undefined);

  it('counts as JavaScript does', () => {
    assert.deepEqual(expected, [24_000, 1_188_000, 24_001, 1_188_097]);
    let asked = 0;
    const engine = new ReplayEngine(WebAssembly, (shared) => {
      asked++;
      assert.equal(shared, true);
      return replayProgram(shared);
    });
    assert.deepEqual(countBlocks(engine), expected);
    assert.equal(asked, 1);
  });

  it('counts in a memory that is not shared where there is no SharedArrayBuffer', () => {
    const original = globalThis.SharedArrayBuffer;
    let engine: ReplayEngine;
    let shares: boolean | undefined;
    try {
      globalThis.SharedArrayBuffer = undefined as unknown as SharedArrayBufferConstructor;
      engine = new ReplayEngine(WebAssembly, (shared) => {
        shares = shared;
        return replayProgram(shared);
      });
    } finally {
      globalThis.SharedArrayBuffer = original;
    }
    assert.deepEqual(countBlocks(engine), expected);
    assert.equal(shares, false);
    const memory = engine.open(new Guard(), 10);
    memory!.entries[7] = FREED;
    memory!.words[5] = 12;
    memory!.reserve(100_000);
    assert.ok(memory!.words.length >= 100_000);
    assert.deepEqual([memory!.entries[7], memory!.words[5]], [FREED, 12]);
  });

  const broken: Readonly<Record<string, object>> = {
    'where code may not be compiled': {
      Module: () => {
        throw new WebAssembly.CompileError('Wasm code generation disallowed by embedder');
      },
    },
    'where there is no address space for memory': {
      Memory: () => {
        throw new RangeError('WebAssembly.Memory(): could not allocate memory');
      },
    },
    'where something else stands in the place of WebAssembly': { Instance: class {} },
    'where nothing is in it': { Module: undefined, Instance: undefined, Memory: undefined },
  };
  for (const [where, part] of Object.entries(broken)) {
    it(`leaves the work to JavaScript ${where}, which it finds out once`, () => {
      let asked = 0;
      const { Module, Instance, Memory } = WebAssembly;
      const engine = new ReplayEngine(
        { Module, Instance, Memory, ...part } as typeof WebAssembly,
        (shared) => {
          asked++;
          return replayProgram(shared);
        },
      );
      assert.deepEqual(countBlocks(engine), expected);
      assert.equal(engine.open(new Guard(), 10), undefined);
      assert.equal(asked, 1);
    });
  }

  it('is opened while the guard is held', () => {
    const guard = new Guard();
    let busy = false;
    const engine = new ReplayEngine(WebAssembly, (shared) => {
      busy = guard.busy;
      return replayProgram(shared);
    });
    assert.ok(engine.open(guard, 10) !== undefined);
    assert.equal(busy, true);
  });
});

describe('a heap that is reset', () => {
  it('begins anew in a small array, and moves again', () => {
    let asked = 0;
    const { heap } = recordedHeap({
      replay: new ReplayEngine(WebAssembly, (shared) => {
        asked++;
        return replayProgram(shared);
      }),
    });
    heap.enable();
    for (let round = 0; round < 3; round++) {
      for (let key = 0; key < 20_000; key++) heap.alloc(key, 2);
      const [manual] = heap.snapshot().sources;
      assert.deepEqual([manual?.liveBlocks, manual?.liveBytes], [20_000, 40_000]);
      heap.reset();
      assert.equal(heap.snapshot().sources[0]?.liveBlocks, 0);
    }
    assert.equal(asked, 1, 'compiled once');
  });
});
