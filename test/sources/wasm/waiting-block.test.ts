import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { UNCAPTURED } from '../../../src/heap/live-sites.js';
import { SiteTable } from '../../../src/heap/sites.js';
import { SHAPES } from '../../../src/sources/wasm/allocation-hook.js';
import { HOOK_SLOTS } from '../../../src/sources/wasm/hook-table.js';
import { emptySums, Ledger } from '../../../src/sources/wasm/ledger.js';
import { parseModule } from '../../../src/sources/wasm/module-sections.js';
import { ADDED_EXPORTS, rewriteModule } from '../../../src/sources/wasm/rewrite.js';
import { NOBODY, SiteRecords } from '../../../src/sources/wasm/site-records.js';
import { waitingGlobalsOf } from '../../../src/sources/wasm/waiting-block.js';
import { hooksByName } from './hooked.js';
import { LedgerModel } from './ledger-model.js';
import { seededRandom } from './seeded-random.js';
import { assemble } from './wat.js';

const SITES = 3;
/** Allocates where it is told to; each site is a function of its own. */
const PROGRAM = assemble(`(module
  (memory (export "memory") 1)
  (global $next (export "next") (mut i32) (i32.const 0))
  (func $malloc (export "malloc") (param i32) (result i32) (global.get $next))
  (func $free (export "free") (param i32))
  (func $realloc (export "realloc") (param i32 i32) (result i32) (global.get $next))
  ${Array.from({ length: SITES }, (_, i) => `(func (export "site${i}") (param i32) (drop (call $malloc (local.get 0))) (nop))`).join('')}
  (func (export "free1") (param i32) (call $free (local.get 0)))
  (func (export "realloc1") (param i32 i32) (drop (call $realloc (local.get 0) (local.get 1)))))`);

const engine = {
  plainModule: (bytes: Uint8Array) => new WebAssembly.Module(bytes as Uint8Array<ArrayBuffer>),
  plainInstance: (module: WebAssembly.Module, imports: WebAssembly.Imports) =>
    new WebAssembly.Instance(module, imports),
  realExports: (instance: WebAssembly.Instance) => instance.exports,
};

type Call = (...values: number[]) => number;

/** Every so many allocations one is sampled, in modules without contexts. */
const SAMPLED_EVERY = 5;

/** Modules with hooks on a ledger, and what they told it: only what a module did not do by itself. */
class Bench {
  readonly busy = new WebAssembly.Global({ value: 'i32', mutable: true }, 0);
  readonly ledger = new Ledger(engine, this.busy);
  readonly sites = new SiteTable('wasm');
  readonly records = new SiteRecords(this.sites);
  readonly model = new LedgerModel();
  readonly peaks = new Map<number, number>();
  told = 0;
  #at = '';

  siteOf(name: string): number {
    return this.sites.siteOf([{ name, file: '', line: 0, column: 0 }]);
  }

  sums() {
    const sums = emptySums(this.sites.count);
    this.ledger.addTo(sums, this.records);
    return sums;
  }

  liveOf(heap: number): number {
    return [...this.model.blocks].reduce((sum, [id, { bytes }]) => sum + (id >> 16 === heap ? bytes : 0), 0);
  }

