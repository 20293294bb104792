import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import wabt from 'wabt';
import { SiteTable } from '../../../src/heap/sites.js';
import {
  emptySums,
  Ledger,
  type LedgerCalls,
  type LedgerInstance,
} from '../../../src/sources/wasm/ledger.js';
import { ledgerText } from '../../../src/sources/wasm/ledger-code.js';
import { NOBODY, SiteRecords } from '../../../src/sources/wasm/site-records.js';
import { assembleText } from '../../../src/wat/wat-assembler.js';
import { LedgerModel } from './ledger-model.js';
import { seededRandom } from './seeded-random.js';

const engine = {
  plainModule: (bytes: Uint8Array) => new WebAssembly.Module(bytes as Uint8Array<ArrayBuffer>),
  plainInstance: (module: WebAssembly.Module, imports: WebAssembly.Imports) =>
    new WebAssembly.Instance(module, imports),
  realExports: (instance: WebAssembly.Instance) => instance.exports,
};

type Hook = (...values: (number | bigint)[]) => number;

/** A ledger with heaps, and a record for each context, made the first time. */
function openLedger(wideAddresses: boolean) {
  const busy = new WebAssembly.Global({ value: 'i32', mutable: true }, 0);
  const ledger = new Ledger(engine, busy);
  const sites = new SiteTable('wasm');
  const records = new SiteRecords(sites);
  const told: string[] = [];
  const calls: LedgerCalls = {
    discover: (low, high, entry) => {
      told.push(`discover ${high}:${low} ${entry}`);
      return records.add([{ name: `f${low}`, file: '', line: 0, column: 0 }], NOBODY);
    },
    enter: () => 1,
    sampled: () => 0,
    pause: () => {},
    full: () => told.push('full'),
  };
  const hooksOn = (at: number, isWide: boolean) => {
    const variant = { wideAddresses: isWide, contexts: true };
    const instance: LedgerInstance = ledger.instance(variant, at, 7n, calls);
    instance.left.value = 0x7fff_ffff;
    const hooks = instance as unknown as Record<'allocated' | 'freed' | 'reallocated', Hook>;
    const wide = (value: number): number | bigint => (isWide ? BigInt(value) : value | 0);
    return {
      at,
      instance,
      allocated: (key: number, bytes: number, context: number) =>
        hooks.allocated(wide(key), wide(bytes), BigInt(context), 1),
      freed: (key: number) => hooks.freed(wide(key), 0),
      reallocated: (from: number, bytes: number, to: number, context: number) =>
        hooks.reallocated(wide(from), wide(bytes), wide(to), BigInt(context), 1),
    };
  };
  const newHeap = (isWide = wideAddresses) => {
    const hooks = hooksOn(ledger.newHeap(), isWide);
    ledger.openHeap(hooks.instance);
    return hooks;
  };
  return { ledger, sites, records, busy, told, newHeap, hooksOn };
}

function sumsOf(ledger: Ledger, sites: SiteTable, records: SiteRecords) {
  const sums = emptySums(sites.count);
  ledger.addTo(sums, records);
  return sums;
}

