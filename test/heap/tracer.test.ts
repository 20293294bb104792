import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import { describe, it } from 'node:test';
import { fileURLToPath } from 'node:url';
import { hashStack } from '../../src/heap/frame.js';
import type { SourceName, SourceSnapshot } from '../../src/heap/snapshot.js';
import type { HeapSource } from '../../src/heap/source.js';
import type { HeapTracer } from '../../src/heap/tracer.js';
import { recordedHeap, reportRow } from './recorded-heap.js';

/** A source that does what a test tells it. */
class ScriptedSource implements HeapSource {
  readonly name: SourceName;
  readonly calls: string[] = [];
  bytes = 0;
  onCall: (call: string) => void = () => {};
  constructor(name: SourceName) {
    this.name = name;
  }
  arm(): void {
    this.#note('arm');
  }
  disarm(): void {
    this.#note('disarm');
  }
  reset(): void {
    this.#note('reset');
  }
  liveBytes(): number {
    this.onCall('liveBytes');
    return this.bytes;
  }
  snapshot(final: boolean): SourceSnapshot {
    this.#note(final ? 'snapshot final' : 'snapshot');
    const { name: source, bytes: liveBytes } = this;
    return { source, estimated: false, hasTotals: true, liveBytes, liveBlocks: 0, sites: [], facts: {} };
  }
  #note(call: string): void {
    this.calls.push(call);
    this.onCall(call);
  }
}

function allocateSample(heap: HeapTracer): void {
  function userFunction(address: number): void {
    heap.alloc(address, 16 * 1024);
  }
  function main(): void {
    for (let i = 0; i < 120; i++) userFunction(0x1000 + i * 16 * 1024);
    heap.alloc(1, 1024);
    heap.alloc(2, 2048);
  }
  main();
}

