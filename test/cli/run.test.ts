import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import {
  existsSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  symlinkSync,
  unlinkSync,
  writeFileSync,
} from 'node:fs';
import { dirname, join } from 'node:path';
import { after, describe, test } from 'node:test';
import { CLI, Folder } from './running-program.js';

const folder = new Folder();
after(() => folder.remove());

const LEAK = `
const kept = [];
function rememberSession(i) { kept.push({ id: i, text: 'x'.repeat(10) + i, list: [i, i, i] }); }
for (let i = 0; i < 50000; i++) rememberSession(i);
`;

describe('otrace run: what it shows', () => {
  test('names the leaking function on the terminal and in the file; stdout stays the program’s', async () => {
    folder.program('leak.js', `${LEAK} console.log('done');`);
    // Without inlining, so that the site is exact whatever the compiler decides.
    const { code, stdout, stderr } = await folder.run('--no-inline', '--', 'leak.js');
    assert.equal(code, 0, stderr);
    assert.equal(stdout, 'done\n');
    assert.match(stderr, /rememberSession/);
    assert.match(stderr, /wrote trace\.json/);
    const [first] = folder.rows('heap_leaks');
    assert.match(first!, /rememberSession \(leak\.js:3:25\) <- .* \(~\d+ bytes, ~\d+ allocations\)$/);
    const names = folder.events().map((event) => event.name);
    for (const row of [
      'heap_report_started',
      'heap_report_stats',
      'heap_leaks',
      'heap_sites',
      'heap_report_done',
    ]) {
      assert.ok(names.includes(row), row);
    }
  });

  test('shows an inlined function’s allocations at its caller, unless --no-inline', async () => {
    await folder.run('--quiet', '--', 'leak.js');
    assert.match(folder.rows('heap_leaks').join(), /(rememberSession|\(top level\)) \(leak\.js/);
  });

  test('prints nothing with --quiet', async () => {
    const { code, stderr } = await folder.run('--quiet', '--out', 'quiet.json', '--', 'leak.js');
    assert.deepEqual({ code, stderr }, { code: 0, stderr: '' });
    assert.ok(existsSync(join(folder.path, 'quiet.json')));
  });

  test('counter lanes: total first, then one for each armed source', async () => {
    await folder.run('--heap', 'js,manual', '--quiet', '--', 'leak.js');
    const points = folder.events().filter((event) => event.name === 'heap_live_bytes');
    assert.ok(points.length >= 1);
    assert.deepEqual(Object.keys(points.at(-1)!.args!), ['total', 'js', 'manual']);
    const { total, js, manual } = points.at(-1)!.args! as Record<string, number>;
    assert.equal(total, js! + manual!);
  });

  test('writes compressed and numbered files', async () => {
    assert.equal((await folder.run('--quiet', '--out', 'z/t.json.gz', '--', 'leak.js')).code, 0);
    assert.ok(folder.rows('heap_leaks', 'z/t.json.gz').length > 0);
    const { stderr } = await folder.run('--out', 'n/run-%03u.json', '--', 'leak.js');
    assert.deepEqual(readdirSync(join(folder.path, 'n')), ['run-000.json']);
    assert.match(stderr, /wrote n\/run-000\.json/);
  });
});

describe('otrace run: growth', () => {
  const GROWTH = `
const kept = [], filled = [];
let recent = [];
function leak(i) { kept.push({ id: i, list: [i, i, i] }); }
function fill(i) { if (filled.length < 2000) filled.push({ id: i, list: [i, i, i] }); }
function remember(i) { recent.push({ id: i, list: [i, i, i] }); if (recent.length > 4000) recent.splice(0, 2000); }
for (let i = 0; i < 40000; i++) { leak(i); fill(i); remember(i); }
`;

  test('names the site that grows, and no cache, first on the terminal', async () => {
    folder.program('growth.js', GROWTH);
    const { stderr } = await folder.run('--no-inline', '--', 'growth.js');
    const rows = folder.rows('heap_growth');
    assert.equal(rows.length, 1, rows.join('\n'));
    assert.match(
      rows[0]!,
      /^leak \(growth\.js:4:14\) .* \(\+~\d+ bytes\/min, ~\d+ -> ~\d+ bytes, confidence 90%\)$/,
    );
    assert.match(
      stderr,
      /Suspected leaks {2}sites that grow steadily\n[\s\S]*leak {2}growth\.js:4:14[\s\S]*Top leaks/,
    );
  });

  test('says so when nothing grows', async () => {
    folder.program('clean.js', GROWTH.replace('leak(i);', ''));
    const { stderr } = await folder.run('--no-inline', '--', 'clean.js');
    assert.deepEqual(folder.rows('heap_growth'), ['no_growth_detected']);
    assert.match(stderr, /Suspected leaks {2}no site grows steadily\n/);
  });

  test('notes what is live while the program runs, unless told not to, and leaves it as data in the file', async () => {
    folder.program(
      'waits.js',
      `${GROWTH} let turns = 0; const timer = setInterval(() => { if (++turns === 14) clearInterval(timer); }, 50);`,
    );
    const kinds = (): unknown[] =>
      folder
        .events()
        .filter(({ name, ph }) => name === 'otrace_heap_report' && ph === 'M')
        .map(({ args }) => args!['kind']);
    await folder.run('--quiet', '--', 'waits.js');
    assert.deepEqual([...new Set(kinds())], ['checkpoint', 'report']);
    await folder.run('--quiet', '--no-growth', '--', 'waits.js');
    assert.deepEqual(kinds(), ['report']);
  });
});

describe('otrace run: the program is left as it was', () => {
  test('exit codes', async () => {
    folder.program('exit.js', `${LEAK} process.exit(7);`);
    assert.equal((await folder.run('--quiet', '--', 'exit.js')).code, 7);
    assert.ok(folder.rows('heap_leaks').length > 0);
    folder.program('exitcode.js', 'process.exitCode = 9; process.on("exit", () => console.log("bye"));');
    const { code, stdout } = await folder.run('--quiet', '--', 'exitcode.js');
    assert.deepEqual({ code, stdout }, { code: 9, stdout: 'bye\n' });
  });

  test('arguments, stdin closed, environment and module kinds', async () => {
    folder.program(
      'args.mjs',
      'console.log(JSON.stringify(process.argv.slice(2)), import.meta.url.length > 0);',
    );
    const { stdout } = await folder.run('--quiet', '--', 'args.mjs', '--port', '1', '--', '--json', '-x');
    assert.equal(stdout, '["--port","1","--","--json","-x"] true\n');
    folder.program(
      'plain.cjs',
      'console.log(typeof require, process.execArgv.includes("--stack-size=900"));',
    );
    assert.equal(
      (await folder.run('--quiet', '--', 'node', '--stack-size=900', 'plain.cjs')).stdout,
      'function true\n',
    );
    assert.equal(
      (await folder.run('--quiet', '--', process.execPath, 'plain.cjs')).stdout,
      'function false\n',
    );
  });

  test('an uncaught error: its text, its exit code, and the report', async () => {
    folder.program('throw.js', `${LEAK} setImmediate(() => { throw new Error('broken'); });`);
    const { code, stderr } = await folder.run('--', 'throw.js');
    assert.equal(code, 1);
    assert.match(stderr, /Error: broken/);
    assert.match(stderr, /rememberSession/);
  });

  test('an unhandled rejection', async () => {
    folder.program('reject.mjs', `${LEAK} Promise.reject(new Error('refused')); setTimeout(() => {}, 1000);`);
    const { code, stderr } = await folder.run('--', 'reject.mjs');
    assert.equal(code, 1);
    assert.match(stderr, /Error: refused/);
    assert.match(stderr, /rememberSession/);
  });

  test('a crash on the first line', async () => {
    folder.program('syntax.js', 'this is not JavaScript');
    const { code, stderr } = await folder.run('--out', 'syntax.json', '--', 'syntax.js');
    assert.equal(code, 1);
    assert.match(stderr, /SyntaxError/);
    assert.ok(folder.events('syntax.json').length > 0);
  });

  for (const signal of ['SIGINT', 'SIGTERM'] as const) {
    test(`${signal} ends a program that does not handle it, by that signal, with its report`, async () => {
      folder.program('serve.js', `${LEAK} setInterval(() => {}, 1000); console.log('ready');`);
      const child = folder.start('--out', `${signal}.json`, '--', 'serve.js');
      await child.printed('ready');
      child.kill(signal);
      const end = await child.ended;
      assert.equal(end.signal, signal, end.stderr);
      assert.match(end.stderr, /rememberSession/);
      assert.ok(folder.rows('heap_leaks', `${signal}.json`).length > 0);
    });

    test(`${signal} handled by the program is the program’s business`, async () => {
      folder.program(
        'graceful.js',
        `${LEAK} const timer = setInterval(() => {}, 1000);
         process.on('${signal}', () => { console.log('closing'); clearInterval(timer); process.exitCode = 4; });
         console.log('ready', process.listenerCount('${signal}') > 0);`,
      );
      const child = folder.start('--out', 'graceful.json', '--', 'graceful.js');
      await child.printed('ready');
      child.kill(signal);
      const end = await child.ended;
      assert.deepEqual([end.code, end.signal, end.stdout.includes('closing')], [4, null, true], end.stderr);
      assert.ok(folder.rows('heap_leaks', 'graceful.json').length > 0);
    });
  }

  test('SIGUSR2 writes a report and the program goes on', async () => {
    folder.program(
      'usr2.js',
      `${LEAK} console.log('ready'); const fs = require('node:fs');
       const written = () => { try { return fs.readFileSync('usr2.json', 'utf8').includes('heap_report_done'); } catch { return false; } };
       const timer = setInterval(() => { if (written()) { console.log('goes on'); clearInterval(timer); } }, 20);`,
    );
    const child = folder.start('--out', 'usr2.json', '--', 'usr2.js');
    await child.printed('ready');
    child.kill('SIGUSR2');
    const { code, stdout } = await child.ended;
    assert.equal(code, 0);
    assert.match(stdout, /goes on/);
    const reports = folder.events('usr2.json').filter((event) => event.name === 'heap_report_done');
    assert.equal(reports.length, 2);
  });

  test('--report-every reports while it runs', async () => {
    folder.program('slow.js', `${LEAK} setTimeout(() => {}, 700);`);
    await folder.run('--quiet', '--report-every', '200ms', '--', 'slow.js');
    const reports = folder.events().filter((event) => event.name === 'heap_report_done');
    assert.ok(reports.length >= 2, `${reports.length} reports`);
  });

  test('a fork writes a file of its own', async () => {
    folder.program('child.js', `${LEAK} process.send('sent', () => process.disconnect());`);
    folder.program(
      'parent.js',
      `const { fork } = require('node:child_process');
       fork('./child.js').on('message', (text) => console.log(text)).on('exit', (code) => console.log('child', code));`,
    );
    const { stdout } = await folder.run('--quiet', '--out', 'forks.json', '--', 'parent.js');
    assert.equal(stdout, 'sent\nchild 0\n');
    const forks = readdirSync(folder.path).filter((name) => /^forks-\d+\.json$/.test(name));
    assert.equal(forks.length, 1);
    assert.match(folder.rows('heap_leaks', forks[0]).join(), /rememberSession/);
    assert.ok(folder.events('forks.json').length > 0);
  });

  test('a fork that is killed has its file named, and its events are later than those that caused them', async () => {
    folder.program(
      'killed-child.js',
      `performance.mark('sent');
       process.send('sent');
       setTimeout(() => process.kill(process.pid, 'SIGKILL'), 800);`,
    );
    folder.program(
      'killed-parent.js',
      `performance.mark('forked');
       require('node:child_process').fork('./killed-child.js').on('message', () => performance.mark('received'));`,
    );
    const { stderr } = await folder.run('--out', 'tree.json', '--', 'killed-parent.js');
    const child = /a forked process wrote (tree-\d+\.json);/.exec(stderr)?.[1];
    assert.ok(child !== undefined, stderr);
    execFileSync(process.execPath, [CLI, 'merge', 'tree.json', child, '--out', 'joined.json'], {
      cwd: folder.path,
      stdio: 'ignore',
    });
    const at = (name: string): number =>
      folder.events('joined.json').find((event) => event.name === name)!.ts;
    assert.ok(at('forked') < at('sent'));
    assert.ok(at('sent') < at('received'));
  });

  test('workers record into the same file, also one that was terminated', async () => {
    folder.program(
      'workers.js',
      `const { Worker } = require('node:worker_threads');
       const code = (name) => "performance.mark('" + name + "'); setImmediate(() => require('node:worker_threads').parentPort.postMessage('up')); setInterval(() => {}, 1000);";
       for (const name of ['one', 'two']) {
         const worker = new Worker(code(name), { eval: true });
         worker.on('message', () => worker.terminate());
       }`,
    );
    const { code, stderr } = await folder.run('--quiet', '--out', 'workers.json', '--', 'workers.js');
    assert.equal(code, 0, stderr);
    const marks = folder.events('workers.json').filter((event) => event.cat === 'user_timing');
    assert.deepEqual(marks.map((event) => event.name).sort(), ['one', 'two']);
    assert.equal(new Set(marks.map((event) => event.tid)).size, 2);
  });
});

describe('otrace run: TypeScript', () => {
  const code = `
    interface Session { readonly id: number; readonly text: string }
    const kept: Session[] = ((globalThis as { kept?: Session[] }).kept = []);
    function rememberTyped(id: number): void {
      kept.push({ id, text: 'x'.repeat(10) + id });
    }
    for (let i = 0; i < 50000; i++) rememberTyped(i);
  `;
  const [major = 0, minor = 0] = process.versions.node.split('.').map(Number);
  const strips = major >= 24 || (major === 22 && minor >= 18);

  test('runs where Node strips types, and else says what to install', async () => {
    folder.program('typed.mts', code);
    const { code: exit, stderr } = await folder.run('--no-inline', '--', 'typed.mts');
    if (strips) {
      assert.equal(exit, 0, stderr);
      assert.match(folder.rows('heap_leaks')[0]!, /^rememberTyped \(typed\.mts:4:27\)/);
    } else {
      assert.equal(exit, 2);
      assert.match(stderr, /can't run typed\.mts by itself; install tsx beside it/);
    }
  });

  test('runs by the tsx that is installed beside it, with TypeScript lines', async () => {
    const modules = join(folder.path, 'node_modules');
    symlinkSync(join(dirname(CLI), '../../node_modules'), modules);
    try {
      folder.program('typed-tsx.ts', code);
      const { code: exit, stderr } = await folder.run('--no-inline', '--', 'typed-tsx.ts');
      assert.equal(exit, 0, stderr);
      assert.match(folder.rows('heap_leaks')[0]!, /^rememberTyped \(typed-tsx\.ts:4:/);
    } finally {
      unlinkSync(modules);
    }
  });
});

describe('otrace run: the timeline of an unmodified program', () => {
  const code = `
    const http = require('node:http');
    const net = require('node:net');
    performance.mark('begun');
    for (let i = 0; i < 2e6; i++) String(i);
    performance.measure('work', 'begun');
    const server = http.createServer((request, response) => response.end('ok')).listen(0, '127.0.0.1', () => {
      http.get({ port: server.address().port, host: '127.0.0.1', path: '/orders?token=secret' }, (response) => {
        response.resume().on('end', () => ahead(server.address().port));
      });
    });
    function ahead(port) {
      const socket = net.connect(port, '127.0.0.1');
      socket.write('GET /ahead HTTP/1.1\\r\\nHost: h\\r\\n\\r\\n'.repeat(1300));
      let text = '';
      socket.on('data', (some) => {
        text += some;
        if (text.split('HTTP/1.1').length > 1300) server.close(), socket.destroy();
      });
    }`;

  test('collections, user timing, HTTP requests and stalls', async () => {
    folder.program('timeline.js', code);
    await folder.run('--quiet', '--http-all', '--out', 'timeline.json', '--', 'timeline.js');
    const events = folder.events('timeline.json');
    const categories = new Set(events.map((event) => event.cat));
    for (const category of ['gc', 'user_timing', 'http']) assert.ok(categories.has(category), category);
    assert.equal(events.filter(({ name }) => name === 'GET /ahead').length, 1300); // more than the usual share
    assert.ok(!readFileSync(join(folder.path, 'timeline.json'), 'utf8').includes('secret'));
  });

  test('each can be switched off', async () => {
    const off = ['--no-gc', '--no-user-timing', '--no-http', '--no-event-loop'];
    await folder.run('--quiet', ...off, '--out', 'off.json', '--', 'timeline.js');
    const categories = new Set(folder.events('off.json').map((event) => event.cat));
    for (const category of ['gc', 'user_timing', 'http', 'event_loop'])
      assert.ok(!categories.has(category), category);
  });
});

describe('otrace run: bad input', () => {
  const cases: readonly [title: string, args: readonly string[], message: RegExp][] = [
    ['no program', ['--'], /no program is given.*otrace run -- app\.js/],
    ['a program that does not exist', ['--', 'missing.js'], /there is no program missing\.js/],
    ['an unknown heap', ['--heap', 'js,gpu', '--', 'leak.js'], /"gpu".*js, wasm, buffers, manual/],
    ['sampling that is no number', ['--sample', 'NaN', '--', 'leak.js'], /number from 0 to 1/],
    ['a depth of 0', ['--depth', '0', '--', 'leak.js'], /whole number from 1/],
    ['an interval that is no size', ['--every', 'often', '--', 'leak.js'], /--every.*512KiB/],
    ['a pattern without an index', ['--out', 'run-%s.json', '--', 'leak.js'], /index/],
  ];
  for (const [title, args, message] of cases) {
    test(title, async () => {
      const { code, stderr } = await folder.run(...args);
      assert.equal(code, 2, stderr);
      assert.match(stderr, message);
    });
  }

  test('an output that can’t be written: one message, the program untouched', async () => {
    mkdirSync(join(folder.path, 'a-folder.json'));
    writeFileSync(join(folder.path, 'a-file'), '');
    for (const out of ['a-folder.json', 'a-file/trace.json']) {
      const { code, stderr } = await folder.run('--out', out, '--', 'exit.js');
      assert.equal(code, 7);
      assert.equal(stderr.split("can't write the trace").length, 2, stderr);
    }
  });
});
