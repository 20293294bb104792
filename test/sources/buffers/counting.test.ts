// What the `buffers` source counts, call by call, and when it ends.
import assert from 'node:assert/strict';
import { beforeEach, describe, it } from 'node:test';
import vm from 'node:vm';
import { MessageChannel } from 'node:worker_threads';
import { hookBuffers } from './hooked.js';

const { heap, live, point, taken, warnings } = hookBuffers();
let kept: unknown[] = [];

interface Transferable extends ArrayBuffer {
  transfer(bytes?: number): ArrayBuffer;
  transferToFixedLength(bytes?: number): ArrayBuffer;
  resize(bytes: number): void;
}

const resizable = (bytes: number, maxByteLength: number): Transferable =>
  new (ArrayBuffer as new (length: number, options: object) => Transferable)(bytes, { maxByteLength });

/** Bytes and blocks that the work leaves, as long as its result is kept. */
function made(work: () => unknown): [number, number] {
  heap.reset();
  kept.push(work());
  return live();
}

describe('what makes memory', () => {
  beforeEach(() => {
    kept = [];
  });

  const calls: readonly [string, () => unknown, number, number][] = [
    ['ArrayBuffer', () => new ArrayBuffer(10), 10, 1],
    ['SharedArrayBuffer', () => new SharedArrayBuffer(1000), 1000, 1],
    ['a typed array of a length', () => new Float64Array(100), 800, 1],
    [
      'a typed array of an iterable',
      () => new Uint16Array(new Set(Array.from({ length: 100 }, (_, i) => i))),
      200,
      1,
    ],
    ['a typed array of another', () => new Uint8Array(new Float32Array(100)), 100, 2],
    [
      'an array of what another realm made',
      () => new Uint8Array(vm.runInNewContext('new Uint8Array(300)')),
      300,
      1,
    ],
    ['from', () => Uint8Array.from({ length: 200 }, () => 1), 200, 1],
    ['of', () => Float64Array.of(...Array<number>(20).fill(1)), 160, 1],
    ['slice of an array', () => new Uint8Array(500).slice(100), 400, 2],
    ['map', () => new Uint8Array(500).map((x) => x), 500, 2],
    ['filter', () => new Uint8Array(500).filter(() => true), 500, 2],
    ['slice of a buffer', () => new ArrayBuffer(500).slice(100), 400, 2],
    ['a derived class', () => new (class extends Uint8Array {})(700), 700, 1],
    ['Reflect.construct', () => Reflect.construct(Uint8Array, [700], Int8Array), 700, 1],
    ['Buffer.alloc', () => Buffer.alloc(5000), 5000, 1],
    ['Buffer.alloc with a fill', () => Buffer.alloc(100, 'ab'), 100, 1],
    ['Buffer.allocUnsafe, large', () => Buffer.allocUnsafe(50_000), 50_000, 1],
    ['Buffer.allocUnsafeSlow', () => Buffer.allocUnsafeSlow(100), 100, 1],
    ['Buffer.from a long text', () => Buffer.from('x'.repeat(90_000)), 90_000, 1],
    ['Buffer.concat', () => Buffer.concat([Buffer.alloc(50_000), Buffer.alloc(50_000)]), 100_000, 3],
    ['new Buffer', () => Reflect.construct(Buffer, [6000]), 6000, 1],
    ['structuredClone', () => structuredClone({ a: [vm.runInNewContext('new ArrayBuffer(77)')] }), 77, 1],
    ['Blob', () => new Blob(['x'.repeat(1000)]), 1000, 2],
  ];
  for (const [name, work, bytes, blocks] of calls) {
    it(`${name}: ${bytes} bytes`, () => {
      heap.reset();
      const result = work();
      const before = heap.snapshot().sources[0]!;
      assert.equal(
        before.sites.reduce((sum, site) => sum + site.totalBlocks, 0),
        blocks,
      );
      assert.equal(live()[0], bytes);
      assert.ok(result !== undefined);
    });
  }

  const nothing: readonly [string, () => unknown][] = [
    ['a view', () => new Uint8Array(kept[0] as ArrayBuffer, 8, 100)],
    ['a DataView', () => new DataView(kept[0] as ArrayBuffer)],
    ['subarray', () => new Uint8Array(kept[0] as ArrayBuffer).subarray(10)],
    ['Buffer.from a buffer', () => Buffer.from(kept[0] as ArrayBuffer)],
    ['slice of a Buffer', () => Buffer.from(kept[0] as ArrayBuffer).subarray(5, 50)],
    ['no bytes', () => [new ArrayBuffer(0), new Uint8Array(0), Buffer.alloc(0), Buffer.from('')]],
    ['WebAssembly.Memory', () => new Uint8Array(new WebAssembly.Memory({ initial: 1 }).buffer)],
  ];
  for (const [name, work] of nothing) {
    it(`not ${name}`, () => {
      kept.push(new ArrayBuffer(1000));
      assert.deepEqual(made(work), [0, 0]);
    });
  }

  it('leaves arrays that V8 keeps in its own heap to the js source, and where they are', () => {
    assert.deepEqual(
      made(() => Array.from({ length: 1000 }, () => new Uint8Array(64))),
      [0, 0],
    );
    assert.deepEqual(
      made(() => Buffer.alloc(64)),
      [0, 0],
    );
  });

  it('counts the slab of the pool once, for who made it necessary', () => {
    heap.reset();
    for (let i = 0; i < 5000; i++) kept.push(Buffer.from(`some text ${i}`), Buffer.allocUnsafe(40));
    const { liveBytes, liveBlocks } = taken();
    assert.equal(liveBytes, liveBlocks * Buffer.from('slab').buffer.byteLength);
    const fewest = Math.floor((5000 * 50) / Buffer.poolSize);
    assert.ok(liveBlocks >= fewest && liveBlocks <= 2 * fewest, `${liveBlocks} slabs`);
  });
});

