/** A program that is killed leaves a trace that opens, with everything but the last second of it. */
import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { after, describe, test } from 'node:test';
import { readTraceReport } from '../../src/reading/trace-report.js';
import { seeded } from '../recorder/rig.js';
import { type KillRound, killRound } from './kill-round.js';
import { CLI, Folder, type TraceEvent } from './running-program.js';

const PACKAGE = join(dirname(CLI), '../cjs/index.js');

const random = seeded(50);
const moment = (): number => 100 + Math.round(random() * 1400);

const rounds: readonly KillRound[] = [
  { mode: 'ticks', way: 'run', out: 'trace.json', afterMs: moment() },
  { mode: 'ticks', way: 'api', out: 'run-%03u.json', afterMs: moment() },
  { mode: 'flood', way: 'run and parent', out: 'trace.json', afterMs: moment() },
  { mode: 'flood', way: 'api', out: 'trace.json.gz', afterMs: moment() },
  { mode: 'flood', way: 'api', out: 'run-%03u.json.gz', afterMs: moment() },
  { mode: 'blocked', way: 'run', out: 'trace.json', afterMs: moment() },
  { mode: 'blocked', way: 'api', out: 'trace.json', afterMs: moment() },
  { mode: 'worker', way: 'run', out: 'trace.json', afterMs: moment() },
];

describe('SIGKILL', () => {
  for (const round of rounds) {
    test(`${round.mode}, ${round.way}, ${round.out}, after ${round.afterMs} ms`, async () => {
      const { recorded, found, oldestMissingMs, stderr } = await killRound(round);
      assert.ok(recorded > 0);
      assert.ok(oldestMissingMs < 1000, `an event ${oldestMissingMs} ms old is missing, of ${recorded}`);
      assert.deepEqual(
        found,
        Array.from({ length: found.length }, (_, i) => i),
        'in order, without a gap',
      );
      if (round.way === 'run') {
        assert.match(stderr, /the program was killed by SIGKILL: events of its last second may be missing/);
        assert.match(stderr, /wrote .*trace\.json \(\d+ events/);
      }
    });
  }
});

test('worker.terminate() at random moments: every event that a worker recorded is in the file', async () => {
  const folder = new Folder();
  try {
    folder.program(
      'worker.js',
      `const fs = require('node:fs');
       const { workerData } = require('node:worker_threads');
       const { trace } = require(workerData.otrace);
       let n = 0;
       setInterval(() => {
         for (let i = 0; i < workerData.burst; i++) {
           trace.instant('tick', { n: n++ });
           fs.writeSync(workerData.ledger, 'x');
         }
       }, 1);`,
    );
    folder.program(
      'program.js',
      `const fs = require('node:fs');
       const { Worker } = require('node:worker_threads');
       const pauses = ${JSON.stringify(Array.from({ length: 8 }, () => Math.round(random() * 400)))};
       (async () => {
         for (const [i, pause] of pauses.entries()) {
           const ledger = fs.openSync('ledger-' + i, 'a');
           const workerData = { otrace: ${JSON.stringify(PACKAGE)}, ledger, burst: 1 + 20 * i };
           const worker = new Worker('./worker.js', { workerData });
           console.log(worker.threadId);
           await new Promise((resolve) => worker.once('online', resolve));
           await new Promise((resolve) => setTimeout(resolve, 50 + pause));
           await worker.terminate();
         }
       })();`,
    );
    const { code, stdout, stderr } = await folder.run('--quiet', '--', 'program.js');
    assert.equal(code, 0, stderr);
    const ticks = folder.events().filter(({ name }) => name === 'tick');
    const pid = folder.events().find(({ name }) => name === 'heap_report_done')!.pid;
    for (const [i, id] of stdout.trim().split('\n').entries()) {
      const recorded = readFileSync(join(folder.path, `ledger-${i}`)).length;
      const found = ticks.filter(({ tid }) => tid === pid + Number(id)).map(({ args }) => args!['n']);
      assert.ok(found.length >= recorded, `worker ${i}: ${found.length} of ${recorded} events`);
      assert.deepEqual(
        found,
        Array.from({ length: found.length }, (_, n) => n),
      );
    }
  } finally {
    folder.remove();
  }
});

test('SIGKILL before any report: the last checkpoint is shown as one, in the terminal and by otrace report', async () => {
  const folder = new Folder();
  try {
    folder.program(
      'leak.js',
      `const kept = [];
       function rememberSession(i) { kept.push({ i, text: 'x' + i, list: [i, i] }); }
       for (let i = 0; i < 50000; i++) rememberSession(i);
       setTimeout(() => process.kill(process.pid, 'SIGKILL'), 2500);`,
    );
    const { signal, stderr } = await folder.run('--no-inline', '--', 'leak.js');
    assert.equal(signal, 'SIGKILL');
    assert.match(stderr, /Top leaks[\s\S]*rememberSession/);
    const { reports } = await readTraceReport(join(folder.path, 'trace.json'));
    assert.match(reports.at(-1)!.leaks[0]!.text, /rememberSession \(leak\.js:2:/);
  } finally {
    folder.remove();
  }
});

describe('the end of the heap', () => {
  const folder = new Folder();
  after(() => folder.remove());
  const LEAK = `
    const kept = [];
    let i = 0;
    function rememberSession() { kept.push({ id: i, text: 'x' + i, list: [i, i, i++] }); }`;

  const die = async (name: string, code: string): Promise<{ events: TraceEvent[]; stderr: string }> => {
    folder.program(`${name}.js`, code);
    const out = `${name}.json`;
    const end = await folder.run('--out', out, '--', 'node', '--max-old-space-size=64', `${name}.js`);
    assert.equal(end.signal, 'SIGABRT', end.stderr);
    assert.match(end.stderr, /JavaScript heap out of memory/);
    assert.match(end.stderr, /the program ran out of JavaScript heap \([\d.]+ MiB in use\)/);
    const events = JSON.parse(readFileSync(join(folder.path, out), 'utf8')) as TraceEvent[];
    return { events, stderr: end.stderr };
  };

  /** The first row of the last report. */
  const topLeak = (events: readonly TraceEvent[]): string =>
    String(events.findLast(({ name }) => name === 'heap_leaks')?.args?.['leak_1']);

  test('a program that leaks from turn to turn leaves a report that names the leak', async () => {
    const { events, stderr } = await die(
      'turns',
      `${LEAK}
       setInterval(() => { performance.mark('turn'); for (let k = 0; k < 5000; k++) rememberSession(); }, 1);`,
    );
    assert.match(topLeak(events), /rememberSession|turns\.js/);
    assert.match(stderr, /Top leaks/);
    assert.ok(events.some(({ name }) => name === 'turn'));
  });

  test('so does a script that never comes back to its event loop', async () => {
    const { events, stderr } = await die(
      'loop',
      `${LEAK} performance.mark('begun'); for (;;) rememberSession();`,
    );
    assert.match(topLeak(events), /rememberSession|loop\.js/);
    assert.match(stderr, /Top leaks/);
  });
});
