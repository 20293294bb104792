// The package as a user gets it: packed, installed into an empty project, imported in every way.
import assert from 'node:assert/strict';
import { type ExecFileSyncOptions, execFileSync } from 'node:child_process';
import { mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { after, before, describe, test } from 'node:test';
import { fileURLToPath } from 'node:url';

const root = join(dirname(fileURLToPath(import.meta.url)), '..');
let project: string;

function run(args: readonly string[], environment: Record<string, string> = {}): string {
  return execFileSync(process.execPath, args, {
    cwd: project,
    encoding: 'utf8',
    env: { ...process.env, NODE_OPTIONS: '', ...environment },
  });
}

function runModule(code: string, ...flags: string[]): string {
  return run([...flags, '--input-type=module', '--eval', code]);
}

before(() => {
  project = mkdtempSync(join(tmpdir(), 'otrace-package-'));
  const npm: ExecFileSyncOptions = { cwd: project, stdio: ['ignore', 'pipe', 'pipe'] };
  execFileSync('npm', ['pack', '--ignore-scripts', '--pack-destination', project, root], npm);
  const tarball = readdirSync(project).find((name) => name.endsWith('.tgz'))!;
  writeFileSync(join(project, 'package.json'), '{ "private": true }\n');
  execFileSync('npm', ['install', '--no-audit', '--no-fund', join(project, tarball)], npm);
});

after(() => rmSync(project, { recursive: true, force: true }));

describe('the packed package', () => {
  test('holds what it needs and no sources or tests', () => {
    const files = readdirSync(join(project, 'node_modules/otrace'), { recursive: true, encoding: 'utf8' });
    for (const wanted of ['README.md', 'LICENSE', 'CHANGELOG.md', 'dist/esm/index.js', 'dist/cjs/hooks.js']) {
      assert.ok(files.includes(wanted), wanted);
    }
    assert.deepEqual(
      files.filter((name) => /^(src|test|bench|examples)\b/.test(name)),
      [],
    );
  });

  test('is one recorder for import and require', () => {
    const code = `
      import { createRequire } from 'node:module';
      import { trace, heap, OtraceError } from 'otrace';
      const required = createRequire(process.cwd() + '/x.js')('otrace');
      console.log(required.trace === trace, required.heap === heap, typeof OtraceError);`;
    assert.equal(runModule(code), 'true true function\n');
  });

  test('has a command', () => {
    const { version } = JSON.parse(readFileSync(join(root, 'package.json'), 'utf8')) as { version: string };
    assert.equal(run(['node_modules/otrace/dist/cjs/cli.js', '--version']).trim(), version);
  });

  test('does nothing under the condition otrace-off, and still runs what it is given', () => {
    const code = `
      import { trace, heap } from 'otrace';
      import { TRACE_INSTANT } from 'otrace/macros';
      import 'otrace/hooks';
      trace.enable(); heap.enable(); TRACE_INSTANT('x');
      const object = {};
      console.log(trace.enabled, trace.scope('a', () => 7), heap.track(object, 1) === object, trace.flush().written);`;
    assert.equal(runModule(code, '--conditions=otrace-off'), 'false 7 true false\n');
  });

  test('type-checks in ESM and CommonJS projects', () => {
    writeFileSync(
      join(project, 'esm.mts'),
      `import { trace, heap, type HeapSnapshot } from 'otrace';
       import { TRACE_SCOPE } from 'otrace/macros';
       import 'otrace/hooks';
       using s = TRACE_SCOPE('x');
       const n: number = trace.scope('y', () => 1);
       const snapshot: HeapSnapshot = heap.snapshot();
       // @ts-expect-error a counter takes a number or series of numbers
       trace.counter('q', 'text');
       export { n, snapshot };`,
    );
    writeFileSync(
      join(project, 'cjs.cts'),
      `import otrace = require('otrace');\notrace.trace.instant('x', { a: 1 });\n`,
    );
    const tsc = join(dirname(createRequire(import.meta.url).resolve('typescript/package.json')), 'bin/tsc');
    const types = join(root, 'node_modules/@types');
    run([
      ...[
        tsc,
        '--noEmit',
        '--strict',
        '--module',
        'nodenext',
        '--target',
        'es2022',
        '--lib',
        'es2023,esnext.disposable,dom',
      ],
      ...['--typeRoots', types, '--types', 'node', 'esm.mts', 'cjs.cts'],
    ]);
  });

  // Last: it takes the dependencies away.
  test('needs no dependency in what a program loads', () => {
    const modules = join(project, 'node_modules');
    for (const name of readdirSync(modules)) {
      if (name !== 'otrace') rmSync(join(modules, name), { recursive: true, force: true });
    }
    const code = `
      import { trace, heap } from 'otrace';
      import 'otrace/hooks';
      import 'otrace/macros';
      trace.enable(); heap.enable(); heap.alloc(1, 10); heap.report();
      console.log(trace.flush('out.json').written);`;
    assert.equal(runModule(code), 'true\n');
    assert.ok(readFileSync(join(project, 'out.json'), 'utf8').includes('heap_leaks'));
  });
});
