/** The short version of `bench/soak.ts`: what otrace holds does not grow with time. */
import assert from 'node:assert/strict';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, test } from 'node:test';
import { heapEvents } from '../../src/heap/heap-events.js';
import { HeapTracer } from '../../src/heap/tracer.js';
import { FileOutput } from '../../src/output/file-output.js';
import { Clock } from '../../src/recorder/clock.js';
import { Recorder } from '../../src/recorder/recorder.js';
import { ManualSource } from '../../src/sources/manual.js';
import { SOAK_LIMITS, soak } from './soak.js';

const folder = mkdtempSync(join(tmpdir(), 'otrace-soak-'));
after(() => rmSync(folder, { recursive: true, force: true }));

test('under load for ten seconds: flat memory, flat files, no drift', async () => {
  const warnings: string[] = [];
  const warn = (message: string): void => void warnings.push(message);
  const trace = new Recorder({
    clock: new Clock(performance),
    output: new FileOutput(warn),
    pid: process.pid,
    tid: process.pid,
    threadName: 'main',
    warn,
    repeat: (task) => {
      const timer = setInterval(task, 500);
      return () => clearInterval(timer);
    },
  });
  trace.setCapacity(4096);
  const heap = new HeapTracer(heapEvents(trace), { manual: (host) => new ManualSource(host), seed: 3, warn });
  const samples = await soak({ trace, heap, folder, seconds: 10 });
  trace.setOutputPath('elsewhere.json'); // ends its timer
  assert.deepEqual(warnings, []);
  const last = samples.at(-1)!;
  assert.ok(last.operations > 20_000, `${last.operations} operations`);
  for (const { second, driftBytes, diskBytes } of samples) {
    assert.equal(driftBytes, 0, `after ${second} s`);
    assert.ok(
      diskBytes <= SOAK_LIMITS.maxBytes * SOAK_LIMITS.maxFiles,
      `${diskBytes} bytes after ${second} s`,
    );
  }
  // Names and call sites go on being kept until their tables are full: a few hundred bytes for each step, no more.
  const grownBytes = last.selfBytes - samples[4]!.selfBytes;
  assert.ok(grownBytes < 3 * 1024 * 1024, `${grownBytes} bytes more in five seconds`);
});