describe('a block', () => {
  beforeEach(() => {
    kept = [];
    heap.reset();
  });

  it('lives as long as anything that views it', () => {
    kept.push(new Uint8Array(5000).subarray(10, 20));
    assert.deepEqual(live(), [5000, 1]);
    kept = [];
    assert.deepEqual(live(), [0, 0]);
  });

  it('is gone from a report in the very job that made it', () => {
    for (let i = 0; i < 10_000; i++) Buffer.alloc(1000);
    assert.deepEqual(live(), [0, 0]);
    assert.equal(
      taken().sites.reduce((sum, site) => sum + site.totalBytes, 0),
      10_000_000,
    );
  });

  it('does not take the WeakRefs of the program, nor run its microtasks, when a report collects', async () => {
    const order: string[] = [];
    queueMicrotask(() => order.push('microtask'));
    kept.push(Buffer.alloc(1000));
    live();
    order.push('report');
    await Promise.resolve();
    assert.deepEqual(order, ['report', 'microtask']);
  });

  it('changes its size with resize and grow', () => {
    const buffer = resizable(100, 10_000);
    const shared = new (
      SharedArrayBuffer as new (
        length: number,
        options: object,
      ) => SharedArrayBuffer & { grow(bytes: number): void }
    )(100, { maxByteLength: 10_000 });
    kept.push(buffer, shared);
    assert.deepEqual(live(), [200, 2]);
    buffer.resize(5000);
    shared.grow(1000);
    assert.deepEqual(live(), [6000, 2]);
    buffer.resize(10);
    assert.deepEqual(live(), [1010, 2]);
  });

  it('moves with transfer', { skip: !('transfer' in ArrayBuffer.prototype) }, () => {
    const first = new ArrayBuffer(1000) as Transferable;
    const second = first.transfer() as Transferable;
    kept.push(first, second);
    assert.deepEqual(live(), [1000, 1]);
    kept.push(second.transferToFixedLength(3000));
    assert.deepEqual(live(), [3000, 1]);
  });

  it('moves into a clone, and out of the process through a port', async () => {
    const sent = new ArrayBuffer(1000);
    kept.push(sent, structuredClone(sent, { transfer: [sent] }));
    assert.deepEqual(live(), [1000, 1]);
    const { port1, port2 } = new MessageChannel();
    (() => {
      const posted = new ArrayBuffer(2000);
      port1.postMessage(posted, [posted]);
    })();
    await new Promise((done) => port2.once('message', done));
    port1.close();
    // A slab of Node's pool may have come meanwhile, made by whoever runs the tests.
    const { sites } = taken();
    const ofSize = (bytes: number): number =>
      sites.filter((site) => site.liveBytes === bytes && site.liveBlocks === 1).length;
    assert.deepEqual([ofSize(1000), ofSize(2000)], [1, 0]);
  });

  it('ends without a report when the collector has told', async () => {
    const lane = (): number => {
      heap.addPoint();
      return point()!['buffers'] as number;
    };
    // Slabs of Node's pool come and stay for whoever runs the tests; up to 100 blocks of 1,000 bytes are never whole slabs.
    const slabBytes = Buffer.from('slab').buffer.byteLength;
    const before = lane();
    for (let i = 0; i < 100; i++) Buffer.alloc(1000);
    assert.equal(lane() - before, 100_000);
    const withoutSlabs = (): number => lane() % slabBytes;
    assert.notEqual(withoutSlabs(), 0);
    for (let turn = 0; turn < 200 && withoutSlabs() > 0; turn++) {
      await new Promise((done) => setImmediate(done));
      globalThis.gc!();
    }
    assert.equal(withoutSlabs(), 0);
  });
});

describe('the source', () => {
  it("attributes a leak to its line, and says what of the process' buffers is not its own", () => {
    kept = [];
    heap.reset();
    function leak(): void {
      for (let i = 0; i < 800; i++) kept.push(Buffer.alloc(65_536));
    }
    leak();
    const { sites, facts, liveBytes } = taken();
    assert.equal(liveBytes, 50 * 1024 * 1024);
    assert.equal(sites.find((site) => site.frames[0]?.name === 'leak')?.liveBytes, liveBytes);
    assert.match(facts['array_buffers_unattributed']!, /^\d+ bytes$/);
    assert.ok(Number.parseInt(facts['array_buffers_unattributed']!, 10) < 20e6);
    kept = [];
  });

  it('adds nothing while it is off, and goes on', () => {
    heap.reset();
    heap.disable();
    kept.push(Buffer.alloc(1000), new Float64Array(100), structuredClone(new ArrayBuffer(100)));
    assert.deepEqual(heap.snapshot().sources[0]!.liveBlocks, 0);
    heap.enable(['buffers']);
    assert.deepEqual(live(), [0, 0]);
    kept.push(Buffer.alloc(1000));
    assert.deepEqual(live(), [1000, 1]);
    assert.deepEqual(warnings, []);
  });
});
