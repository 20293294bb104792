/** Events of real workers reach the main thread's file: running, finished or terminated ones. */
import assert from 'node:assert/strict';
import { once } from 'node:events';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, describe, it } from 'node:test';
import { fileURLToPath } from 'node:url';
import { Worker } from 'node:worker_threads';
import { build } from 'esbuild';
import { SharedStrings } from '../../src/node/shared-strings.js';
import { ThreadChannel } from '../../src/node/thread-channel.js';
import { WorkerLogs } from '../../src/node/worker-logs.js';
import { writeTraceJson } from '../../src/output/trace-json.js';
import { gather } from '../../src/recorder/batch.js';
import type { ReadableLog } from '../../src/recorder/thread-log.js';
import { parse, type TraceDocument } from '../recorder/rig.js';

const folder = mkdtempSync(join(tmpdir(), 'otrace-test-'));
const program = join(folder, 'worker.mjs');
const workers = new Set<Worker>();

/** One for all tests, as in a process: workers announce themselves once. */
let flushesAsked = 0;
const logs = new WorkerLogs(new ThreadChannel(), { flush: () => flushesAsked++, drain: () => {} });

before(async () => {
  // Bundled, since a worker has no loader for TypeScript on every Node; the tests' own copy is not shared with it.
  await build({
    entryPoints: [fileURLToPath(new URL('./threads-worker.ts', import.meta.url))],
    outfile: program,
    bundle: true,
    platform: 'node',
    format: 'esm',
    target: 'node20',
  });
});

after(async () => {
  for (const worker of workers) await worker.terminate();
  rmSync(folder, { recursive: true, force: true });
});

interface Running {
  readonly worker: Worker;
  readonly tid: number;
  ask(order: string, value?: unknown): Promise<unknown>;
}

async function start(workerData: Readonly<Record<string, unknown>> = {}): Promise<Running> {
  const worker = new Worker(program, { workerData });
  workers.add(worker);
  const tid = process.pid + worker.threadId;
  const [message] = await once(worker, 'message');
  assert.equal(message, 'ready');
  return {
    worker,
    tid,
    ask: async (order, value) => {
      worker.postMessage({ order, value });
      const [answer] = await once(worker, 'message');
      return answer;
    },
  };
}

function logOf(tid: number): ReadableLog {
  const log = logs.read().find(({ identity }) => identity.tid === tid);
  assert.ok(log !== undefined, `there is a log for ${tid}`);
  return log;
}

function fileOf(log: ReadableLog): TraceDocument {
  const chunks: Uint8Array[] = [];
  const batch = gather([{ log, fromSequence: 0 }]);
  const contents = {
    pid: process.pid,
    processName: 'p',
    batch,
    annexes: [],
    anchorUs: 0,
    rejectedValues: 0,
    forgottenEvents: 0,
  };
  writeTraceJson(contents, (chunk) => chunks.push(chunk.slice()));
  return parse(Buffer.concat(chunks));
}

/** The numbers of the worker's events, after checking that each is whole. */
function numbersOf(log: ReadableLog): number[] {
  const events = fileOf(log).traceEvents.filter(({ name }) => name.startsWith('event '));
  return events.map(({ name, tid, args }) => {
    const { i, text } = args as { i: number; text: string };
    assert.equal(tid, log.identity.tid);
    assert.equal(name, `event ${i % 5}`);
    assert.equal(text, `text ${i} `.repeat(1 + (i % 7)));
    return i;
  });
}

const upTo = (count: number): number[] => Array.from({ length: count }, (_, i) => i);

