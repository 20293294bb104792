/**
 * What a recorded event costs, against the clock readings that it can't do without.
 *
 *     node bench/run.mjs recorder
 *
 * Bundled from the sources as dist/ is. Ratios within one run are what counts; nanoseconds are this machine's.
 */
import * as macros from '../src/macros.js';
import { bestOf, type Contender, printTable } from './alternate.js';
import { unwrittenRecorder } from './unwritten-recorder.js';

const ROUNDS = 800;
const TIMES = 2000;

class Empty {
  instant(_name: string): void {}
}

macros.OTRACE_DISABLE(); // until their turn comes
const heapBefore = memory();
const trace = unwrittenRecorder();
trace.enable();
const off = unwrittenRecorder();
const empty = new Empty();
const clock = performance;
let kept = 0;

const contenders: Contender[] = [
  {
    name: 'clock',
    run: (times) => {
      for (let i = 0; i < times; i++) kept = clock.now();
    },
  },
  {
    name: 'clock twice',
    run: (times) => {
      for (let i = 0; i < times; i++) {
        kept = clock.now();
        kept = clock.now();
      }
    },
  },
  {
    name: 'performance.mark',
    run: (times) => {
      for (let i = 0; i < times / 20; i++) performance.mark('mark');
    },
    afterwards: () => performance.clearMarks(),
  },
  {
    name: 'instant',
    run: (times) => {
      for (let i = 0; i < times; i++) trace.instant('instant');
    },
  },
  {
    name: 'instant, two numbers',
    run: (times) => {
      for (let i = 0; i < times; i++) trace.instant('instant with two', { index: i, half: i / 2 });
    },
  },
  {
    name: 'instant, two texts',
    run: (times) => {
      for (let i = 0; i < times; i++)
        trace.instant('instant with text', { method: 'GET', path: '/index.html' });
    },
  },
  {
    name: 'counter',
    run: (times) => {
      for (let i = 0; i < times; i++) trace.counter('counter', i);
    },
  },
  {
    name: 'counter, two series',
    run: (times) => {
      for (let i = 0; i < times; i++) trace.counter('counter of two', { used: i, free: 1e6 - i });
    },
  },
  {
    name: 'scope',
    run: (times) => {
      for (let i = 0; i < times; i++) trace.scope('scope').end();
    },
  },
  {
    name: 'scope of a function',
    run: (times) => {
      for (let i = 0; i < times; i++) kept = trace.scope('function', () => i);
    },
  },
  {
    name: 'empty call',
    run: (times) => {
      for (let i = 0; i < times; i++) empty.instant('instant');
    },
  },
  {
    name: 'instant, off',
    run: (times) => {
      for (let i = 0; i < times; i++) off.instant('instant');
    },
  },
];

const ns = bestOf(contenders, ROUNDS, TIMES);
const of = (name: string): number => ns.get(name)!;
const row = (name: string, reference: string, goal: number, scale = 1) => ({
  name,
  value: of(name),
  reference,
  referenceValue: of(reference) * scale,
  goal,
});
const mark = of('performance.mark') * 20;
ns.set('performance.mark', mark);

printTable(`an event (Node ${process.version})`, 'ns', [
  row('clock', 'clock', Number.NaN),
  row('instant', 'clock', 1.5),
  row('counter', 'clock', 1.5),
  row('scope', 'clock twice', 1.5),
  row('instant, two numbers', 'clock', 2),
  row('instant, two texts', 'clock', Number.NaN),
  row('counter, two series', 'clock', 2),
  row('scope of a function', 'clock twice', Number.NaN),
  row('instant', 'performance.mark', 1),
  row('scope', 'performance.mark', 1),
  row('instant, two numbers', 'performance.mark', 1),
]);
const noise = of('instant, off') - of('empty call');
console.log(
  `\noff: ${of('instant, off').toFixed(2)} ns, an empty call ${of('empty call').toFixed(2)} ns (${noise.toFixed(2)} more)`,
);
const { ring } = trace.contents().batch.logs[0]!;
const more = ((memory() - heapBefore) / 1024).toFixed(0);
const ringBytes = ring.words.byteLength;
console.log(
  `memory: after ${ring.written} events ${more} KiB more than before, of which ${ringBytes / 1024} KiB are the ring: ` +
    `${(ringBytes / ring.capacity).toFixed(0)} bytes an event held`,
);

// Afterwards, since they record in an instance of their own.
macros.OTRACE_ENABLE();
const withMacros = bestOf(
  [
    contenders[0]!,
    {
      name: 'macros, two numbers',
      run: (times) => {
        for (let i = 0; i < times; i++)
          macros.OTRACE_INSTANT_KV('instant by macro', 'index', i, 'half', i / 2);
      },
    },
    {
      name: 'macros, two series',
      run: (times) => {
        for (let i = 0; i < times; i++)
          macros.OTRACE_COUNTER2('counter by macro', 'used', i, 'free', 1e6 - i);
      },
    },
  ],
  ROUNDS,
  TIMES,
);
for (const [name, best] of withMacros) ns.set(name, best);
printTable('the same by macros', 'ns', [
  row('macros, two numbers', 'clock', 2),
  row('macros, two series', 'clock', 2),
]);

function memory(): number {
  globalThis.gc?.();
  const { heapUsed, arrayBuffers } = process.memoryUsage();
  return heapUsed + arrayBuffers;
}

if (kept === -1) console.log(kept); // keeps the work from being optimised away
