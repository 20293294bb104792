/**
 * What writing a full ring costs, against `JSON.stringify` of the same events as objects; and whether all arrive.
 *
 *     node bench/run.mjs flush
 *
 * Bundled from the sources as dist/ is. Ratios within one run are what counts; milliseconds are this machine's.
 */
import { writeTraceJson } from '../src/output/trace-json.js';
import type { TraceContents } from '../src/recorder/trace-output.js';
import { bestOf, printTable } from './alternate.js';
import { unwrittenRecorder } from './unwritten-recorder.js';

const EVENTS = 32_768;
const ROUNDS = 40;

const trace = unwrittenRecorder();
trace.enable();
record();

/** A mix as of a server: nested scopes, instants, counters, numbers and texts. */
function record(): void {
  for (let i = 0; i < EVENTS / 8; i++) {
    const request = trace.scope('request', { method: 'GET', path: `/items/${i % 100}`, status: 200 });
    trace.instant('cache_miss', { key: i, size: i * 1.5 });
    const parse = trace.scope('parse');
    trace.counter('queue_length', i % 17);
    parse.end();
    trace.counter('memory_kb', { rss: 100_000 + i, cache: i * 0.25 });
    const query = trace.scope('query', { table: 'items' });
    trace.instant('row');
    query.end();
    trace.category('gc').instant('collected', { kind: 'scavenge', ms: 0.75 });
    request.end();
  }
}

function write(contents: TraceContents): number {
  return writeTraceJson(contents, () => {});
}

/** The events as a program that keeps objects would have them. */
function objects(): object[] {
  const chunks: Uint8Array[] = [];
  writeTraceJson(trace.contents(), (chunk) => chunks.push(chunk.slice()));
  return JSON.parse(Buffer.concat(chunks).toString()).traceEvents;
}

const events = objects();
const written = events.filter((event) => 'ph' in event && event.ph !== 'M').length;
if (written !== EVENTS) throw new Error(`${EVENTS - written} events are missing`);
let kept = 0;

const best = bestOf(
  [
    {
      name: 'JSON.stringify',
      run: () => {
        kept += JSON.stringify({ traceEvents: events }).length;
      },
    },
    {
      name: 'flush',
      run: () => {
        kept += write(trace.contents());
      },
    },
    {
      name: 'gather and order',
      run: () => {
        kept += trace.contents().batch.count;
      },
    },
  ],
  ROUNDS,
  1,
);
const ms = (name: string): number => best.get(name)! / 1e6;
const stringify = ms('JSON.stringify');
const bytes = write(trace.contents());

printTable(`${EVENTS} events, ${(bytes / 1e6).toFixed(1)} MB (Node ${process.version})`, 'ms', [
  { name: 'flush', value: ms('flush'), reference: 'JSON.stringify', referenceValue: stringify, goal: 0.5 },
  {
    name: 'of it gather and order',
    value: ms('gather and order'),
    reference: 'JSON.stringify',
    referenceValue: stringify,
    goal: 0.5,
  },
]);

globalThis.gc?.();
const before = process.memoryUsage();
let peak = 0;
const contents = trace.contents();
writeTraceJson(contents, () => {
  const { heapUsed, arrayBuffers } = process.memoryUsage();
  peak = Math.max(peak, heapUsed + arrayBuffers - before.heapUsed - before.arrayBuffers);
});
console.log(
  `\nat most ${(peak / 1024).toFixed(0)} KiB more memory while writing; no event lost of ${written}`,
);
if (kept === 0) console.log(kept); // keeps the work from being optimised away