  /** @param heap undefined for a heap of its own */
  module(number: number, contexts: boolean, heap = this.ledger.newHeap()) {
    const parsed = parseModule(PROGRAM);
    const hooks = hooksByName(parsed, {
      malloc: SHAPES.malloc,
      free: SHAPES.free,
      realloc: SHAPES.realloc,
    });
    const rewritten = rewriteModule(parsed, { hooks, contexts, start: 'kept' });
    const exports = new WebAssembly.Instance(engine.plainModule(rewritten.bytes)).exports;
    const record = (): number => this.records.add([{ name: this.#at, file: '', line: 0, column: 0 }], NOBODY);
    const calls = {
      discover: record,
      enter: () => 1,
      sampled: () => {
        ledger.draw(SAMPLED_EVERY - 1, 0);
        return record();
      },
      pause: () => {},
      full: () => {},
    };
    const waiting = waitingGlobalsOf(exports);
    const salt = BigInt(number) << 40n; // contexts of the same code are the same in each
    const ledger = this.ledger.instance(rewritten, heap, salt, calls, waiting);
    this.ledger.openHeap(ledger);
    ledger.draw(SAMPLED_EVERY - 1, 0);
    ledger.left.value = 0x7fff_ffff;
    HOOK_SLOTS.forEach((slot, i) => {
      const table = exports[ADDED_EXPORTS.hooks] as WebAssembly.Table;
      table.set(i, ledger[slot]);
    });
    const inside = exports[ADDED_EXPORTS.inside] as WebAssembly.Global;
    inside.value = 0;
    const next = exports['next'] as WebAssembly.Global;
    const call = exports as unknown as Record<string, Call>;
    let allocations = 0;
    /** Notes what the model should know of an allocation, and makes it. */
    const allocate = (name: string, key: number, bytes: number, from?: number): void => {
      const sampled = ++allocations % SAMPLED_EVERY === 0;
      this.#at = `${number} ${name}`;
      next.value = key;
      const site = contexts || sampled ? this.siteOf(this.#at) : UNCAPTURED;
      if (from !== undefined) this.model.free((number << 16) + from);
      this.model.put((number << 16) + key, bytes, site);
      this.peaks.set(number, Math.max(this.peaks.get(number) ?? 0, this.liveOf(number)));
      if (from === undefined) call[name]!(bytes);
      else call[name]!(from, bytes);
    };
    return {
      heap,
      waiting,
      isLive: (key: number) => this.model.blocks.has((number << 16) + key),
      allocated: (site: number, key: number, bytes: number) => allocate(`site${site}`, key, bytes),
      reallocated: (from: number, key: number, bytes: number) => allocate('realloc1', key, bytes, from),
      freed: (key: number) => {
        this.model.free((number << 16) + key);
        call['free1']!(key);
      },
      /** A free that is not told, while nothing is. */
      missFree: (key: number) => {
        inside.value = -1;
        this.ledger.doubt(heap);
        call['free1']!(key);
        inside.value = 0;
      },
    };
  }
}

for (const contexts of [false, true]) {
  describe(`modules that have blocks wait, ${contexts ? 'with' : 'without'} contexts`, () => {
    for (const missing of [false, true]) {
      test(`are counted as any others${missing ? ', though frees are missed' : ''}`, () => {
        const bench = new Bench();
        const { ledger, model } = bench;
        const modules = [bench.module(0, contexts), bench.module(1, contexts), bench.module(2, contexts)];
        const below = seededRandom(5);
        let waited = 0;
        let last = { m: 0, key: 16 };
        for (let i = 0; i < 6_000; i++) {
          const stays = below(8) > 0;
          const m = stays ? last.m : below(modules.length);
          const module = modules[m]!;
          const key = stays && below(4) > 0 ? last.key : 16 * (1 + below(12));
          const bytes = below(8) === 0 ? 0 : below(1000);
          const what = below(30);
          const missesFrees = missing && i > 3_000;
          if (what < 3 && missesFrees) module.missFree(key);
          else if (what < 14) {
            if (module.isLive(key) && !missesFrees) continue;
            module.allocated(below(4) === 0 ? below(SITES) : m, key, bytes);
            if (module.waiting.room.value >= bytes) waited++;
          } else if (what < 28) {
            module.freed(key);
          } else {
            const to = 16 * (1 + below(12));
            if (!module.isLive(key) || (module.isLive(to) && !missesFrees)) continue;
            module.reallocated(key, to, bytes);
          }
          last = { m, key };
          const read = below(40);
          if (read === 0) assert.equal(ledger.liveBytes, model.live.bytes);
          else if (read === 1) assert.equal(ledger.peakBytes, model.live.peakBytes);
          else if (read === 2)
            assert.equal(ledger.heapCount(module.heap, 'peakBytes'), bench.peaks.get(m) ?? 0);
          else if (read === 3) {
            const blocks = [...model.blocks.keys()].filter((id) => id >> 16 === m).length;
            assert.equal(ledger.heapBlocks(module.heap), blocks);
          } else if (read === 4) {
            const { live, peak, total } = bench.sums();
            const count = bench.sites.count;
            const [expected, expectedPeak] = [model.live.live(count), model.live.peak(count)];
            assert.deepEqual([...live.bytes, ...live.blocks], [...expected.bytes, ...expected.blocks]);
            assert.deepEqual(
              [...peak.bytes, ...peak.blocks],
              [...expectedPeak.bytes, ...expectedPeak.blocks],
            );
            for (const [site, sum] of model.total) assert.equal(total.bytes[site], sum);
          }
        }
        const counted = (field: 'unmatchedFrees' | 'impliedFrees'): number =>
          modules.reduce((sum, { heap }) => sum + ledger.heapCount(heap, field), 0);
        assert.deepEqual(
          [counted('unmatchedFrees'), counted('impliedFrees')],
          [model.unmatched, model.implied],
        );
        assert.ok(waited > 500, `only ${waited} could wait`);
      });
    }
  });
}
