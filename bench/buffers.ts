/**
 * What the `buffers` source adds to making a buffer: the same calls before the hooks are in place, with the hooks
 * and the tracer off, counting without stacks, and with the stack of every allocation.
 *
 *     node bench/run.mjs buffers
 *
 * The hooks stay once they are there, so the unhooked calls are those of a worker that never installs them. Buffers
 * are dropped at once; after each round a turn of the event loop lets finalizers run, which is in the mean.
 */
import { once } from 'node:events';
import { setImmediate as nextTurn } from 'node:timers/promises';
import { parentPort, Worker, workerData } from 'node:worker_threads';
import { HeapTracer } from '../src/heap/tracer.js';
import { BuffersSource } from '../src/sources/buffers/buffers-source.js';
import { ManualSource } from '../src/sources/manual.js';

const ROUNDS = 40;
const VARIANTS = ['unhooked', 'off', 'counting', 'sample 0.01', 'sample 1'] as const;
type Variant = (typeof VARIANTS)[number];

interface Figures {
  readonly best: number;
  readonly mean: number;
}

const sizes = [64, 256, 1024, 4096, 16_384, 65_536];
const pool = new ArrayBuffer(65_536);
const calls: Record<string, () => unknown> = {};
for (const size of sizes) calls[`Buffer.alloc(${size})`] = () => Buffer.alloc(size);
for (const size of [64, 1024, 16_384]) calls[`Buffer.allocUnsafe(${size})`] = () => Buffer.allocUnsafe(size);
for (const size of [64, 1024, 16_384]) calls[`new Uint8Array(${size})`] = () => new Uint8Array(size);
calls["Buffer.from('hello')"] = () => Buffer.from('hello');
calls['new Uint8Array(buffer)'] = () => new Uint8Array(pool, 64, 64);
const view = new Uint8Array(pool);
calls['array.subarray(1, 9)'] = () => view.subarray(1, 9);
const slab = Buffer.from(pool);
calls['buffer.subarray(1, 9)'] = () => slab.subarray(1, 9);

let sink: unknown;

async function measure(variant: Variant, name: string): Promise<Figures> {
  const call = calls[name]!;
  const times = /65536|16384/.test(name) ? 400 : 4_000;
  let best = Number.POSITIVE_INFINITY;
  let total = 0;
  for (let round = 0; round < ROUNDS / 4; round++) {
    const start = process.hrtime.bigint();
    for (let i = 0; i < times; i++) sink = call();
    best = Math.min(best, Number(process.hrtime.bigint() - start) / times);
    await nextTurn();
    total += Number(process.hrtime.bigint() - start) / times;
  }
  if (sink === variant) throw new Error('keeps the work from being optimised away');
  return { best, mean: total / (ROUNDS / 4) };
}

async function work(variant: Variant): Promise<void> {
  if (variant !== 'unhooked') {
    const heap = new HeapTracer(
      {
        recording: true,
        nowUs: () => performance.now() * 1000,
        instant: () => {},
        counter: () => {},
        annex: () => {},
      },
      { manual: (host) => new ManualSource(host) },
    );
    heap.attach(
      new BuffersSource(heap.host, { bufferModule: {}, moduleChanged: () => {}, processBytes: () => 0 }),
    );
    heap.setSampling(variant.startsWith('sample') ? Number(variant.slice(7)) : 0);
    heap.enable(['buffers']);
    if (variant === 'off') heap.disable();
  }
  parentPort!.on('message', (name: string) => {
    void measure(variant, name).then((figures) => parentPort!.postMessage(figures));
  });
}

async function main(): Promise<void> {
  const workers = VARIANTS.map((variant) => new Worker(process.argv[1]!, { workerData: variant }));
  const ask = async (worker: Worker, name: string): Promise<Figures> => {
    worker.postMessage(name);
    return ((await once(worker, 'message')) as [Figures])[0];
  };
  console.log(`ns a call: best round, mean with collections (Node ${process.version})`);
  console.log([''.padEnd(26), ...VARIANTS.map((variant) => variant.padStart(14))].join(''));
  for (const name of Object.keys(calls)) {
    const figures = workers.map(() => ({ best: Number.POSITIVE_INFINITY, mean: Number.POSITIVE_INFINITY }));
    for (let turn = 0; turn < 4; turn++) {
      for (const [i, worker] of workers.entries()) {
        const { best, mean } = await ask(worker, name);
        figures[i] = { best: Math.min(figures[i]!.best, best), mean: Math.min(figures[i]!.mean, mean) };
      }
    }
    const cells = figures.map(({ best, mean }) => `${best.toFixed(0)}  ${mean.toFixed(0)}`.padStart(14));
    console.log([name.padEnd(26), ...cells].join(''));
  }
  for (const worker of workers) await worker.terminate();
}

if (workerData === null) await main();
else await work(workerData as Variant);
