import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { setImmediate as nextTurn } from 'node:timers/promises';
import type { SiteUsage } from '../../src/heap/snapshot.js';
import type { HeapTracer } from '../../src/heap/tracer.js';
import { GarbageCollection } from '../../src/node/collect-garbage.js';
import { recordedHeap } from './recorded-heap.js';

function enabled(): HeapTracer {
  const garbage = new GarbageCollection();
  const { heap } = recordedHeap({ collect: () => garbage.run() });
  heap.setSampling(1);
  heap.enable();
  return heap;
}

const sitesOf = (heap: HeapTracer): readonly SiteUsage[] => heap.snapshot().sources[0]!.sites;

describe('heap.trackClass', () => {
  it('counts instances from their construction until they are collected or freed', async () => {
    const heap = enabled();
    class Original {
      user = 'ann';
      id = 7;
    }
    const Session = heap.trackClass(Original);
    function open(): object {
      return new Session();
    }
    let kept = Array.from({ length: 3 }, open);
    const [first, ...others] = sitesOf(heap);
    assert.deepEqual(others, []);
    assert.deepEqual([first!.liveBlocks, first!.liveBytes, first!.className], [3, 3 * 40, 'Original']);
    assert.equal(first!.frames[0]?.name, 'open');
    heap.free(kept[0]!);
    assert.equal(sitesOf(heap)[0]!.liveBlocks, 2);
    kept = kept.slice(2);
    await nextTurn();
    assert.equal(sitesOf(heap)[0]!.liveBlocks, 1);
    assert.equal(kept.length, 1);
  });

  it('knows in the very job which instances are gone', () => {
    const heap = enabled();
    const Node = heap.trackClass(class Node {}, { bytes: 100 });
    for (let i = 0; i < 10_000; i++) new Node();
    const [site] = sitesOf(heap);
    assert.deepEqual([site!.liveBlocks, site!.totalBlocks, site!.totalBytes], [0, 10_000, 1_000_000]);
  });

  it('leaves the class what it is', () => {
    const heap = enabled();
    class Shape {
      static made = 0;
      static unit(this: new (side: number) => Shape): Shape {
        return new this(1);
      }
      #side: number;
      constructor(side: number) {
        if (new.target === Shape && side < 0) throw new RangeError('no shape');
        this.#side = side;
        Shape.made++;
      }
      get area(): number {
        return this.#side ** 2;
      }
    }
    const Tracked = heap.trackClass(Shape);
    const shape = new Tracked(3);
    assert.ok(shape instanceof Tracked && shape instanceof Shape);
    assert.equal(shape.constructor, Tracked);
    assert.equal(Object.getPrototypeOf(shape), Tracked.prototype);
    assert.deepEqual([Tracked.name, Tracked.length, shape.area, Tracked.made], ['Shape', 1, 9, 1]);
    assert.equal(Tracked.unit().constructor, Tracked);
    assert.throws(() => new Tracked(-1), RangeError);
    assert.throws(() => (Tracked as unknown as () => void)(), /cannot be invoked without 'new'/);
    class Square extends Tracked {
      corners = 4;
    }
    const square = new Square(2);
    assert.ok(square instanceof Tracked && square instanceof Square);
    assert.deepEqual([square.constructor, square.corners, square.area], [Square, 4, 4]);
    const counts = Object.fromEntries(sitesOf(heap).map((site) => [site.className, site.liveBlocks]));
    assert.deepEqual(Object.keys(counts).sort(), ['Shape', 'Square']);
  });

  it('takes the size from the program, and its name', () => {
    const heap = enabled();
    const Texture = heap.trackClass(
      class {
        side: number;
        constructor(side: number) {
          this.side = side;
        }
      },
      { bytes: (texture) => texture.side ** 2 * 4, name: 'Texture' },
    );
    const kept = [new Texture(10), new Texture(100)];
    const sites = sitesOf(heap);
    assert.deepEqual(
      sites.map(({ className, liveBytes }) => [className, liveBytes]),
      [
        ['Texture', 400],
        ['Texture', 40_000],
      ],
    );
    assert.equal(kept.length, 2);
  });

  it('lets no mistake in the size reach the constructor', () => {
    const heap = enabled();
    const Broken = heap.trackClass(class Broken {}, {
      bytes: () => {
        throw new Error('on purpose');
      },
    });
    const kept = new Broken();
    assert.equal(sitesOf(heap)[0]!.liveBytes, 24);
    assert.ok(kept);
  });

  it('counts nothing while the tracer is off', () => {
    const heap = enabled();
    const Session = heap.trackClass(class Session {});
    heap.disable();
    const kept = new Session();
    heap.enable();
    assert.deepEqual(sitesOf(heap), []);
    assert.ok(kept);
  });
});

describe('heap.track with a name', () => {
  it('shows the class and takes a shallow size where none is given', () => {
    const heap = enabled();
    const object = heap.track({ a: 1, b: 2, c: 3 }, { name: 'Settings' });
    const [site] = sitesOf(heap);
    assert.deepEqual([site!.className, site!.liveBytes], ['Settings', 48]);
    heap.free(object);
    assert.equal(sitesOf(heap)[0]!.liveBytes, 0);
  });
});
