// `otrace attach` as users meet it: the built command, real processes, real signals, a real browser.
import assert from 'node:assert/strict';
import { createServer, type Server } from 'node:net';
import { join } from 'node:path';
import { after, afterEach, before, describe, test } from 'node:test';
import { setTimeout as sleep } from 'node:timers/promises';
import { transformSync } from 'esbuild';
import WebSocket from 'ws';
import { attach, isListening, portOf, TargetProgram } from './attached-program.js';
import { type Ended, Folder } from './running-program.js';

const folder = new Folder();
after(() => folder.remove());

const targets: TargetProgram[] = [];
afterEach(() => {
  for (const target of targets.splice(0)) target.kill('SIGKILL');
});

const onLinux = process.platform === 'linux';

/** Keeps 64 arrays of 816 bytes every 5 ms, and makes as much garbage. */
const LEAK = `
  const kept = [];
  function keepOrder() { for (let i = 0; i < 64; i++) kept.push(new Array(100).fill(i + 0.5)); }
  function passing() { let n = 0; for (let i = 0; i < 64; i++) n += new Array(100).fill(i + 0.5).length; return n; }
  setInterval(() => { keepOrder(); passing(); }, 5);
  process.on('SIGUSR2', () => console.log('here'));
  console.log('ready');`;

/**
 * Keeps as much from look to look, since each forces a collection: steady growth however slow the machine is. On a
 * clock, a process that stands still for a second under load looks like one that has stopped leaking.
 *
 * Has run its functions before anybody looks: what V8 notes of a function (up to 3 KB) is live, and one sample of it would
 * be a row. Its garbage is of small objects, since a look may come while one of them is in use.
 */
const GROWS = `
  const kept = [];
  function keepOrder() { for (let i = 0; i < 1000; i++) kept.push(new Array(100).fill(i + 0.5)); }
  function passing() { let n = 0; for (let i = 0; i < 15000; i++) n += [i + 0.5].length; return n; }
  for (let i = 0; i < 10; i++) { keepOrder(); passing(); }
  let grown = 0;
  const looks = new FinalizationRegistry(() => {
    keepOrder();
    passing();
    watch();
    if (++grown === 12) process.emit('grown');
  });
  function watch() { looks.register({}, 0); }
  watch();
  setInterval(() => {}, 1000);
  process.on('SIGUSR2', () => console.log('here'));`;

const READY = `process.on('grown', () => console.log('grown')); console.log('ready');`;

/** TypeScript as tools like tsx bring it to Node: compiled in memory, its map with it. */
const IN_MEMORY = transformSync(
  `interface Order { readonly at: number }
   const noted: Order[][] = [];
   (globalThis as { note?: () => void }).note = function noteOrder(): void {
     for (let i = 0; i < 1000; i++) noted.push(new Array<Order>(100).fill({ at: i }));
   };`,
  { loader: 'ts', minify: true, sourcemap: 'inline', sourcefile: 'orders.ts' },
).code;

before(() => {
  folder.program('leak.cjs', LEAK);
  folder.program('grows.cjs', `${GROWS}\n ${READY}`);
  folder.program(
    'job.mjs',
    `${GROWS}
     import('node:worker_threads').then(({ parentPort }) => parentPort.postMessage('ready'));`,
  );
  folder.program(
    'grows.mjs',
    `import { once } from 'node:events';
     import { runInThisContext } from 'node:vm';
     import { Worker } from 'node:worker_threads';
     const jobs = [1, 2].map(() => new Worker(new URL('job.mjs', import.meta.url)));
     await Promise.all(jobs.map((job) => once(job, 'message')));
     new Worker('Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0)', { eval: true });
     runInThisContext(${JSON.stringify(IN_MEMORY)}, { filename: ${JSON.stringify(join(folder.path, 'orders.ts'))} });
     setInterval(note, 300);
     ${GROWS}
     ${READY}`,
  );
});

/** Code that is compiled counts as memory of its function, and what an inlined function allocates as its caller's. */
const EXACT = ['--no-opt', '--no-maglev', '--no-sparkplug'];

/** A running target with an inspector port of the system's choice, since tests share the machine. */
async function started(script: string, ...flags: readonly string[]): Promise<TargetProgram> {
  const target = new TargetProgram(['--inspect-port=0', ...EXACT, ...flags, script], folder.path);
  targets.push(target);
  await target.ready();
  return target;
}