for (const wideAddresses of [false, true]) {
  test(`a ledger says what the plainest table says, ${wideAddresses ? '64' : '32'}-bit addresses`, () => {
    const { ledger, sites, records, newHeap, told } = openLedger(wideAddresses);
    const heap = newHeap();
    const model = new LedgerModel();
    const below = seededRandom(2026);
    const unit = wideAddresses ? 8 : 1;
    const siteOfContext: number[] = [];
    const compare = (): void => {
      const { live, peak, total } = sumsOf(ledger, sites, records);
      const expected = model.live.live(sites.count);
      const expectedPeak = model.live.peak(sites.count);
      assert.deepEqual([...live.bytes], [...expected.bytes]);
      assert.deepEqual([...live.blocks], [...expected.blocks]);
      assert.deepEqual([...peak.bytes], [...expectedPeak.bytes]);
      assert.deepEqual([...peak.blocks], [...expectedPeak.blocks]);
      for (const [site, bytes] of model.total) assert.equal(total.bytes[site], bytes);
      assert.equal(ledger.heapBlocks(heap.at), model.blocks.size);
      assert.equal(ledger.heapCount(heap.at, 'liveBytes'), model.live.bytes);
      assert.equal(ledger.peakBytes, model.live.peakBytes);
      assert.equal(ledger.heapCount(heap.at, 'unmatchedFrees'), model.unmatched);
      assert.equal(ledger.heapCount(heap.at, 'impliedFrees'), model.implied);
    };
    const siteOf = (context: number): number => {
      siteOfContext[context] ??= sites.siteOf([{ name: `f${context}`, file: '', line: 0, column: 0 }]);
      return siteOfContext[context]!;
    };
    for (let round = 0; round < 12; round++) {
      const growing = round % 3 !== 2;
      for (let i = 0; i < 12_000; i++) {
        const context = below(30 + round * 100);
        const key = (1 + below(40_000)) * 16 * unit;
        const bytes = below(100) === 0 ? 0xf000_0000 : below(5000);
        const what = below(10);
        siteOf(context);
        if (what < (growing ? 6 : 2)) {
          heap.allocated(key, bytes, context);
          model.put(key, bytes, siteOf(context));
        } else if (what < 9) {
          heap.freed(key);
          model.free(key);
        } else {
          const to = (1 + below(40_000)) * 16 * unit;
          heap.reallocated(key, bytes, to, context);
          model.free(key);
          model.put(to, bytes, siteOf(context));
        }
      }
      compare();
    }
    assert.equal(new Set(told).size, told.length, 'a context is asked for once');
    heap.instance.clear(0);
    for (const key of [...model.blocks.keys()]) model.free(key);
    model.unmatched = 0;
    model.implied = 0;
    compare();
  });
}

test('a block that is freed before anything else happens is counted as any other, whatever is read meanwhile', () => {
  const { ledger, sites, records, newHeap, hooksOn } = openLedger(false);
  const heaps = [newHeap(), newHeap()];
  const neighbour = hooksOn(heaps[0]!.at, false); // as of another module on the same memory
  const model = new LedgerModel();
  const peaks = new Map<number, number>();
  const below = seededRandom(11);
  const siteOf = (context: number): number =>
    sites.siteOf([{ name: `f${context}`, file: '', line: 0, column: 0 }]);
  const liveOf = (h: number): number =>
    [...model.blocks].reduce((sum, [key, { bytes }]) => sum + (key >> 16 === h ? bytes : 0), 0);
  let last = { h: 0, key: 16 };
  for (let i = 0; i < 6_000; i++) {
    if (i === 4_000) heaps.push(newHeap(true));
    const stays = below(4) > 0;
    const h = stays ? last.h : below(heaps.length);
    const heap = h === 0 && below(2) === 0 ? neighbour : heaps[h]!;
    const key = stays && below(2) === 0 ? last.key : 16 * (1 + below(12));
    const id = (h << 16) + key;
    const what = below(20);
    if (what < 9) {
      const context = 2 * below(6);
      const bytes = below(8) === 0 ? 0 : below(1000);
      heap.allocated(key, bytes, context);
      model.put(id, bytes, siteOf(context));
      peaks.set(h, Math.max(peaks.get(h) ?? 0, liveOf(h)));
      last = { h, key };
    } else if (what < 18) {
      heap.freed(key);
      model.free(id);
    } else {
      const to = 16 * (1 + below(12));
      heap.reallocated(key, 50, to, 4);
      model.free(id);
      model.put((h << 16) + to, 50, siteOf(4));
      peaks.set(h, Math.max(peaks.get(h) ?? 0, liveOf(h)));
      last = { h, key: to };
    }
    if (below(3) > 0) continue; // else: what is read between two calls
    const read = below(6);
    if (read === 0) assert.equal(ledger.liveBytes, model.live.bytes);
    else if (read === 1) assert.equal(ledger.peakBytes, model.live.peakBytes);
    else if (read === 2) assert.equal(ledger.heapCount(heaps[h]!.at, 'liveBytes'), liveOf(h));
    else if (read === 3) assert.equal(ledger.heapCount(heaps[h]!.at, 'peakBytes'), peaks.get(h) ?? 0);
    else if (read === 4) {
      const blocks = [...model.blocks.keys()].filter((id) => id >> 16 === h).length;
      assert.equal(ledger.heapBlocks(heaps[h]!.at), blocks);
    } else {
      const { live, peak, total } = sumsOf(ledger, sites, records);
      const expected = model.live.live(sites.count);
      const expectedPeak = model.live.peak(sites.count);
      assert.deepEqual([...live.bytes, ...live.blocks], [...expected.bytes, ...expected.blocks]);
      assert.deepEqual([...peak.bytes, ...peak.blocks], [...expectedPeak.bytes, ...expectedPeak.blocks]);
      for (const [site, bytes] of model.total) assert.equal(total.bytes[site], bytes);
    }
  }
  const counted = (field: 'unmatchedFrees' | 'impliedFrees'): number =>
    heaps.reduce((sum, { at }) => sum + ledger.heapCount(at, field), 0);
  assert.deepEqual([counted('unmatchedFrees'), counted('impliedFrees')], [model.unmatched, model.implied]);
});

