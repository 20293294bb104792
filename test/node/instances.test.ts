// The process' own instances, in processes of their own: environment, exit, threads, two copies.
import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { existsSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { after, describe, it } from 'node:test';
import { fileURLToPath } from 'node:url';

const root = join(dirname(fileURLToPath(import.meta.url)), '..', '..');
const esm = join(root, 'dist/esm/index.js');
const cjs = join(root, 'dist/cjs/index.js');
const folder = mkdtempSync(join(tmpdir(), 'otrace-instances-'));
after(() => rmSync(folder, { recursive: true, force: true }));

let count = 0;

interface Run {
  readonly status: number | null;
  readonly stdout: string;
  readonly stderr: string;
  /** The events of trace.json in the folder of this run; undefined when there is none. */
  readonly events:
    | readonly { name: string; ph: string; tid: number; args?: Record<string, unknown> }[]
    | undefined;
}

/** Runs a module in a folder of its own. */
function run(code: string, env: Record<string, string> = {}, ...flags: string[]): Run {
  const cwd = join(folder, String(count++));
  const file = join(cwd, 'program.mjs');
  spawnSync('mkdir', [cwd]);
  writeFileSync(file, code);
  const { NODE_OPTIONS: _, ...inherited } = process.env;
  const { status, stdout, stderr } = spawnSync(process.execPath, [...flags, file], {
    cwd,
    encoding: 'utf8',
    env: { ...inherited, ...env },
  });
  const trace = join(cwd, 'trace.json');
  const events = existsSync(trace) ? JSON.parse(readFileSync(trace, 'utf8')).traceEvents : undefined;
  return { status, stdout, stderr, events };
}

const IMPORT = `import { heap, trace } from '${esm}';`;

function names(result: Run): string[] {
  return (result.events ?? []).filter((event) => event.ph !== 'M').map((event) => event.name);
}

describe('the process’ recorder', () => {
  it('writes nothing when it never recorded', () => {
    const result = run(`${IMPORT} trace.instant('x');`);
    assert.deepEqual([result.status, result.events, result.stderr], [0, undefined, '']);
  });

  it('flushes at exit what is unwritten, also after an uncaught error or process.exit', () => {
    assert.deepEqual(names(run(`${IMPORT} trace.enable(); trace.instant('x');`)), ['x']);
    assert.deepEqual(names(run(`${IMPORT} trace.enable(); trace.instant('x'); process.exit(3);`)), ['x']);
    const thrown = run(`${IMPORT} trace.enable(); trace.instant('x'); throw new Error('broken');`);
    assert.deepEqual([thrown.status, names(thrown)], [1, ['x']]);
  });

  it('does not write again at exit what a flush has written', () => {
    const result = run(`${IMPORT} import { unlinkSync } from 'node:fs';
      trace.enable(); trace.instant('x'); trace.flush(); unlinkSync('trace.json');`);
    assert.equal(result.events, undefined);
  });

  it('is switched by the environment', () => {
    assert.deepEqual(names(run(`${IMPORT} trace.instant('x');`, { OTRACE_ENABLE: '1' })), ['x']);
    const off = run(`${IMPORT} trace.enable(); trace.instant('x'); console.log(trace.enabled);`, {
      OTRACE_DISABLE: '1',
    });
    assert.deepEqual([off.events, off.stdout], [undefined, 'false\n']);
    assert.deepEqual(
      names(run(`${IMPORT} trace.instant('x');`, { OTRACE_ENABLE: '1', OTRACE_SAMPLE: '0' })),
      [],
    );
  });

  it('warns of a malformed variable once, however many copies are loaded', () => {
    const { stderr } = run(`${IMPORT} import '${cjs}';`, { OTRACE_SAMPLE: 'often' });
    assert.equal(
      stderr,
      'otrace: OTRACE_SAMPLE=often is not understood and ignored; OTRACE_SAMPLE takes a probability from 0 to 1, as 0.1\n',
    );
  });

  it('is one for ESM and CommonJS', () => {
    const { stdout } = run(
      `${IMPORT} import other from '${cjs}'; console.log(other.trace === trace, other.heap === heap);`,
    );
    assert.equal(stdout, 'true true\n');
  });

  it('tells an output that can’t be written once, and the program goes on', () => {
    const result =
      run(`${IMPORT} trace.enable(); trace.instant('x'); trace.setOutputPath('/dev/null/trace.json');
      const { written, reason } = trace.flush(); trace.flush(); console.log(written, reason);`);
    assert.equal(result.status, 0);
    assert.match(
      result.stdout,
      /^false can't write the trace to \/dev\/null\/trace\.json: .*; choose another path\n$/,
    );
    assert.equal(result.stderr.trim().split('\n').length, 1, result.stderr);
  });

  it('gathers workers that finished, that were terminated, and that crashed', () => {
    const worker = (end: string): string =>
      JSON.stringify(`import('${esm}').then(({ trace }) => {
        trace.setThreadName('thread ${end}');
        for (let i = 0; i < 1000; i++) trace.instant('tick', { i, text: 'number ' + i });
        ${end === 'throw' ? "throw new Error('worker broke');" : ''}
        require('node:worker_threads').parentPort.postMessage('ready');
        ${end === 'terminate' ? 'setInterval(() => {}, 1000);' : ''}
      });`);
    const result = run(`${IMPORT} import { Worker } from 'node:worker_threads';
      trace.enable();
      trace.instant('main');
      for (const code of [${worker('finish')}, ${worker('terminate')}, ${worker('throw')}]) {
        const worker = new Worker(code, { eval: true });
        worker.on('message', () => worker.terminate()).on('error', () => {});
      }`);
    assert.equal(result.status, 0, result.stderr);
    const ticks = result.events!.filter((event) => event.name === 'tick');
    assert.equal(ticks.length, 3000);
    assert.equal(new Set(ticks.map((event) => event.tid)).size, 3);
    const numbers = ticks.map(({ args }) => args as { i: number; text: string });
    assert.ok(numbers.every(({ i, text }) => text === `number ${i}`));
    const threads = result
      .events!.filter((event) => event.name === 'thread_name')
      .map((event) => event.args!['name']);
    assert.deepEqual(threads.sort(), ['main', 'thread finish', 'thread terminate', 'thread throw']);
  });

  it('flushes on the main thread when a worker asks for it', () => {
    const code = JSON.stringify(
      `import('${esm}').then(({ trace }) => { trace.instant('from worker'); console.log(trace.flush().written); })`,
    );
    const result = run(`${IMPORT} import { Worker } from 'node:worker_threads';
      trace.enable();
      new Worker(${code}, { eval: true }).on('exit', () => trace.disable());`);
    assert.equal(result.stdout, 'false\n');
    assert.deepEqual(names(result), ['from worker']);
  });
});

describe('otrace/hooks', () => {
  const hooks = join(root, 'dist/esm/hooks.js');
  const hooksCjs = join(root, 'dist/cjs/hooks.js');

  it('attach the sources once, from however many copies', () => {
    const { stdout, stderr } = run(`import '${hooks}'; import '${hooksCjs}'; ${IMPORT}
      trace.enable(); heap.enable(); console.log(heap.armedSources.join());`);
    assert.deepEqual([stdout, stderr], ['js,wasm,buffers,manual\n', '']);
  });

  it('arm what OTRACE_HEAP names', () => {
    const { stdout, stderr } = run(
      `import '${hooks}'; ${IMPORT} console.log(heap.enabled, heap.armedSources.join());`,
      { OTRACE_HEAP: 'js' },
    );
    assert.deepEqual([stdout, stderr], ['true js\n', '']);
  });

  it('are missed in words when OTRACE_HEAP needs them', () => {
    const { stderr } = run(IMPORT, { OTRACE_HEAP: 'js,manual' });
    assert.equal(
      stderr,
      'otrace: OTRACE_HEAP=js needs the hooks; run with otrace run, or import otrace/hooks\n',
    );
    assert.equal(run(`${IMPORT} console.log(heap.enabled);`, { OTRACE_HEAP: 'manual' }).stdout, 'true\n');
  });
});
