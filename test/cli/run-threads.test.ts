/** Workers under `otrace run`: one report for all of them, however they end. Real workers, real ends. */
import assert from 'node:assert/strict';
import { after, describe, test } from 'node:test';
import { Folder } from './running-program.js';

const folder = new Folder();
after(() => folder.remove());

const KEEP = `
  function keepJobs(count) { for (let i = 0; i < count; i++) kept.push({ i, list: [i, i, i, i], text: 'job ' + i }); }
  globalThis.kept = []; keepJobs(40000);`;

/** A worker that leaks and then does what it is told; the main thread starts four. */
folder.program(
  'job.js',
  `const { parentPort, workerData } = require('node:worker_threads'); ${KEEP}
   parentPort.postMessage('up');
   if (workerData === 'end') parentPort.close();
   else if (workerData === 'throw') setImmediate(() => { throw new Error('broken'); });
   else if (workerData === 'exit') setImmediate(() => process.exit(0));
   else setInterval(() => {}, 1000);`,
);
folder.program(
  'pool.js',
  `const { Worker } = require('node:worker_threads');
   const mode = process.argv[2];
   let up = 0;
   const pool = Array.from({ length: 4 }, () => new Worker(__dirname + '/job.js', { workerData: mode })
     .on('error', () => {})
     .on('message', () => {
       if (++up < 4) return;
       if (mode === 'terminate') for (const worker of pool) worker.terminate();
       if (mode === 'run') process.exit(0);
     }));`,
);

interface Told {
  readonly leaks: readonly string[];
  readonly stats: Readonly<Record<string, string | number>>;
  readonly stderr: string;
}

function traced(...args: readonly string[]): Promise<Told> {
  return tracedHeap('js,wasm,manual', ...args);
}

async function tracedHeap(heap: string, ...args: readonly string[]): Promise<Told> {
  const { code, stderr } = await folder.run('--quiet', '--heap', heap, '--', ...args);
  assert.equal(code, 0, stderr);
  const stats = folder.events().filter((event) => event.name === 'heap_report_stats');
  return { leaks: folder.rows('heap_leaks'), stats: stats.at(-1)!.args!, stderr };
}

