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
const FREE = SITES;
const REALLOCATE = SITES + 1;
/**
 * Carries out what is in its memory, by 16 bytes: what (which of the sites is to allocate, or else), address, bytes, and the new
 * address. The allocator gives what it is told to.
 */
const PROGRAM = assemble(`(module
  (memory (export "memory") 1)
  (global $next (mut i32) (i32.const 0))
  (global $at (export "at") (mut i32) (i32.const 0))
  (func $malloc (export "malloc") (param i32) (result i32) (global.get $next))
  (func $free (export "free") (param i32))
  (func $realloc (export "realloc") (param i32 i32) (result i32) (global.get $next))
  (func (export "run") (param $count i32)
    (local $p i32) (local $what i32)
    (loop $again
      (local.set $p (i32.shl (global.get $at) (i32.const 4)))
      (local.set $what (i32.load (local.get $p)))
      (global.set $next (i32.load offset=12 (local.get $p)))
      ${Array.from(
        { length: SITES },
        (_, site) => `
      (if (i32.eq (local.get $what) (i32.const ${site}))
        (then (drop (call $malloc (i32.load offset=8 (local.get $p))))))`,
      ).join('')}
      (if (i32.eq (local.get $what) (i32.const ${FREE}))
        (then (call $free (i32.load offset=4 (local.get $p)))))
      (if (i32.eq (local.get $what) (i32.const ${REALLOCATE}))
        (then (drop (call $realloc (i32.load offset=4 (local.get $p)) (i32.load offset=8 (local.get $p))))))
      (global.set $at (i32.add (global.get $at) (i32.const 1)))
      (br_if $again (i32.lt_u (global.get $at) (local.get $count))))))`);

const engine = {
  plainModule: (bytes: Uint8Array) => new WebAssembly.Module(bytes as Uint8Array<ArrayBuffer>),
  plainInstance: (module: WebAssembly.Module, imports: WebAssembly.Imports) =>
    new WebAssembly.Instance(module, imports),
  realExports: (instance: WebAssembly.Instance) => instance.exports,
};

/** Every so many allocations one is sampled, in modules without contexts. */
const SAMPLED_EVERY = 5;

/** Modules with hooks on a ledger. Each does what it is asked to in one go, when `flush` or another module comes. */
class Bench {
  readonly busy = new WebAssembly.Global({ value: 'i32', mutable: true }, 0);
  readonly ledger = new Ledger(engine, this.busy);
  readonly sites = new SiteTable('wasm');
  readonly records = new SiteRecords(this.sites);
  readonly model = new LedgerModel();
  readonly peaks = new Map<number, number>();
  /** Has the module carry out what is waiting. */
  flush = (): void => {};
  /** How often blocks had passed by in it since then. */
  passed = 0;
  #last = -1;

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
    const at = exports['at'] as WebAssembly.Global;
    const words = new Uint32Array((exports['memory'] as WebAssembly.Memory).buffer);
    const nameOf = (what: number): string => `${number} ${what}`;
    const record = (): number =>
      this.records.add([{ name: nameOf(words[4 * at.value]!), file: '', line: 0, column: 0 }], NOBODY);
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
    let count = 0;
    const add = (...operation: [what: number, key: number, bytes: number, to: number]): void => {
      if (this.#last !== number) this.flush();
      this.#last = number;
      this.flush = () => {
        at.value = 0;
        if (count > 0) (exports['run'] as (count: number) => void)(count);
        count = 0;
        if ((waiting.passedBlocks.value as bigint) > 0n) this.passed++;
      };
      words.set(operation, 4 * count++);
      if (count === 1_000) this.flush();
    };
    let allocations = 0;
    const put = (what: number, key: number, bytes: number): void => {
      const isKnown = contexts || ++allocations % SAMPLED_EVERY === 0;
      this.model.put((number << 16) + key, bytes, isKnown ? this.siteOf(nameOf(what)) : UNCAPTURED);
      this.peaks.set(number, Math.max(this.peaks.get(number) ?? 0, this.liveOf(number)));
    };
    return {
      heap,
      isLive: (key: number) => this.model.blocks.has((number << 16) + key),
      allocated: (site: number, key: number, bytes: number) => {
        put(site, key, bytes);
        add(site, 0, bytes, key);
      },
      reallocated: (from: number, key: number, bytes: number) => {
        this.model.free((number << 16) + from);
        put(REALLOCATE, key, bytes);
        add(REALLOCATE, from, bytes, key);
      },
      freed: (key: number) => {
        this.model.free((number << 16) + key);
        add(FREE, key, 0, 0);
      },
      /** A free that is not told, while nothing is. */
      missFree: (key: number) => {
        this.flush();
        inside.value = -1;
        this.ledger.doubt(heap);
        add(FREE, key, 0, 0);
        this.flush();
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
        let last = { m: 0, key: 16 };
        for (let i = 0; i < 6_000; i++) {
          const stays = below(8) > 0;
          const m = stays || below(4) > 0 ? last.m : below(modules.length);
          const module = modules[m]!;
          const key = stays && below(4) > 0 ? last.key : 16 * (1 + below(12));
          const bytes = below(8) === 0 ? 0 : below(1000);
          const what = below(30);
          const missesFrees = missing && i > 3_000;
          if (what < 3 && missesFrees) module.missFree(key);
          else if (what < 14) {
            if (module.isLive(key) && !missesFrees) continue;
            module.allocated(below(4) === 0 ? below(SITES) : m, key, bytes);
          } else if (what < 28) {
            module.freed(key);
          } else {
            const to = 16 * (1 + below(12));
            if (!module.isLive(key) || (module.isLive(to) && !missesFrees)) continue;
            module.reallocated(key, to, bytes);
          }
          last = { m, key };
          const read = below(200);
          if (read < 5 || below(30) === 0) bench.flush();
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
        bench.flush();
        const counted = (field: 'unmatchedFrees' | 'impliedFrees'): number =>
          modules.reduce((sum, { heap }) => sum + ledger.heapCount(heap, field), 0);
        assert.deepEqual(
          [counted('unmatchedFrees'), counted('impliedFrees')],
          [model.unmatched, model.implied],
        );
        assert.ok(bench.passed > 20, `blocks passed by in only ${bench.passed} runs`);
      });
    }
  });
}
