/** Scopes in all their forms: what they record and that they pass on what the program's function does. */
import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import { join } from 'node:path';
import { describe, it } from 'node:test';
import { fileURLToPath, pathToFileURL } from 'node:url';
import { PID, Rig, recording, TID } from './rig.js';

const at = { pid: PID, tid: TID } as const;
const dispose: typeof Symbol.dispose = Symbol.dispose ?? Symbol.for('Symbol.dispose');

describe('a scope', () => {
  it('lasts until it is ended, once', () => {
    const rig = recording();
    const scope = rig.trace.scope('upload', { to: 'x' });
    rig.nowUs = 50;
    scope.end({ bytes: 512 });
    scope.end({ bytes: 1024 });
    scope[dispose]();
    assert.deepEqual(rig.events(), [
      { name: 'upload', cat: 'app', ph: 'X', ts: 0, dur: 50, ...at, args: { to: 'x', bytes: 512 } },
    ]);
  });

  it('ends with its block, as `using` compiles it', () => {
    const rig = recording();
    assert.throws(() => {
      const scope = rig.trace.scope('block');
      try {
        rig.trace.instant('inside');
        throw new Error('out');
      } finally {
        scope[dispose]();
      }
    }, /out/);
    assert.deepEqual(rig.events(), [
      { name: 'block', cat: 'app', ph: 'X', ts: 0, dur: 2, ...at },
      { name: 'inside', cat: 'app', ph: 'I', s: 't', ts: 1, ...at },
    ]);
  });

  it('lasts for the run of a function and passes its result on', () => {
    const rig = recording();
    const result = {};
    assert.equal(
      rig.trace.scope('run', () => result),
      result,
    );
    assert.equal(
      rig.trace.scope('with args', { a: 1 }, () => 5),
      5,
    );
    assert.equal(
      rig.trace.zone('zone', () => 'z'),
      'z',
    );
    rig.trace.zone('open', { b: 2 }).end();
    assert.deepEqual(
      rig.events().map(({ name, cat, dur, args }) => [name, cat, dur, args]),
      [
        ['run', 'app', 1, undefined],
        ['with args', 'app', 1, { a: 1 }],
        ['zone', 'zone', 1, undefined],
        ['open', 'zone', 1, { b: 2 }],
      ],
    );
  });

  it('ends when its function throws, and lets the very error through', () => {
    const rig = recording();
    const error = new Error('mine');
    assert.throws(
      () =>
        rig.trace.scope('throws', () => {
          throw error;
        }),
      (thrown) => thrown === error,
    );
    assert.deepEqual(rig.names(), ['throws']);
  });

  it('lasts until an async function is done', async () => {
    const rig = recording();
    const running = rig.trace.scope('async', async () => {
      await null;
      rig.nowUs = 1000;
      return 'done';
    });
    assert.deepEqual(rig.events(), []);
    assert.equal(await running, 'done');
    const [event] = rig.events();
    assert.deepEqual([event!.ts, event!.dur], [0, 1000]);
  });

  it('ends when an async function rejects, and lets the very error through', async () => {
    const rig = recording();
    const error = new Error('mine');
    await assert.rejects(
      rig.trace.scope('rejects', async () => {
        await null;
        throw error;
      }),
      (thrown) => thrown === error,
    );
    assert.deepEqual(rig.names(), ['rejects']);
  });

  it('runs a lazy thenable once', async () => {
    const rig = recording();
    let runs = 0;
    const query = {
      // biome-ignore lint/suspicious/noThenProperty: a query builder is such an object
      then(resolve: (rows: number) => void): void {
        runs++;
        resolve(3);
      },
    };
    assert.equal(await rig.trace.scope('query', () => query), 3);
    assert.equal(runs, 1);
    assert.deepEqual(rig.names(), ['query']);
  });

  it('passes on a result that resists being looked at', () => {
    const rig = recording();
    const { proxy, revoke } = Proxy.revocable({}, {});
    revoke();
    assert.ok(rig.trace.scope('revoked', () => proxy) === proxy);
    assert.deepEqual(rig.names(), ['revoked']);
  });

  it('is one shared object while nothing is recorded, and still runs functions', () => {
    const rig = new Rig();
    assert.equal(rig.trace.scope('a'), rig.trace.scope('b'));
    rig.trace.scope('a').end();
    assert.equal(
      rig.trace.scope('off', () => 7),
      7,
    );
    assert.equal(
      rig.trace.zone('off', () => 8),
      8,
    );
    assert.deepEqual(rig.events(), []);
  });

  it('leaves no event when recording starts or stops in its middle, and one when it pauses', () => {
    const rig = new Rig();
    const before = rig.trace.scope('started off');
    rig.trace.enable();
    before.end();
    const cut = rig.trace.scope('ended off');
    const paused = rig.trace.scope('paused');
    rig.trace.disable();
    cut.end();
    rig.trace.enable();
    paused.end();
    cut.end();
    assert.deepEqual(rig.names(), ['paused']);
  });
});

describe('a rejection that nobody handles', () => {
  const src = pathToFileURL(fileURLToPath(new URL('./rig.ts', import.meta.url))).href;
  /** Runs a program in a process of its own and gives its last words. */
  const run = (body: string): { status: number; stdout: string; stderr: string } => {
    const program = `
      import { recording } from ${JSON.stringify(src)};
      const { trace } = recording();
      ${body}`;
    const root = join(fileURLToPath(new URL('.', import.meta.url)), '..', '..');
    try {
      const args = ['--import', 'tsx', '--input-type=module', '-e', program];
      const stdout = execFileSync(process.execPath, args, { cwd: root, encoding: 'utf8', stdio: 'pipe' });
      return { status: 0, stdout, stderr: '' };
    } catch (error) {
      return error as { status: number; stdout: string; stderr: string };
    }
  };

  it('ends the process as it would without the scope', () => {
    const { status, stderr } = run(`trace.scope('s', async () => { throw new Error('unheard'); });`);
    assert.equal(status, 1);
    assert.match(stderr, /Error: unheard/);
  });

  it('is reported once, with the very error', () => {
    const { stdout } = run(`
      const error = new Error('unheard');
      process.on('unhandledRejection', (reason) => console.log(reason === error));
      trace.scope('s', async () => { throw error; });`);
    assert.equal(stdout, 'true\n');
  });

  it('is not reported when the program handles it', () => {
    const { stdout } = run(`
      process.on('unhandledRejection', () => console.log('unhandled'));
      trace.scope('s', async () => { throw new Error('heard'); }).catch(() => console.log('handled'));`);
    assert.equal(stdout, 'handled\n');
  });
});
