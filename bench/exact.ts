/**
 * What an exact window costs against V8's bare allocation tracking and against nothing: the same allocation-bound work
 * in turns, best of several rounds; and the time to take the window's snapshot and read it.
 *
 *     npm run build && node bench/run.mjs exact
 */
import { Session } from 'node:inspector';
import { createRequire } from 'node:module';
import { join } from 'node:path';
import type { HeapTracer } from '../src/heap/tracer.js';

const { heap } = createRequire(import.meta.url)(join(process.cwd(), 'dist/cjs/index.js')) as {
  heap: HeapTracer;
};

const OBJECTS = 20_000;
const ROUNDS = 5;

class Kept {
  readonly data: number[];
  constructor(i: number) {
    this.data = [i, i + 1, i + 2];
  }
}

function work(): number {
  const started = performance.now();
  const kept: Kept[] = [];
  for (let i = 0; i < OBJECTS; i++) kept.push(new Kept(i));
  return (performance.now() - started) / (kept.length / OBJECTS);
}

function bareTracking(): number {
  const session = new Session();
  session.connect();
  session.post('HeapProfiler.startTrackingHeapObjects', { trackAllocations: true });
  const ms = work();
  session.post('HeapProfiler.disable');
  session.disconnect();
  return ms;
}

const best = {
  nothing: Infinity,
  'bare trackAllocations': Infinity,
  'heap.exact': Infinity,
  'its end': Infinity,
};
for (let round = 0; round < ROUNDS; round++) {
  best.nothing = Math.min(best.nothing, work());
  best['bare trackAllocations'] = Math.min(best['bare trackAllocations'], bareTracking());
  const started = performance.now();
  const { value, ...window } = heap.exact(work);
  if (!window.exact) throw new Error(window.reason);
  best['heap.exact'] = Math.min(best['heap.exact'], value);
  best['its end'] = Math.min(best['its end'], performance.now() - started - value);
}
for (const [name, ms] of Object.entries(best))
  console.log(`${name.padEnd(24)}${ms.toFixed(1).padStart(9)} ms`);
