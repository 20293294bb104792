// The preloaded hooks before anybody traces: nothing of them is loaded but the first lines, and nothing is missed.
import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { dirname, join } from 'node:path';
import { describe, it } from 'node:test';
import { fileURLToPath } from 'node:url';

const root = join(dirname(fileURLToPath(import.meta.url)), '..', '..');
const cjs = join(root, 'dist/cjs');
const BUNDLES = `Object.keys(require('node:module')._cache).filter((file) => file.startsWith('${cjs}')).map((file) => require('node:path').basename(file))`;

/** What a program prints that runs under the preload. */
function output(code: string, env: Record<string, string> = {}): unknown {
  const { NODE_OPTIONS: _, ...inherited } = process.env;
  const { stdout, stderr } = spawnSync(process.execPath, ['--require', join(cjs, 'hooks.js'), '-e', code], {
    encoding: 'utf8',
    env: { ...inherited, ...env },
  });
  assert.equal(stderr, '');
  return JSON.parse(stdout);
}

describe('the preload', () => {
  it('loads nothing but itself until somebody asks for the instances, and then is attached', () => {
    const seen = output(`
      const bundles = () => ${BUNDLES};
      const own = Object.getOwnPropertyDescriptor(globalThis, 'WebAssembly');
      const before = bundles();
      require('${cjs}/hooks.js');
      const { heap } = require('${cjs}/index.js');
      const after = bundles();
      heap.enable();
      import('${join(root, 'dist/esm/index.js')}').then((esm) => console.log(JSON.stringify({
        before, after, same: esm.heap === heap, sources: heap.armedSources,
        enumerable: own.enumerable, configurable: own.configurable,
      })));`);
    assert.deepEqual(seen, {
      before: ['hooks.js'],
      after: ['hooks.js', 'index.js', 'attach.js'],
      same: true,
      sources: ['js', 'wasm', 'buffers', 'manual'],
      enumerable: false,
      configurable: true,
    });
  });

  it('is attached when WebAssembly is read, and leaves one that the program has set', () => {
    const seen = output(`
      const bundles = () => ${BUNDLES};
      const original = WebAssembly;
      const { value, ...flags } = Object.getOwnPropertyDescriptor(globalThis, 'WebAssembly');
      const read = bundles();
      const { Worker } = require('node:worker_threads');
      const code = \`const { parentPort } = require('node:worker_threads');
        const before = ${BUNDLES};
        WebAssembly = 'mine';
        require('${cjs}/index.js');
        parentPort.postMessage({ before, after: WebAssembly });\`;
      new Worker(code, { eval: true }).on('message', (worker) => console.log(JSON.stringify({
        read, same: value === original, text: String(original), flags, worker,
      })));`);
    assert.deepEqual(seen, {
      read: ['hooks.js', 'attach.js', 'wasm-source.js'],
      same: true,
      text: '[object WebAssembly]',
      flags: { writable: true, enumerable: false, configurable: true },
      worker: { before: ['hooks.js'], after: 'mine' },
    });
  });

  it('is attached at once where a variable says so', () => {
    assert.deepEqual(output(`console.log(JSON.stringify(${BUNDLES}))`, { OTRACE_HEAP: 'manual' }), [
      'hooks.js',
      'attach.js',
    ]);
  });
});