/** Bytes and thread of the row that names a function. */
function rowOf(name: string, leaks: readonly string[]): { bytes: number; thread: string | undefined } {
  const row = leaks.find((leak) => leak.startsWith(`${name} `));
  assert.ok(row !== undefined, leaks.join('\n'));
  return {
    bytes: Number(/\(~?(\d+) bytes/.exec(row)![1]),
    thread: / <- \[thread (.*)\] \(/.exec(row)?.[1],
  };
}

describe('workers under otrace run', () => {
  test('that run are in the report, live, as one row with their number', async () => {
    const { leaks, stats } = await traced('pool.js', 'run');
    const { bytes, thread } = rowOf('keepJobs', leaks);
    assert.equal(thread, 'job.js x4');
    assert.ok(bytes > 4e6, `${bytes}`);
    assert.equal(stats['threads'], 'main, job.js x4');
    assert.equal(stats['threads_not_answering'], undefined);
    const last = folder
      .events()
      .filter((event) => event.name === 'heap_live_bytes')
      .at(-1)!.args!;
    assert.ok(Number(last['total']) > 4e6, 'the last point of the counter covers all threads');
  });

  for (const end of ['terminate', 'end', 'throw', 'exit']) {
    test(`that ended (${end}) are shown as they were then, and are live no more`, async () => {
      const { leaks, stats } = await traced('pool.js', end);
      const { bytes, thread } = rowOf('keepJobs', leaks);
      assert.equal(thread, 'job.js x4, ended');
      assert.ok(bytes > 4e6, `${bytes}`);
      assert.equal(stats['threads'], undefined);
      assert.equal(stats['ended_threads'], 'job.js x4');
      const last = folder
        .events()
        .filter((event) => event.name === 'heap_live_bytes')
        .at(-1)!.args!;
      assert.ok(Number(last['total']) < 4e6, `${last['total']}`);
    });
  }

  test('have lanes of their own', async () => {
    await traced('pool.js', 'end');
    const points = folder.events().filter((event) => event.name.startsWith('heap_live_bytes'));
    const threadsOf = new Map<string, Set<number>>();
    for (const { name, tid } of points) threadsOf.set(name, (threadsOf.get(name) ?? new Set()).add(tid));
    assert.deepEqual([...threadsOf.keys()].sort(), [
      'heap_live_bytes',
      ...[1, 2, 3, 4].map((id) => `heap_live_bytes (worker ${id})`),
    ]);
    for (const [name, tids] of threadsOf) assert.equal(tids.size, 1, name);
  });

  test('that die of their heap limit leave what they published', async () => {
    folder.program(
      'limit.js',
      `const { Worker } = require('node:worker_threads');
       const code = "const kept = []; function growUp() { for (let i = 0; i < 2000; i++) kept.push({ i, list: [i, i, i, i] }); } setInterval(growUp, 5);";
       new Worker(code, { eval: true, resourceLimits: { maxOldGenerationSizeMb: 48 } })
         .on('error', (error) => { if (error.code !== 'ERR_WORKER_OUT_OF_MEMORY') process.exit(3); });`,
    );
    const { leaks, stats } = await traced('limit.js');
    assert.ok(rowOf('growUp', leaks).bytes > 1e6, leaks.join('\n'));
    assert.match(String(stats['ended_threads']), /^\[worker eval\]/);
  });

  test('of workers, too, whose parent is terminated', async () => {
    folder.program(
      'nested.js',
      `const { Worker, isMainThread, parentPort, workerData: depth = 0 } = require('node:worker_threads');
       if (!isMainThread) { ${KEEP} }
       if (depth < 3) {
         const worker = new Worker(__filename, { workerData: depth + 1 });
         worker.on('message', () => { if (isMainThread) worker.terminate(); else parentPort.postMessage('up'); });
       } else { parentPort.postMessage('up'); setInterval(() => {}, 1000); }`,
    );
    const { leaks } = await traced('nested.js');
    assert.equal(rowOf('keepJobs', leaks).thread, 'nested.js x3, ended');
  });

  test('are reached whatever flags and environment they are given', async () => {
    folder.program(
      'esm.mjs',
      `import { parentPort } from 'node:worker_threads'; ${KEEP} parentPort.postMessage('up'); setInterval(() => {}, 1000);`,
    );
    folder.program(
      'options.mjs',
      `import assert from 'node:assert';
       import { once } from 'node:events';
       import { SHARE_ENV, Worker } from 'node:worker_threads';
       const file = new URL('./esm.mjs', import.meta.url);
       class Own extends Worker {}
       const pool = [
         new Worker(file),
         new Worker(file, { execArgv: [] }),
         new Worker(file, { execArgv: ['--no-warnings'], env: {} }),
         new Worker(file, { env: SHARE_ENV }),
         new Own(file, { execArgv: [] }),
       ];
       for (const worker of pool) assert.ok(worker instanceof Worker && Worker.prototype.constructor === Worker);
       assert.ok(pool[4] instanceof Own && pool[4].constructor === Own);
       await Promise.all(pool.map((worker) => once(worker, 'message')));
       process.exit(0);`,
    );
    const { leaks } = await traced('options.mjs');
    assert.equal(rowOf('keepJobs', leaks).thread, 'esm.mjs x5');
  });

  test('that are busy are shown as they were, and the report says so and does not wait long', async () => {
    folder.program(
      'busy.js',
      `const { Worker, parentPort } = require('node:worker_threads');
       const code = ${JSON.stringify(`${KEEP} const { parentPort } = require('node:worker_threads'); setTimeout(() => { parentPort.postMessage('up'); setImmediate(() => { for (;;) {} }); }, 2500);`)};
       const worker = new Worker(code, { eval: true });
       worker.on('message', () => setTimeout(() => process.exit(0), 3000));`,
    );
    const { leaks, stats } = await traced('busy.js');
    assert.equal(rowOf('keepJobs', leaks).thread, '[worker eval]');
    assert.match(String(stats['threads_not_answering']), /^worker 1 \(as it was \d+\.\d s before\)$/);
  });

  test('that block in Atomics.wait between tasks, as those of pools do, are as they are', async () => {
    folder.program(
      'waiting.js',
      `const { Worker, parentPort } = require('node:worker_threads');
       const code = ${JSON.stringify(`${KEEP} require('node:worker_threads').parentPort.postMessage('up'); Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0);`)};
       const pool = [new Worker(code, { eval: true }), new Worker(code, { eval: true })];
       let up = 0;
       for (const worker of pool) worker.on('message', () => { if (++up === 2) setTimeout(() => process.exit(0), 4000); });`,
    );
    const { leaks, stats } = await traced('waiting.js');
    assert.equal(rowOf('keepJobs', leaks).thread, '[worker eval] x2');
    assert.equal(stats['threads_not_answering'], undefined);
  });

  test('count what the program says exactly', async () => {
    const otrace = JSON.stringify(new URL('../../dist/esm/index.js', import.meta.url).href);
    folder.program(
      'manual.mjs',
      `import { once } from 'node:events';
       import { isMainThread, parentPort, Worker } from 'node:worker_threads';
       import { heap, trace } from ${otrace};
       function takeBuffer(key) { heap.alloc(key, 1000); }
       if (isMainThread) {
         const pool = Array.from({ length: 4 }, () => new Worker(new URL(import.meta.url)));
         await Promise.all(pool.map((worker) => once(worker, 'message')));
         takeBuffer(1);
         process.exit(0);
       }
       for (let i = 0; i < 30; i++) takeBuffer(i);
       for (let i = 0; i < 20; i++) heap.free(i);
       trace.counter('odd', Number.NaN);
       parentPort.postMessage('up');
       setInterval(() => {}, 1000);`,
    );
    const { leaks, stats } = await tracedHeap('manual', 'manual.mjs');
    const rows = leaks.filter((leak) => leak.startsWith('takeBuffer '));
    assert.equal(rows.length, 2);
    assert.match(rows[0]!, / <- \[thread manual\.mjs x4\] \(40000 bytes, 40 allocations\)$/);
    assert.match(rows[1]!, /\(1000 bytes, 1 allocations\)$/);
    assert.equal(stats['manual_live_bytes'], '41000');
    const sites = folder.rows('heap_sites').filter((site) => site.includes('thread manual.mjs'));
    assert.match(sites[0]!, /\(120000 bytes, 120 allocations\)$/);
    const last = folder
      .events()
      .filter((event) => event.name === 'heap_live_bytes')
      .at(-1)!.args!;
    assert.equal(last['manual'], 41_000);
    assert.equal(folder.otherData()['rejected_values'], 4, 'rejected values of workers reach the file');
  });

  test('trace WebAssembly of their own', async () => {
    const wasm = JSON.stringify(new URL('../../examples/wasm-demo/demo.wasm', import.meta.url).pathname);
    folder.program(
      'wasm.js',
      `const { Worker, isMainThread, parentPort } = require('node:worker_threads');
       if (isMainThread) {
         let up = 0;
         for (let i = 0; i < 2; i++) new Worker(__filename).on('message', () => { if (++up === 2) process.exit(0); });
       } else {
         const bytes = require('node:fs').readFileSync(${wasm});
         const wasi = new Proxy({}, { get: () => () => 0, has: () => true });
         const instance = new WebAssembly.Instance(new WebAssembly.Module(bytes), { wasi_snapshot_preview1: wasi });
         instance.exports._initialize?.();
         instance.exports.keep(120, 16 * 1024);
         globalThis.kept = instance;
         parentPort.postMessage('up'); setInterval(() => {}, 1000);
       }`,
    );
    const { leaks } = await tracedHeap('wasm', 'wasm.js');
    assert.ok(
      leaks.some((leak) => /\.wasm:0x.* <- \[thread wasm\.js x2\]/.test(leak)),
      leaks.join('\n'),
    );
  });
});
