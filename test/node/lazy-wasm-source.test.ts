// WebAssembly under the preloaded hooks, in processes of its own: nothing shows, nothing is loaded before its time.
import assert from 'node:assert/strict';
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { after, describe, it } from 'node:test';
import { Folder } from '../cli/running-program.js';

const folder = new Folder();
after(() => folder.remove());

async function output(name: string, code: string, ...options: string[]): Promise<string> {
  folder.program(name, code);
  const { code: exit, stdout, stderr } = await folder.run('--quiet', ...options, '--', name);
  assert.equal(exit, 0, stderr);
  return stdout;
}

const LOADED = "Object.keys(require('node:module')._cache).some((file) => file.endsWith('wasm-source.js'))";

/** `(func (export "f") (result i32) i32.const 7)` */
const SEVEN = [
  0, 97, 115, 109, 1, 0, 0, 0, 1, 5, 1, 96, 0, 1, 127, 3, 2, 1, 0, 7, 5, 1, 1, 102, 0, 0, 10, 6, 1, 4, 0, 65,
  7, 11,
];

describe('WebAssembly under the hooks', () => {
  it('is not hooked before the program reads it', async () => {
    const code = `console.log(${LOADED}); void WebAssembly; console.log(${LOADED});`;
    assert.equal(await output('lazy.cjs', code), 'false\ntrue\n');
  });

  it('is not hooked because Node begins to load ES modules', async () => {
    const code = `import { createRequire } from 'node:module';
      const require = createRequire(import.meta.url);
      console.log(${LOADED}); void WebAssembly; console.log(${LOADED});
      const { get, value } = Object.getOwnPropertyDescriptor(WebAssembly, 'Module');
      console.log(get, typeof value);`;
    assert.equal(await output('lazy.mjs', code), 'false\ntrue\nundefined function\n');
  });

  it('is hooked when Node imports a module of WebAssembly', async () => {
    writeFileSync(join(folder.path, 'seven.wasm'), Uint8Array.of(...SEVEN));
    const code = `import { createRequire } from 'node:module';
      const require = createRequire(import.meta.url);
      const { f } = await import('./seven.wasm');
      console.log(f(), ${LOADED});`;
    folder.program('imports.mjs', code);
    const node = ['node', '--experimental-wasm-modules', '--no-warnings', 'imports.mjs'];
    const { stdout, stderr } = await folder.run('--quiet', '--', ...node);
    assert.equal(stdout, '7 true\n', stderr);
  });

  it('is left alone when its heap is not traced', async () => {
    const code = `void WebAssembly; console.log(${LOADED});`;
    assert.equal(await output('other.cjs', code, '--heap', 'js'), 'false\n');
  });

  it('is the property that it was, as soon as it is read', async () => {
    const code = `void WebAssembly;
      const { value, ...flags } = Object.getOwnPropertyDescriptor(globalThis, 'WebAssembly');
      console.log(JSON.stringify(flags), String(value), Object.keys(globalThis).includes('WebAssembly'));`;
    const expected = '{"writable":true,"enumerable":false,"configurable":true} [object WebAssembly] false\n';
    assert.equal(await output('property.cjs', code), expected);
  });

  it('can be replaced by the program before it is read', async () => {
    assert.equal(await output('replaced.cjs', "WebAssembly = 'mine'; console.log(WebAssembly);"), 'mine\n');
  });

  it('runs in a worker a module that the main thread compiled', async () => {
    const code = `
      const { Worker } = require('node:worker_threads');
      const worker = new Worker(
        "const { parentPort } = require('node:worker_threads');" +
        "parentPort.once('message', (module) => parentPort.postMessage(new WebAssembly.Instance(module).exports.f()));",
        { eval: true },
      );
      worker.postMessage(new WebAssembly.Module(Uint8Array.of(${SEVEN})));
      worker.on('message', (value) => console.log(value));`;
    assert.equal(await output('worker.cjs', code), '7\n');
  });
});
