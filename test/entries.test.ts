// The entry points beside `otrace` itself: the macros, the off build, the browser build, the examples.
import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import { mkdtempSync, readdirSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { after, describe, it } from 'node:test';
import { fileURLToPath } from 'node:url';
import * as browser from '../src/browser.js';
import * as otrace from '../src/index.js';
import * as macros from '../src/macros.js';
import * as off from '../src/off.js';

const root = join(dirname(fileURLToPath(import.meta.url)), '..');
const folder = mkdtempSync(join(tmpdir(), 'otrace-entries-'));
after(() => rmSync(folder, { recursive: true, force: true }));

interface Event {
  readonly name: string;
  readonly ph: string;
  readonly cat?: string;
  readonly cname?: string;
  readonly id?: number;
  readonly args?: Readonly<Record<string, unknown>>;
}

function eventsOf(path: string): readonly Event[] {
  return (JSON.parse(readFileSync(path, 'utf8')) as { traceEvents: Event[] }).traceEvents;
}

/** Public names of an object, its class and their parents. */
function namesOf(object: object): string[] {
  const names = new Set<string>();
  for (
    let at: object | null = object;
    at !== null && at !== Object.prototype;
    at = Object.getPrototypeOf(at)
  ) {
    for (const name of Object.getOwnPropertyNames(at)) if (name !== 'constructor') names.add(name);
  }
  return [...names].sort();
}

describe('otrace/macros', () => {
  it('start recording when imported, as a C++ build with OTRACE=1 does', () => {
    assert.equal(macros.OTRACE_IS_ENABLED(), true);
  });

  it('are thin and complete: every short name is its long one', () => {
    const all = macros as Record<string, unknown>;
    const short = Object.keys(all).filter((name) => name.startsWith('TRACE_'));
    assert.equal(short.length, 33);
    for (const name of short) assert.equal(all[name], all[`O${name}`], name);
    const called = ['OTRACE_CALL', 'TRACE'];
    for (const name of Object.keys(all)) assert.ok(/^O?TRACE_/.test(name) || called.includes(name), name);
  });

  it('record what the header records', () => {
    const path = join(folder, 'macros.json');
    macros.TRACE_SET_OUTPUT_PATH(path);
    macros.TRACE_SET_PROCESS_NAME('ported');
    macros.TRACE_COLOR('good');
    macros.TRACE_SCOPE_CKV('render', 'gpu', 'triangles', 12).end();
    macros.TRACE_ZONE('hot').end();
    macros.TRACE_BEGIN_C('upload', 'io');
    macros.TRACE_END_C('upload', 'io');
    macros.TRACE_INSTANT_KV('note', 'text', 'minor');
    macros.TRACE_INSTANT_CKV('gc', 'runtime', 'major', 1, 'bytes', 524288);
    macros.TRACE_INSTANT_KV('odd', 'a', 1, 'b');
    macros.TRACE_INSTANT_KV('twice', 'a', 1, 'a', 2);
    macros.TRACE_INSTANT_KV('three', 'a', 1, 'b', 2, 3, 'c');
    macros.TRACE_INSTANT_KV('none');
    macros.TRACE_COUNTER('queue_len', 5);
    macros.TRACE_COUNTER2('mem_kb', 'rss', 10, 'cache', 20);
    macros.TRACE_MARK_FRAME(3);
    macros.TRACE_MARK_FRAME_S('present');
    macros.TRACE_FLOW_BEGIN(7n);
    macros.OTRACE_CALL('INSTANT_C', 'tick', 'boot');
    macros.OTRACE_HEAP_SET_SAMPLING(1);
    macros.OTRACE_HEAP_ENABLE(true);
    macros.OTRACE_HEAP_REPORT();
    macros.OTRACE_HEAP_ENABLE(false);
    macros.TRACE_FLUSH(null);
    const events = eventsOf(path);
    const seen = (name: string): Event => events.find((event) => event.name === name && event.ph !== 'M')!;
    assert.deepEqual(
      [seen('render').cat, seen('render').cname, seen('render').args],
      ['gpu', 'good', { triangles: 12 }],
    );
    assert.equal(seen('hot').cat, 'zone');
    assert.deepEqual(
      events.filter(({ name }) => name === 'upload').map(({ ph, cat }) => [ph, cat]),
      [
        ['B', 'io'],
        ['E', 'io'],
      ],
    );
    assert.deepEqual(seen('note').args, { text: 'minor' });
    assert.deepEqual(seen('gc').args, { major: 1, bytes: 524288 });
    assert.deepEqual(seen('odd').args, { a: 1 });
    assert.deepEqual(seen('twice').args, { a: 2 });
    assert.deepEqual(seen('three').args, { a: 1, b: 2, 3: 'c' });
    assert.equal(seen('none').args, undefined);
    assert.deepEqual(seen('queue_len').args, { queue_len: 5 });
    assert.deepEqual(seen('mem_kb').args, { rss: 10, cache: 20 });
    const frames = events.filter(({ name, ph }) => name === 'frame' && ph === 'I').map(({ args }) => args);
    assert.deepEqual(frames, [{ frame: 3 }, { label: 'present' }]);
    assert.equal(seen('flow').id, 7);
    assert.equal(seen('tick').cat, 'boot');
    assert.deepEqual(seen('heap_leaks').args, { info: 'no_live_allocations_detected' });
    assert.deepEqual(events[0], { ...events[0], name: 'process_name', args: { name: 'ported' } });
    macros.TRACE_DISABLE();
    assert.equal(macros.TRACE_IS_ENABLED(), false);
  });
});

describe('otrace/off', () => {
  it('exports what otrace exports', () => {
    assert.deepEqual(Object.keys(off).sort(), Object.keys(otrace).sort());
  });

  it('has every method of the recorder, of a category and of the heap tracer', () => {
    assert.deepEqual(namesOf(off.trace), namesOf(otrace.trace));
    assert.deepEqual(namesOf(off.trace.category('x')), namesOf(otrace.trace.category('x')));
    assert.deepEqual(namesOf(off.heap), namesOf(otrace.heap));
  });

  it('runs what it is given and records nothing', async () => {
    assert.equal(
      off.trace.scope('a', () => 1),
      1,
    );
    assert.equal(await off.trace.scope('a', { n: 1 }, async () => 2), 2);
    assert.equal(
      off.trace.zone('z', () => 3),
      3,
    );
    off.trace.scope('open').end({ n: 1 });
    off.trace.enable();
    off.trace.instant('x');
    off.heap.enable();
    assert.equal(off.trace.flush().written, false);
    assert.equal(off.heap.report().written, false);
    assert.deepEqual(off.heap.snapshot().sources, []);
  });
});

describe('otrace in a browser', () => {
  it('records and gives the trace as bytes, without a file or a document', async () => {
    browser.trace.enable();
    browser.trace.instant('click', { x: 1 });
    browser.heap.enable();
    browser.heap.alloc('texture', 4096);
    assert.equal(browser.heap.report().written, true);
    const { traceEvents } = JSON.parse(await browser.traceBlob().text()) as { traceEvents: Event[] };
    assert.deepEqual(traceEvents.find(({ name }) => name === 'click')?.args, { x: 1 });
    assert.match(
      String(traceEvents.find(({ name }) => name === 'heap_leaks')?.args?.['leak_1']),
      /4096 bytes/,
    );
    const flushed = browser.trace.flush();
    assert.ok(!flushed.written && /traceBlob/.test(flushed.reason));
  });

  it('is built without anything of Node', () => {
    const seen = new Set<string>();
    const visit = (file: string): void => {
      if (seen.has(file)) return;
      seen.add(file);
      const text = readFileSync(join(root, 'dist/esm', file), 'utf8');
      assert.doesNotMatch(text, /(?:from|import) ?\(?"node:|require\(/, file);
      for (const [, next] of text.matchAll(/from "\.\/([^"]+)"|import "\.\/([^"]+)"/g)) if (next) visit(next);
    };
    visit('browser.js');
    assert.ok(seen.size > 1);
  });
});

describe('examples', () => {
  const run = (script: string, ...args: string[]): string =>
    execFileSync(process.execPath, [join(root, 'examples', script), ...args], {
      cwd: folder,
      encoding: 'utf8',
    });

  it('heap-demo: 120 blocks of 16 KiB are leak_1, and the lane ends at the truth', () => {
    run('heap-demo.mjs');
    const events = eventsOf(join(folder, 'heap_demo.json'));
    const leaks = events.find(({ name }) => name === 'heap_leaks')!.args as Record<string, string>;
    assert.match(
      leaks['leak_1']!,
      /^allocateBlock \(.*heap-demo\.mjs:11:8\) <- fillPool .* \(1966080 bytes, 120 allocations\)$/,
    );
    assert.match(leaks['leak_2']!, / \(2048 bytes, 1 allocations\)$/);
    assert.match(leaks['leak_3']!, / \(1024 bytes, 1 allocations\)$/);
    const stats = events.find(({ name }) => name === 'heap_report_stats')!.args!;
    assert.deepEqual([stats['live_alloc_count'], stats['site_count']], ['122', '3']);
    const points = events.filter(({ name }) => name === 'heap_live_bytes');
    assert.deepEqual(points.at(-1)!.args, { total: 1969152, manual: 1969152 });
  });

  it('timeline: every kind of event, and synthetic tracks', () => {
    run('timeline.mjs');
    const events = eventsOf(join(folder, 'timeline.json'));
    const names = new Set(events.map(({ name }) => name));
    for (const name of [
      'load',
      'resize',
      'frame',
      'queue_length',
      'memory_kb',
      'flow',
      'cache_miss',
      'fps',
      'latency(load)',
    ]) {
      assert.ok(names.has(name), name);
    }
  });

  it('leaky-server answers its own requests and ends', () => {
    assert.match(run('leaky-server/server.mjs', '--requests', '50'), /answered 50 requests/);
  });

  it('wasm-demo: the C++ leaks are exact to the block, with the vector’s own buffer', () => {
    const cli = join(root, 'dist/cjs/cli.js');
    const demo = join(root, 'examples/wasm-demo/run.mjs');
    execFileSync(
      process.execPath,
      [cli, 'run', '--quiet', '--heap', 'wasm', '--out', 'wasm.json', '--', demo],
      {
        cwd: folder,
      },
    );
    const events = eventsOf(join(folder, 'wasm.json'));
    const stats = events.find(({ name }) => name === 'heap_report_stats')!.args!;
    // 120 blocks of 16 KiB, 1024 and 2048 bytes, and room for 128 pointers.
    assert.equal(stats['live_alloc_count'], '123');
    assert.equal(stats['live_bytes'], String(120 * 16384 + 1024 + 2048 + 512));
    const leaks = events.find(({ name }) => name === 'heap_leaks')!.args as Record<string, string>;
    assert.match(
      leaks['leak_1']!,
      /keep.* <- keepBlocks \(.*run\.mjs:.* \(1966080 bytes, 120 allocations\)$/,
    );
  });

  it('are all run here', () => {
    assert.deepEqual(readdirSync(join(root, 'examples')).sort(), [
      'heap-demo.mjs',
      'leaky-server',
      'timeline.mjs',
      'wasm-demo',
    ]);
  });
});