describe('the leak report', () => {
  it("names the user's function first, with exact figures, at sampling 1", () => {
    const { heap } = recordedHeap();
    heap.setSampling(1);
    heap.enable();
    allocateSample(heap);
    heap.setSampling(0);
    const leaks = reportRow(heap, 'heap_leaks');
    assert.match(leaks['leak_1']!, /^userFunction \(.*tracer\.test\.ts:\d+:\d+\) <- main \(/);
    assert.match(leaks['leak_1']!, / \(1966080 bytes, 120 allocations\)$/);
    assert.match(leaks['leak_2']!, /^main \(.* \(2048 bytes, 1 allocations\)$/);
    assert.match(leaks['leak_3']!, /^main \(.* \(1024 bytes, 1 allocations\)$/);
    assert.deepEqual(Object.keys(leaks), ['leak_1', 'leak_2', 'leak_3']);
    const stats = reportRow(heap, 'heap_report_stats');
    assert.equal(stats['live_alloc_count'], '122');
    assert.equal(stats['site_count'], '3');
    assert.deepEqual(Object.keys(reportRow(heap, 'heap_sites')), ['site_1', 'site_2', 'site_3']);
  });

  it('has the same totals as one group without a stack at sampling 0', () => {
    const { heap } = recordedHeap();
    heap.enable();
    allocateSample(heap);
    assert.deepEqual(reportRow(heap, 'heap_leaks'), {
      leak_1: `hash=0x${hashStack('manual', [])} (1969152 bytes, 122 allocations)`,
    });
    assert.deepEqual(reportRow(heap, 'heap_sites'), { info: 'no_callsite_info_available' });
  });

  it('counts every allocation and captures about the share asked for', () => {
    const { heap } = recordedHeap({ seed: 7 });
    heap.setSampling(0.3);
    heap.enable();
    for (let i = 0; i < 5000; i++) heap.alloc(i, 8);
    const report = heap.report();
    assert.ok(report.written);
    const sites = report.snapshot.sources[0]!.sites;
    const captured = sites.find((site) => site.frames.length > 0)!.liveBlocks;
    assert.equal(
      sites.reduce((sum, site) => sum + site.liveBlocks, 0),
      5000,
    );
    assert.ok(Math.abs(captured - 1500) < 5 * Math.sqrt(5000 * 0.3 * 0.7), `${captured} of 5000`);
  });

  it('is a few instants in the trace, with a counter point before the end', () => {
    const { heap, events } = recordedHeap();
    heap.enable();
    heap.alloc(1, 100);
    events.length = 0;
    heap.report();
    assert.deepEqual(
      events.map((event) => event.name),
      [
        'heap_report_started',
        'heap_report_stats',
        'heap_leaks',
        'heap_sites',
        'heap_peak',
        'heap_live_bytes',
        'heap_report_done',
      ],
    );
    assert.deepEqual(events[0]!.values, { status: 'begin' });
    assert.deepEqual(events.at(-1)!.values, { status: 'end' });
    for (const { name, values } of events) {
      if (name === 'heap_live_bytes') assert.deepEqual(values, { total: 100, manual: 100 });
      else assert.ok(Object.values(values).every((value) => typeof value === 'string'));
    }
  });

  it('is not made while the tracer is off, and says why', () => {
    const { heap, events } = recordedHeap();
    assert.deepEqual(heap.report(), {
      written: false,
      reason: 'heap tracer is not enabled; call heap.enable() first',
    });
    assert.deepEqual(events, []);
  });

  it('never counts what happens while it is made, at sampling 1', () => {
    const { heap, events } = recordedHeap();
    const source = new ScriptedSource('wasm');
    source.onCall = () => {
      for (let i = 0; i < 100; i++) heap.alloc(1000 + i, 64);
      heap.free(99_999);
      assert.equal(heap.report().written, false);
    };
    heap.attach(source);
    heap.setSampling(1);
    heap.enable();
    heap.alloc(1, 10);
    heap.free(2);
    const report = heap.report();
    assert.ok(report.written);
    const manual = report.snapshot.sources.find((taken) => taken.source === 'manual')!;
    assert.equal(manual.liveBlocks, 1);
    assert.equal(manual.facts['unmatched_frees'], '1');
    assert.equal(events.filter((event) => event.name === 'heap_report_started').length, 1);
  });

  it('has the same hashes in every process', () => {
    const program = fileURLToPath(new URL('./hash-program.ts', import.meta.url));
    const run = (): string =>
      execFileSync(process.execPath, ['--import', 'tsx', program], {
        encoding: 'utf8',
        env: { ...process.env },
      });
    const first = run();
    assert.equal(first.trim().split('\n').length, 5);
    assert.equal(first, run());
  });

  it('keeps as many groups as asked for', () => {
    const { heap } = recordedHeap();
    heap.enable();
    heap.setSampling(1);
    for (const size of [1, 2, 3]) new Function('heap', 'size', 'heap.alloc(size, size)')(heap, size);
    heap.alloc(10, 1);
    const report = heap.report({ top: 1 });
    assert.ok(report.written);
    assert.deepEqual(Object.keys(report.rows[1]!.values), ['leak_1']);
    assert.throws(() => heap.report({ top: 0 }), { code: 'OTRACE_BAD_OPTION' });
  });
});

describe('turning the tracer on and off', () => {
  it('records nothing while off, keeps what it has, and goes on', () => {
    const { heap, point } = recordedHeap();
    heap.alloc(1, 10);
    assert.equal(heap.enabled, false);
    heap.enable();
    heap.alloc(2, 20);
    heap.alloc(3, 30);
    heap.disable();
    heap.alloc(4, 40);
    heap.free(2);
    heap.disable();
    assert.deepEqual(point(), { total: 50, manual: 50 });
    assert.equal(heap.snapshot().sources[0]!.liveBytes, 50);
    heap.enable();
    heap.free(3);
    heap.free(1);
    const [manual] = heap.snapshot().sources;
    assert.equal(manual!.liveBytes, 20);
    assert.equal(manual!.facts['unmatched_frees'], '1');
  });

  it('adds a counter point at each toggle, and a leak-free run ends at zero', () => {
    const { heap, events, point } = recordedHeap();
    heap.enable();
    for (let i = 0; i < 100; i++) heap.alloc(i, i);
    for (let i = 0; i < 100; i++) heap.free(i);
    heap.disable();
    assert.deepEqual(point(), { total: 0, manual: 0 });
    assert.ok(events.every((event) => event.name === 'heap_live_bytes'));
    assert.ok(events.length >= 2);
    assert.equal(heap.snapshot().sources[0]!.facts['unmatched_frees'], '0');
  });

  it('adds a point from the hot path once a second', () => {
    const { heap, events, clock } = recordedHeap();
    heap.enable();
    events.length = 0;
    for (let i = 0; i < 30_000; i++) {
      clock.nowUs += 100;
      heap.alloc(i, 1);
    }
    assert.ok(events.length === 2 || events.length === 3, `${events.length} points in 3 s`);
  });

  it('forgets everything on reset and goes on recording', () => {
    const { heap, point } = recordedHeap();
    heap.enable();
    heap.setSampling(1);
    heap.alloc(1, 10);
    heap.alloc('text', 10);
    heap.reset();
    assert.deepEqual(point(), { total: 0, manual: 0 });
    assert.deepEqual(reportRow(heap, 'heap_leaks'), { info: 'no_live_allocations_detected' });
    assert.deepEqual(reportRow(heap, 'heap_sites'), { info: 'no_callsite_info_available' });
    heap.free(1);
    heap.free('text');
    heap.alloc(2, 5);
    const [manual] = heap.snapshot().sources;
    assert.equal(manual!.liveBytes, 5);
    assert.equal(manual!.facts['unmatched_frees'], '2');
  });

  it('changes the depth of stacks, and refuses nonsense', () => {
    const { heap } = recordedHeap();
    assert.equal(heap.stackDepth, 8);
    heap.setStackDepth(1);
    heap.setSampling(1);
    heap.enable();
    heap.alloc(1, 1);
    assert.equal(heap.snapshot().sources[0]!.sites[0]!.frames.length, 1);
    for (const bad of [0, -1, 1.5, Number.NaN, '3' as unknown as number]) {
      assert.throws(() => heap.setStackDepth(bad), {
        code: 'OTRACE_BAD_OPTION',
        message: /heap stack depth is .*; give a whole number from 1 to 10,000/,
      });
    }
    assert.equal(heap.stackDepth, 1);
    heap.setStackDepth(10_000);
    heap.setStackDepth(1_000_000);
    assert.equal(heap.stackDepth, 10_000);
    heap.alloc(2, 1);
  });
});

describe('sources', () => {
  it('are armed all by default, in one order, each with its lane', () => {
    const { heap, point } = recordedHeap();
    const wasm = new ScriptedSource('wasm');
    wasm.bytes = 7;
    heap.attach(wasm);
    heap.attach(new ScriptedSource('wasm'));
    heap.enable();
    assert.deepEqual(heap.armedSources, ['wasm', 'manual']);
    heap.attach(new ScriptedSource('js'));
    assert.deepEqual(heap.armedSources, ['js', 'wasm', 'manual']);
    assert.deepEqual(wasm.calls, ['arm']);
    heap.alloc(1, 3);
    heap.addPoint();
    assert.deepEqual(Object.entries(point()!), [
      ['total', 10],
      ['js', 0],
      ['wasm', 7],
      ['manual', 3],
    ]);
    heap.report({ final: true });
    assert.deepEqual(wasm.calls, ['arm', 'snapshot final']);
    heap.disable();
    assert.deepEqual(heap.armedSources, []);
    heap.enable();
    assert.deepEqual(wasm.calls, ['arm', 'snapshot final', 'disarm', 'arm']);
  });

  it('are armed exactly as listed', () => {
    const { heap } = recordedHeap();
    const wasm = new ScriptedSource('wasm');
    heap.attach(wasm);
    heap.enable(['wasm']);
    heap.alloc(1, 5);
    assert.deepEqual(heap.armedSources, ['wasm']);
    heap.attach(new ScriptedSource('js'));
    heap.enable(['manual']);
    assert.deepEqual(heap.armedSources, ['manual']);
    assert.deepEqual(wasm.calls, ['arm', 'disarm']);
    assert.equal(heap.snapshot().sources[0]!.liveBytes, 0);
  });

  it('that are unknown or not attached are refused, and nothing changes', () => {
    const { heap } = recordedHeap();
    assert.throws(() => heap.enable(['manual', 'gpu' as SourceName]), {
      code: 'OTRACE_BAD_OPTION',
      message: '"gpu" is not a heap source; the sources are js, wasm, buffers, manual',
    });
    assert.throws(() => heap.enable(['buffers']), {
      code: 'OTRACE_BAD_OPTION',
      message: /"buffers" is not attached; import 'otrace\/hooks'/,
    });
    assert.equal(heap.enabled, false);
  });

  for (const failing of ['arm', 'snapshot', 'liveBytes', 'disarm', 'reset']) {
    it(`that fail in ${failing} are taken out with one warning, and the others go on`, () => {
      const { heap, warnings } = recordedHeap();
      const source = new ScriptedSource('wasm');
      source.onCall = (call) => {
        if (call === failing) throw new Error('it broke');
      };
      heap.attach(source);
      heap.enable();
      heap.alloc(1, 5);
      const report = heap.report();
      assert.ok(report.written);
      heap.reset();
      heap.alloc(2, 6);
      heap.disable();
      heap.enable();
      assert.deepEqual(heap.armedSources, ['manual']);
      assert.equal(warnings.length, 1);
      assert.match(warnings[0]!, /^otrace: heap source "wasm" failed \(it broke\) and is off; /);
      assert.equal(reportRow(heap, 'heap_report_stats')['manual_live_bytes'], '6');
    });
  }

  it('need a number of shards that makes sense', () => {
    for (const shards of [0, -1, 2.5, Number.NaN]) {
      assert.throws(() => recordedHeap({ shards }), { code: 'OTRACE_BAD_OPTION', message: /heap shards/ });
    }
    assert.equal(recordedHeap({ shards: 5 }).heap.host.shards, 8);
    assert.equal(recordedHeap({ shards: 100_000 }).heap.host.shards, 1024);
  });
});