function attached(target: TargetProgram, ...args: readonly string[]): Promise<Ended> {
  return attach(folder.path, ...args, String(target.pid)).ended;
}

function assertClosed(target: TargetProgram): void {
  const [url] = target.inspectors;
  assert.ok(url !== undefined, 'an inspector was open');
  assert.equal(isListening(portOf(url)), false, 'the inspector is closed again');
}

describe('otrace attach PID', { skip: !onLinux && 'needs /proc' }, () => {
  for (const script of ['grows.cjs', 'grows.mjs']) {
    test(`${script}: the leak in every report, and the program as it was`, async () => {
      const target = await started(script);
      const out = `${script}.json`;
      const options = ['--for', '60s', '--report-every', '250ms', '--out', out];
      const attaching = attach(folder.path, ...options, String(target.pid));
      await Promise.race([target.until(() => target.stdout.includes('grown')), attaching.ended]);
      attaching.kill('SIGINT');
      const { code, stdout, stderr } = await attaching.ended;
      assert.equal(code, 0, stderr);
      assert.equal(stdout, '');
      assert.match(stderr, new RegExp(`attached to ${script} \\(pid ${target.pid}, Node v`));
      assert.match(stderr, /~[\d.]+ [KM]iB .* js {4}keepOrder {2}(grows\.[cm]js|job\.mjs):\d+:/);
      const events = folder.events(out);
      assert.ok(events.filter(({ name }) => name === 'heap_report_done').length >= 2);
      assert.ok(events.every(({ pid }) => pid === target.pid));
      const leaks = folder.rows('heap_leaks', out);
      assert.match(
        leaks.find((row) => row.includes('(grows.'))!,
        /^keepOrder \(grows\.[cm]js:\d+:\d+\) .*\(~\d+ bytes, ~\d+ allocations\)$/,
      );
      assert.deepEqual(
        leaks.filter((row) => row.startsWith('passing')),
        [],
      );
      const growth = folder.rows('heap_growth', out).join('\n');
      assert.match(growth, /^keepOrder .* -> ~\d+ bytes, confidence \d\d%\)$/m);
      const stats = events.findLast(({ name }) => name === 'heap_report_stats')!.args!;
      if (script === 'grows.mjs') {
        assert.match(leaks.join('\n'), /^keepOrder \(job\.mjs:3:\d+\) .*<- \[thread job\.mjs x2\] \(~/m);
        assert.match(leaks.join('\n'), /\(orders\.ts:3:\d+\)/);
        assert.equal(stats['threads'], 'main, (no script), job.mjs x2');
      } else assert.equal(stats['threads'], undefined);
      const points = events
        .filter(({ name }) => name === 'heap_live_bytes')
        .map(({ args }) => Number(args!['js']));
      assert.ok(points.at(-1)! > points[0]! && points.at(-1)! > 500_000, `${points}`);
      assert.ok(events.some(({ name, args }) => name === 'js_heap_bytes' && Number(args!['used']) > 0));
      assertClosed(target);
      assert.ok(await target.answers());
      assert.equal(target.stdout, 'ready\ngrown\nhere\n');
      assert.match(
        target.stderr,
        /^(Debugger (listening on .*|attached\.|ending on .*)\n|For help, see: .*\n|\s*)*$/,
      );
    });
  }

  test('what V8 allocates for whoever attaches counts for no function of the program', async () => {
    // Interrupted in `busy` at every question, and sampled in `note`, whose script's map only a debugger has.
    folder.program(
      'busy.cjs',
      `require('vm').runInThisContext(${JSON.stringify(IN_MEMORY)}, { filename: ${JSON.stringify(join(folder.path, 'busy.ts'))} });
       function busy() { for (let i = 0; i < 900_000; i++) if (i % 300_000 === 0) note(); setImmediate(busy); }
       busy();
       console.log('ready');`,
    );
    const target = await started('busy.cjs');
    const { code, stderr } = await attached(
      target,
      ...['--for', '1500ms', '--report-every', '500ms', '--every', '1KiB', '--out', 'busy.json'],
    );
    assert.equal(code, 0, stderr);
    const rows = folder.rows('heap_leaks', 'busy.json');
    assert.match(rows[0]!, /\(orders\.ts:3:/);
    const ofBusy = rows.filter((row) => row.startsWith('busy'));
    for (const row of ofBusy) assert.ok(Number(/\(~(\d+) bytes/.exec(row)![1]) < 50_000, row);
  });

  test('a second time, as soon as the first is over', async () => {
    const target = await started('leak.cjs');
    for (const round of [1, 2]) {
      const { code, stderr } = await attached(target, '--for', '300ms', '--out', 'again.json');
      assert.equal(code, 0, stderr);
      assert.equal(target.inspectors.length, round);
    }
    assertClosed(target);
  });

  test('a process whose inspector is open: used, and left open', async () => {
    const target = await started('leak.cjs', '--inspect=127.0.0.1:0');
    const [url] = target.inspectors;
    const addresses = [
      String(target.pid),
      url!,
      `127.0.0.1:${portOf(url!)}`,
      `http://localhost:${portOf(url!)}/`,
    ];
    for (const address of addresses) {
      const end = await attach(folder.path, '--for', '300ms', '--quiet', '--out', 'open.json', address).ended;
      assert.deepEqual({ ...end, signal: null }, { code: 0, signal: null, stdout: '', stderr: '' });
      assert.match(folder.rows('heap_leaks', 'open.json')[0]!, /^keepOrder/);
      assert.ok(isListening(portOf(url!)));
    }
    assert.equal(target.inspectors.length, 1);
  });

  test('Ctrl-C ends it early, with a report', async () => {
    const target = await started('leak.cjs');
    const command = attach(folder.path, '--for', '1h', '--out', 'early.json', String(target.pid));
    await command.said('attached to');
    await sleep(300);
    command.kill('SIGINT');
    const { code, signal, stderr } = await command.ended;
    assert.deepEqual([code, signal], [0, null], stderr);
    assert.match(folder.rows('heap_leaks', 'early.json')[0]!, /^keepOrder/);
    assertClosed(target);
    assert.ok(await target.answers());
  });

  test('the program ends meanwhile: the last report shows what was live then', async () => {
    folder.program('ends.cjs', `${LEAK}\n process.on('SIGUSR2', () => process.exit(3));`);
    const target = await started('ends.cjs');
    const command = attach(
      folder.path,
      '--for',
      '1h',
      '--report-every',
      '1h',
      '--out',
      'ends.json',
      String(target.pid),
    );
    await command.said('attached to');
    await sleep(500);
    target.kill('SIGUSR2');
    const { code, stderr } = await command.ended;
    assert.equal(code, 0, stderr);
    assert.match(stderr, /the program has ended/);
    assert.match(folder.rows('heap_leaks', 'ends.json')[0]!, /^keepOrder/);
    assert.equal((await target.ended).code, 3);
  });

  test('the program is killed meanwhile: what there was is written', async () => {
    const target = await started('leak.cjs');
    const command = attach(
      folder.path,
      '--for',
      '1h',
      '--report-every',
      '200ms',
      '--out',
      'killed.json',
      String(target.pid),
    );
    await command.said('attached to');
    await sleep(1000);
    target.kill('SIGKILL');
    const { code, stderr } = await command.ended;
    assert.equal(code, 0, stderr);
    assert.match(stderr, /the target went away; the last report is of the last profile/);
    assert.match(folder.rows('heap_leaks', 'killed.json')[0]!, /^keepOrder/);
  });

  test('killed before a profile was taken: exit code 1', async () => {
    const target = await started('leak.cjs');
    const command = attach(
      folder.path,
      '--for',
      '1h',
      '--report-every',
      '1h',
      '--out',
      'none.json',
      String(target.pid),
    );
    await command.said('attached to');
    await sleep(300);
    target.kill('SIGKILL');
    const { code, stderr } = await command.ended;
    assert.equal(code, 1, stderr);
    assert.match(stderr, /went away before a profile was taken; there is no report/);
  });

  test('a debugger that came meanwhile keeps its inspector', async () => {
    const target = await started('leak.cjs');
    const command = attached(target, '--for', '1s', '--out', 'shared.json');
    await target.until(() => target.inspectors.length > 0);
    const debuggerSocket = new WebSocket(target.inspectors[0]!);
    await new Promise((resolve) => debuggerSocket.on('open', resolve));
    const { code, stderr } = await command;
    assert.equal(code, 0, stderr);
    assert.match(stderr, /another debugger uses the inspector of process \d+: it stays open on port \d+/);
    assert.equal(debuggerSocket.readyState, WebSocket.OPEN);
    debuggerSocket.terminate();
  });

  test('a program under --heap-prof: no stacks, and its profile is not disturbed', async () => {
    const target = await started('leak.cjs', '--heap-prof', '--heap-prof-name=own.heapprofile');
    const { code, stderr } = await attached(target, '--for', '500ms', '--out', 'held.json');
    assert.equal(code, 0, stderr);
    assert.match(stderr, /otrace: another tool \(--heap-prof, .*already samples the JavaScript heap/);
    const stats = folder.events('held.json').findLast(({ name }) => name === 'heap_report_stats')!.args!;
    assert.match(String(stats['js_stacks']), /^off: another tool/);
    const points = folder.events('held.json').filter(({ name }) => name === 'heap_live_bytes');
    assert.ok(Number(points.at(-1)!.args!['js']) > 100_000);
  });
});

describe('otrace attach: what it refuses', { skip: !onLinux && 'needs /proc' }, () => {
  let listener: Server | undefined;
  afterEach(() => listener?.close());

  async function refused(address: string, message: RegExp): Promise<void> {
    const { code, stdout, stderr } = await attach(folder.path, '--for', '1s', address).ended;
    assert.equal(code, 2, stderr);
    assert.equal(stdout, '');
    assert.match(stderr, message);
    assert.equal(stderr.trimEnd().split('\n').length, 1, stderr);
  }

  test('no such process', () => refused('2147483646', /there is no process 2147483646;/));

  test('a process that is not Node, which goes on', async () => {
    const target = new TargetProgram(['-c', 'echo ready; sleep 60; true'], folder.path, '/bin/sh');
    targets.push(target);
    await target.ready();
    await refused(String(target.pid), /process \d+ \(\S+\) is not Node; nothing was done to it/);
    assert.ok(target.running);
  });

  test('a process of another user, or the first of all', () =>
    refused(
      '1',
      /process 1 belongs to another user; run otrace attach as that user|process 1 .* is not Node/,
    ));

  const disable = '--disable-sigusr1';
  const cannotDisable = !process.allowedNodeEnvironmentFlags.has(disable) && 'this Node has no such flag';
  test('--disable-sigusr1: the signal is not sent', { skip: cannotDisable }, async () => {
    const target = await started('leak.cjs', disable);
    await refused(String(target.pid), /does not take SIGUSR1 .*; start it with --inspect/);
    assert.ok(await target.answers());
  });

  test('a program that handles SIGUSR1 itself', async () => {
    folder.program('handles.cjs', `${LEAK}\n process.on('SIGUSR1', () => console.log('mine'));`);
    const target = await started('handles.cjs');
    await refused(
      String(target.pid),
      /got SIGUSR1 but did not open its inspector: it handles that signal itself/,
    );
    assert.equal(target.stdout, 'ready\nmine\n');
  });

  test('a port that is taken: the signal is not sent', async () => {
    listener = createServer().listen(0, '127.0.0.1');
    await new Promise((resolve) => listener!.on('listening', resolve));
    const { port } = listener.address() as { port: number };
    const target = await started('leak.cjs', `--inspect-port=${port}`);
    await refused(String(target.pid), new RegExp(`port ${port}, which process \\d+ would open .* is taken`));
    assert.equal(target.stderr, '');
  });

  test('an address where nobody is, or somebody else', async () => {
    listener = createServer((socket) => socket.resume().end('HTTP/1.0 200 OK\r\n\r\nhello')).listen(
      0,
      '127.0.0.1',
    );
    await new Promise((resolve) => listener!.on('listening', resolve));
    const { port } = listener.address() as { port: number };
    await refused(`127.0.0.1:${port}`, /no inspector answers at .*it is no inspector/);
    await refused(`ws://127.0.0.1:${port}/x`, /no inspector answers at ws:/);
    await new Promise((resolve) => listener!.close(resolve));
    await refused(`127.0.0.1:${port}`, /no inspector answers at .*ECONNREFUSED.*--inspect=/);
  });

  const bad: readonly [string, readonly string[], RegExp][] = [
    ['nothing', [], /missing required argument/],
    ['a word', ['server'], /"server" is nothing to attach to; give a process id, host:port/],
    ['a time that is none', ['--for', 'long', '1'], /60s, 5min or 1h/],
    ['an interval that is no size', ['--every', 'often', '1'], /--every.*512KiB/],
    ['a pattern without an index', ['--out', 'run-%s.json', '1'], /index/],
  ];
  for (const [title, args, message] of bad) {
    test(`bad usage: ${title}`, async () => {
      const { code, stderr } = await attach(folder.path, ...args).ended;
      assert.equal(code, 2, stderr);
      assert.match(stderr, message);
    });
  }
});
