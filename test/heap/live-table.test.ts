import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { hashOf } from '../../src/heap/block-homes.js';
import { LiveTable, type LiveTableOptions } from '../../src/heap/live-table.js';
import { seededRandom } from './seeded-random.js';
import { withReplay } from './with-replay.js';

interface Block {
  bytes: number;
  site: number;
}

/** Where a table may keep its words: in an array for good, in one until it moves, and in WebAssembly from the start. */
const MEMORIES: Readonly<Record<string, (options?: LiveTableOptions) => LiveTable>> = {
  'in arrays': (options) => new LiveTable(options),
  'that moves when it is large': (options) => withReplay(options).table,
  'in WebAssembly': (options) => {
    const replaying = withReplay(options);
    replaying.move();
    return replaying.table;
  },
};

function contents(table: LiveTable): Map<number, Block> {
  const found = new Map<number, Block>();
  table.forEach((key, bytes, site) => {
    assert.ok(!found.has(key), `key ${key} is in the table twice`);
    found.set(key, { bytes, site });
  });
  return found;
}

/** Random operations against a plain Map; `keys` decides how crowded and how aligned the keys are. */
function runAgainstModel(
  seed: number,
  steps: number,
  table: LiveTable,
  keyOf: (random: number) => number,
): void {
  const random = seededRandom(seed);
  const model = new Map<number, Block>();
  // The share of puts swings, so that the table grows and empties.
  for (let step = 0; step < steps; step++) {
    const putShare = Math.floor((step / steps) * 8) % 2 === 0 ? 0.8 : 0.2;
    const key = keyOf(random());
    const expected = model.get(key);
    if (random() < putShare) {
      const pick = random();
      const bytes = pick < 0.02 ? 0xffff_ffff + Math.floor(pick * 1e6) : Math.floor(pick * 0xffff_ffff);
      const site = Math.floor(random() * 1000);
      assert.equal(table.put(key, bytes, site), expected?.bytes ?? -1);
      if (expected !== undefined) assert.equal(table.site, expected.site);
      model.set(key, { bytes, site });
    } else {
      assert.equal(table.has(key), expected !== undefined);
      assert.equal(table.take(key), expected?.bytes ?? -1);
      if (expected !== undefined) assert.equal(table.site, expected.site);
      model.delete(key);
    }
    assert.equal(table.size, model.size);
    if (step % Math.ceil(steps / 20) !== 0) continue;
    assert.deepEqual(contents(table), new Map(model));
    if (random() < 0.3) table.trim();
  }
  assert.deepEqual(contents(table), new Map(model));
  for (const [key, { bytes }] of model) assert.equal(table.take(key), bytes);
  assert.equal(table.size, 0);
  assert.deepEqual(contents(table), new Map());
}