describe('a ledger', () => {
  test('keeps heaps apart, and gives the memory of a closed one to the next', () => {
    const { ledger, newHeap } = openLedger(false);
    const [a, b] = [newHeap(), newHeap()];
    for (let key = 16; key <= 160_000; key += 16) {
      a.allocated(key, 10, 1);
      b.allocated(key, 20, 1);
    }
    assert.deepEqual([ledger.heapBlocks(a.at), ledger.heapBlocks(b.at)], [10_000, 10_000]);
    assert.equal(ledger.liveBytes, 300_000);
    a.instance.clear(1);
    assert.equal(ledger.liveBytes, 200_000);
    const held = ledger.memoryBytes;
    const c = newHeap();
    for (let key = 16; key <= 160_000; key += 16) c.allocated(key, 5, 1);
    assert.equal(ledger.memoryBytes, held);
    assert.equal(ledger.liveBytes, 250_000);
    for (let key = 16; key <= 160_000; key += 16) b.freed(key);
    assert.equal(ledger.liveBytes, 50_000);
    assert.equal(ledger.peakBytes, 300_000);
  });

  test('adds nothing while otrace is at work, and lets known blocks go', () => {
    const { ledger, newHeap, busy } = openLedger(false);
    const heap = newHeap();
    heap.allocated(16, 100, 1);
    busy.value = 1;
    heap.allocated(32, 100, 1);
    heap.freed(48);
    assert.equal(ledger.liveBytes, 100);
    heap.freed(16);
    busy.value = 0;
    assert.equal(ledger.liveBytes, 0);
    assert.equal(ledger.heapCount(heap.at, 'unmatchedFrees'), 0);
  });

  test('holds a hundred thousand contexts', () => {
    const { ledger, sites, records, newHeap, told } = openLedger(false);
    const heap = newHeap();
    for (let round = 0; round < 2; round++) {
      for (let context = 0; context < 100_000; context++) heap.allocated(16 + 16 * context, 1, context);
    }
    assert.equal(told.length, 100_000);
    assert.equal(ledger.heapCount(heap.at, 'impliedFrees'), 100_000);
    const { live } = sumsOf(ledger, sites, records);
    assert.equal(
      live.blocks.reduce((sum, blocks) => sum + blocks, 0),
      100_000,
    );
  });

  test('takes 17 to 35 bytes of memory for a block', () => {
    const { ledger, newHeap } = openLedger(false);
    const heap = newHeap();
    const before = ledger.memoryBytes;
    for (let i = 1; i <= 1_000_000; i++) heap.allocated(i * 48, 32, 1);
    const perBlock = (ledger.memoryBytes - before) / 1_000_000;
    assert.ok(perBlock > 17 && perBlock < 40, `${perBlock} bytes`);
  });
});

test('the code is what another assembler makes of it, and valid', async () => {
  const { parseWat } = await wabt();
  const features = { threads: true, bulk_memory: true, mutable_globals: true };
  for (const wideAddresses of [false, true]) {
    for (const contexts of [false, true]) {
      for (const shared of [false, true]) {
        const text = ledgerText({ wideAddresses, contexts, shared });
        const ours = engine.plainModule(assembleText(text));
        const parsed = parseWat('ledger.wat', `(module ${text})`, features);
        const theirs = engine.plainModule(parsed.toBinary({}).buffer);
        parsed.destroy();
        assert.deepEqual(WebAssembly.Module.exports(ours), WebAssembly.Module.exports(theirs));
        assert.deepEqual(WebAssembly.Module.imports(ours), WebAssembly.Module.imports(theirs));
      }
    }
  }
});
