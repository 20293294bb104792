// What holds for every source, by whatever way its allocations arrive. A new source is one more entry in `CASES`.
import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { SOURCE_NAMES } from '../../src/heap/snapshot.js';
import type { HeapSource } from '../../src/heap/source.js';
import type { HeapTracer } from '../../src/heap/tracer.js';
import { BuffersSource } from '../../src/sources/buffers/buffers-source.js';
import { V8Source } from '../../src/sources/v8/v8-source.js';
import { WasmSource } from '../../src/sources/wasm/wasm-source.js';
import { recordedHeap } from '../heap/recorded-heap.js';
import { ALLOCATOR } from './wasm/allocator-wat.js';
import { assemble } from './wasm/wat.js';

interface Case {
  readonly name: string;
  /** Makes the source, ready to be attached. */
  make(heap: HeapTracer): HeapSource;
  /** Allocates and keeps; returns how to free. */
  allocate(heap: HeapTracer): () => void;
}

let kept: unknown[] = [];
let allocated = 0;

const CASES: readonly Case[] = [
  {
    name: 'js',
    make: () =>
      new V8Source({
        everyBytes: 512,
        isOwnFrame: (script) => script.includes('/src/'),
        mapFrame: (frame) => frame,
        displayPath: (script) => script,
        warn: (message) => assert.fail(message),
      }),
    allocate: () => {
      for (let i = 0; i < 20_000; i++) kept.push({ i, text: `${i}` });
      return () => {
        kept = [];
      };
    },
  },
  {
    name: 'wasm',
    make: (heap) => {
      const source = new WasmSource(heap.host);
      source.install();
      return source;
    },
    allocate: () => {
      const module = new WebAssembly.Module(assemble(`(module ${ALLOCATOR})`));
      const api = new WebAssembly.Instance(module).exports as Record<string, (value: number) => number>;
      kept.push(api);
      const pointers = [100, 200, 300].map((bytes) => api['malloc']!(bytes));
      return () => {
        for (const pointer of pointers) api['free']!(pointer);
      };
    },
  },
  {
    name: 'buffers',
    make: (heap) =>
      new BuffersSource(heap.host, { bufferModule: {}, moduleChanged: () => {}, processBytes: () => 0 }),
    allocate: () => {
      for (const bytes of [1000, 2000, 3000]) kept.push(Buffer.alloc(bytes), new Float64Array(bytes));
      return () => {
        kept = [];
      };
    },
  },
  {
    name: 'manual',
    make: () => ({ name: 'manual' }) as HeapSource, // every tracer has its own; a second one is ignored
    allocate: (heap) => {
      const keys = [allocated++, `two ${allocated}`, { allocated }];
      for (const key of keys) heap.alloc(key, 1000);
      kept.push(keys);
      return () => {
        for (const key of keys) heap.free(key);
      };
    },
  },
];

for (const { name, make, allocate } of CASES) {
  describe(`the contract of a source: ${name}`, () => {
    const { heap, warnings } = recordedHeap();
    heap.setSampling(1);
    heap.attach(make(heap));
    const taken = () => heap.snapshot().sources.find(({ source }) => source === name)!;

    it('is one of the four, and attached by its name', () => {
      assert.ok((SOURCE_NAMES as readonly string[]).includes(name));
      assert.ok((heap.attachedSources as readonly string[]).includes(name));
    });

    it('arms, sees what is allocated, and its snapshot adds up', () => {
      heap.enable([name as (typeof SOURCE_NAMES)[number]]);
      assert.deepEqual(heap.armedSources, [name]);
      allocate(heap);
      const { liveBytes, liveBlocks, sites, facts, hasTotals } = taken();
      assert.ok(liveBytes > 0 && liveBlocks > 0);
      const sum = (figure: 'liveBytes' | 'liveBlocks'): number =>
        sites.reduce((all, site) => all + site[figure], 0);
      assert.ok(Math.abs(sum('liveBytes') - liveBytes) < 1);
      assert.ok(Math.abs(sum('liveBlocks') - liveBlocks) < 1);
      for (const site of sites) {
        assert.equal(site.source, name);
        assert.match(site.hash, /^[0-9a-f]{16}$/);
        if (hasTotals) assert.ok(site.totalBytes >= site.liveBytes && site.totalBlocks >= site.liveBlocks);
        else assert.equal(site.totalBytes + site.totalBlocks, 0);
      }
      assert.equal(new Set(sites.map(({ hash }) => hash)).size, sites.length, 'a site is listed once');
      for (const value of Object.values(facts)) assert.equal(typeof value, 'string');
      assert.ok(sites.some(({ frames }) => frames.some((frame) => frame.file.includes('contract.test'))));
    });

    it('keeps what it has when it is disarmed, and goes on when it is armed again', () => {
      const { liveBytes } = taken();
      heap.disable();
      assert.deepEqual(heap.armedSources, []);
      const whileOff = taken().liveBytes;
      assert.ok(whileOff > 0 && whileOff <= liveBytes * 1.05, `${whileOff} of ${liveBytes}`);
      heap.enable([name as (typeof SOURCE_NAMES)[number]]);
      const before = taken().liveBlocks;
      const free = allocate(heap);
      assert.ok(taken().liveBlocks > before);
      free();
    });

    it('forgets on reset, and warned of nothing', () => {
      const { liveBytes } = taken();
      heap.reset();
      assert.ok(taken().liveBytes < liveBytes / 2);
      assert.deepEqual(warnings, []);
      heap.disable();
    });
  });
}