describe('LiveTable', () => {
  const patterns: Record<string, (random: number) => number> = {
    'any 32-bit key': (random) => Math.floor(random * 0x1_0000_0000),
    'few keys, so that most are hit again': (random) => Math.floor(random * 300),
    'aligned addresses': (random) => Math.floor(random * 20_000) * 16,
    pages: (random) => Math.floor(random * 0x1_0000) * 0x1_0000,
    'the ends of the range': (random) =>
      random < 0.5 ? Math.floor(random * 20) : 0xffff_ffff - Math.floor(random * 20),
  };
  for (const [where, newTable] of Object.entries(MEMORIES)) {
    describe(where, () => {
      for (const [name, keyOf] of Object.entries(patterns)) {
        it(`does what a Map does: ${name}`, () => {
          runAgainstModel(1, 20_000, newTable({ shards: 16 }), keyOf);
          runAgainstModel(2, 20_000, newTable({ shards: 1 }), keyOf);
        });
      }

      it('does what a Map does when it is large', () => {
        runAgainstModel(3, 120_000, newTable({ shards: 64 }), (random) => Math.floor(random * 60_000) * 48);
      });

      it('does what a Map does with keys that all want the same few homes', () => {
        const crowd: number[] = [];
        for (let key = 0; crowd.length < 500; key++) if ((hashOf(key) & 0xfff) < 40) crowd.push(key);
        runAgainstModel(4, 5000, newTable(), (random) => crowd[Math.floor(random * crowd.length)]!);
      });

      it('gives memory back when it is trimmed', () => {
        const table = newTable();
        for (let n = 0; n < 100_000; n++) table.put(n, 1, 0);
        const full = table.slotBytes;
        table.trim();
        assert.equal(table.slotBytes, full, 'all of it is in use');
        for (let n = 0; n < 99_000; n++) table.take(n);
        table.trim();
        assert.ok(table.slotBytes < full / 80, `${table.slotBytes} of ${full} left`);
        for (let n = 99_000; n < 100_000; n++) assert.equal(table.take(n), 1);
        table.trim();
        assert.ok(table.slotBytes <= 512, `${table.slotBytes} left when empty`);
      });

      it('holds at most 24 bytes of slots for a live block while it grows, whatever the number', () => {
        const table = newTable();
        for (let n = 1; n <= 200_000; n++) {
          table.put(n * 16, 1, 0);
          if (n >= 500) assert.ok(table.slotBytes <= 24 * n, `${table.slotBytes / n} bytes a block at ${n}`);
        }
      });

      it('forgets everything on clear', () => {
        const table = newTable();
        for (let n = 0; n < 50_000; n++) table.put(n, 0x1_0000_0000, 0);
        table.clear();
        assert.equal(table.size, 0);
        assert.equal(table.take(5), -1);
        table.put(5, 3, 1);
        assert.deepEqual(contents(table), new Map([[5, { bytes: 3, site: 1 }]]));
        assert.ok(table.slotBytes <= 512, `${table.slotBytes} left`);
      });
    });
  }

  it('takes 0, 0xffffffff and beyond as bytes and as keys', () => {
    const table = new LiveTable();
    for (const bytes of [0, 1, 0xffff_fffe, 0xffff_ffff, 0x1_0000_0000, Number.MAX_SAFE_INTEGER]) {
      assert.equal(table.put(0, bytes, 7), -1);
      assert.equal(table.put(0xffff_ffff, bytes, 8), -1);
      assert.equal(table.put(0, bytes, 9), bytes);
      assert.equal(table.site, 7);
      assert.equal(table.take(0), bytes);
      assert.equal(table.site, 9);
      assert.equal(table.take(0xffff_ffff), bytes);
      assert.equal(table.take(0), -1);
    }
  });

  it('goes on in arrays where WebAssembly is refused', () => {
    let asked = 0;
    const table = new LiveTable({
      openReplay: () => {
        asked++;
        return undefined;
      },
    });
    for (let n = 0; n < 20_000; n++) table.put(n, n, 1);
    for (let n = 0; n < 20_000; n++) assert.equal(table.take(n), n);
    assert.ok(asked > 0);
  });

  it('does not copy its words in WebAssembly, however large it becomes', () => {
    let largest = 0;
    const { table } = withReplay({
      allocate: (words) => {
        largest = Math.max(largest, words);
        return new Int32Array(words);
      },
    });
    for (let n = 0; n < 300_000; n++) table.put(n * 16, 1, 0);
    assert.ok(largest * 4 < 200_000, `an array of ${largest * 4} bytes`);
    assert.equal(table.size, 300_000);
  });

  it('is unchanged when its memory in WebAssembly can not grow', () => {
    const replaying = withReplay({});
    replaying.move();
    const { table } = replaying;
    replaying.refuse = true;
    let key = 1;
    assert.throws(() => {
      for (; ; key++) table.put(key, 10, 0);
    }, RangeError);
    for (let k = 1; k <= key; k++) assert.equal(table.take(k), 10);
  });

  it('is unchanged when there is no memory to grow', () => {
    let refuse = false;
    const table = new LiveTable({
      allocate: (words) => {
        if (refuse) throw new RangeError('Array buffer allocation failed');
        return new Int32Array(words);
      },
    });
    table.put(1, 10, 0);
    refuse = true;
    let key = 2;
    assert.throws(() => {
      for (; ; key++) table.put(key, 10, 0);
    }, RangeError);
    for (let k = 1; k <= key; k++) assert.equal(table.take(k), 10);
  });
});