describe('the events of a worker', () => {
  it('are read while it runs, and again when there are more', async () => {
    const { tid, ask, worker } = await start();
    await ask('record', 100);
    assert.deepEqual(numbersOf(logOf(tid)), upTo(100));
    await ask('record', 50);
    assert.deepEqual(numbersOf(logOf(tid)), upTo(150));
    await worker.terminate();
  });

  it('are read after it finished by itself', async () => {
    const { tid, ask, worker } = await start();
    await ask('record', 100);
    worker.postMessage({ order: 'finish' });
    await once(worker, 'exit');
    assert.deepEqual(numbersOf(logOf(tid)), upTo(100));
  });

  it('are read after it was terminated in a busy loop', async () => {
    const { tid, worker } = await start();
    worker.postMessage({ order: 'record forever' });
    while (logOf(tid).ring.written < 1000) await new Promise((resolve) => setImmediate(resolve));
    await worker.terminate();
    const log = logOf(tid);
    const numbers = numbersOf(log);
    assert.ok(numbers.length >= 100);
    const last = log.ring.written;
    assert.deepEqual(numbers, upTo(last).slice(last - numbers.length), 'the newest ones, without a gap');
  });

  it('are whole when its ring is overwritten while it is copied', async () => {
    const { tid, worker } = await start({ capacity: 64 });
    worker.postMessage({ order: 'record forever' });
    while (logOf(tid).ring.written < 1000) await new Promise((resolve) => setImmediate(resolve));
    let seen = 0;
    let lastWritten = 0;
    for (let copies = 0; copies < 300; copies++) {
      const log = logOf(tid);
      const numbers = numbersOf(log);
      for (let i = 1; i < numbers.length; i++) assert.ok(numbers[i]! > numbers[i - 1]!);
      assert.ok(log.ring.written >= lastWritten);
      lastWritten = log.ring.written;
      seen += numbers.length;
    }
    assert.ok(seen > 0, 'some copies hold events');
    await worker.terminate();
  });

  it('have their names when there are more than the first 64 KiB of them', async () => {
    const { tid, ask, worker } = await start({ capacity: 4096 });
    await ask('names', 3000);
    await worker.terminate();
    const names = fileOf(logOf(tid)).traceEvents.map(({ name }) => name);
    const expected = upTo(3000).map((i) => `é😀 name ${i} ${'x'.repeat(i % 50)}`);
    assert.deepEqual(names.slice(-3000), expected);
  });

  it('have the name and the place of their thread, also when they change', async () => {
    const { tid, ask, worker } = await start();
    assert.deepEqual({ ...logOf(tid).identity }, { tid, name: `worker ${worker.threadId}`, sortIndex: 0 });
    await ask('rename', { name: 'resizer', sortIndex: 3 });
    assert.deepEqual({ ...logOf(tid).identity }, { tid, name: 'resizer', sortIndex: 3 });
    await worker.terminate();
  });

  it('cut texts that are too long to be read by others', async () => {
    const { tid, ask, worker } = await start();
    await ask('long', 1_000_000);
    await worker.terminate();
    const text = fileOf(logOf(tid)).traceEvents.at(-1)!.args!['text'] as string;
    assert.match(text, /^x{1000,}… \(\d+ more characters\)$/);
    const [, more] = /\((\d+)/.exec(text)!;
    assert.equal(text.indexOf('…') + Number(more), 1_000_000);
  });

  it('come from workers of workers too', async () => {
    const { ask, worker } = await start();
    const childId = (await ask('child', program)) as number;
    assert.deepEqual(numbersOf(logOf(process.pid + childId)), upTo(10));
    await worker.terminate();
  });

  it('are on the clock of the main thread, within a millisecond', async () => {
    const { ask, worker } = await start();
    let best = Number.POSITIVE_INFINITY;
    for (let i = 0; i < 20; i++) {
      const before = performance.now() * 1000;
      const there = (await ask('clock')) as number;
      const after = performance.now() * 1000;
      // The worker read its clock between the two: its error is at most their distance.
      best = Math.min(best, Math.max(before - there, there - after, 0));
    }
    assert.ok(best < 1000, `${best} us off`);
    await worker.terminate();
  });

  it('are flushed by the main thread when the worker asks', async () => {
    const { ask, worker } = await start();
    const before = flushesAsked;
    assert.deepEqual(await ask('flush'), {
      written: false,
      reason: 'the main thread writes the events of its workers; it was asked to',
    });
    while (flushesAsked === before) await new Promise((resolve) => setImmediate(resolve));
    assert.equal(flushesAsked, before + 1);
    await worker.terminate();
  });

  it('start and stop with the main thread', async () => {
    logs.setRecording(true);
    const { ask, worker } = await start();
    assert.equal(await ask('recording'), 1);
    logs.setRecording(false);
    assert.equal(await ask('recording'), 0);
    await worker.terminate();
  });
});

describe('a log that is in a file that only grows', () => {
  it('is kept while its worker lives, and let go once that has ended and nothing has come since', async () => {
    const { worker, tid, ask } = await start();
    await ask('record', 10);
    assert.equal(logs.letGo(logOf(tid)), false, 'more may come');
    const before = logOf(tid);
    const written = before.ring.written;
    await ask('record', 5);
    const ended = once(worker, 'exit');
    await worker.terminate();
    await ended;
    const after = logOf(tid);
    assert.equal(after.ring.written, written + 5);
    const { selfBytes } = logs;
    assert.equal(logs.letGo(after), true);
    assert.ok(logs.selfBytes < selfBytes);
    assert.equal(
      logs.read().find(({ identity }) => identity.tid === tid),
      undefined,
    );
    assert.equal(logs.letGo(after), false, 'it is gone already');
  });
});

describe('shared strings', () => {
  it('are read by another owner of the memory, growing as needed', () => {
    const written = new SharedStrings();
    const texts = ['', 'a', 'é😀', '\ud800', '\0', 'x'.repeat(70_000), ...upTo(5000).map((i) => `name ${i}`)];
    const read = new SharedStrings(written.memory);
    for (const text of texts) assert.equal(written.add(text), true);
    assert.deepEqual(read.read(), ['', ...texts]);
    assert.ok(written.memory.byteLength > 64 * 1024);
  });

  it('refuse what does not fit, and keep what does', () => {
    const strings = new SharedStrings();
    assert.equal(strings.add('x'.repeat(20_000_000)), false);
    assert.equal(strings.add('small'), true);
    assert.equal(strings.add('y'.repeat(10_000_000)), true);
    assert.equal(strings.add('z'.repeat(10_000_000)), false);
    assert.equal(strings.add('more'), true);
    assert.deepEqual(
      strings.read().map((text) => text.length),
      [0, 5, 10_000_000, 4],
    );
  });
});
