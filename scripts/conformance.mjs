// Runs somebody else's tests of buffers with the hooks of the `buffers` source armed, and tells which of them fail that
// pass without. Needs a built dist.
//
//   node scripts/conformance.mjs node/test/parallel/test-buffer-*.js       Node's own tests, of the same major
//   node scripts/conformance.mjs --harness test262/harness test262/test/built-ins/ArrayBuffer
//
// Each file is a process. With --harness it is a test of test262: its strict form where it has two, as a script of the
// main realm; modules and those that need agents are left out. ALL_STACKS=0 keeps the stacks of small buffers in proportion.
import { spawn } from 'node:child_process';
import { readdirSync, readFileSync, statSync } from 'node:fs';
import { availableParallelism } from 'node:os';
import { dirname, join, resolve } from 'node:path';
import { fileURLToPath } from 'node:url';

const hooks = join(dirname(fileURLToPath(import.meta.url)), '..', 'dist', 'cjs', 'hooks.js');
const LONGEST_MS = 120_000;

const [first, second, ...others] = process.argv.slice(2);
const harness = first === '--harness' ? resolve(second ?? '') : undefined;
const paths = harness === undefined ? process.argv.slice(2) : others;

const files = paths.flatMap(filesIn).filter(isRunnable).sort();
const lost = [];
let passed = 0;
let failing = 0;
let next = 0;

await Promise.all(Array.from({ length: availableParallelism() }, worker));
for (const { file, output } of lost) console.log(`--- ${file}\n${output.slice(-1500)}`);
console.log(
  `${process.version}: ${passed} pass with hooks, ${failing} fail with and without, ${lost.length} fail with hooks alone`,
);
process.exit(lost.length === 0 && passed > 0 ? 0 : 1);

async function worker(_, thread) {
  while (next < files.length) {
    const file = files[next++];
    const hooked = await run(file, true, thread);
    if (hooked.ok) passed++;
    else if (!(await run(file, false, thread)).ok) failing++;
    else lost.push({ file, output: hooked.output });
  }
}

function run(file, hooked, thread) {
  const source = readFileSync(file, 'utf8');
  const flags =
    harness === undefined ? /^\/\/ Flags: (.*)$/m.exec(source)?.[1].split(/\s+/) : ['--expose-gc'];
  const preload = hooked ? ['--require', hooks] : [];
  const script = harness === undefined ? [file] : ['-e', test262(source, file)];
  return new Promise((done) => {
    const child = spawn(process.execPath, ['--no-warnings', ...(flags ?? []), ...preload, ...script], {
      cwd: dirname(file),
      timeout: LONGEST_MS,
      stdio: ['ignore', 'pipe', 'pipe'],
      env: { ...process.env, TEST_THREAD_ID: String(thread), ...(hooked && armed()) },
    });
    let output = '';
    child.stdout.on('data', (data) => (output += data));
    child.stderr.on('data', (data) => (output += data));
    child.on('close', (code) => {
      const warned = hooked && output.includes('otrace: ');
      done({ ok: code === 0 && !warned && (harness === undefined || expected(source, output)), output });
    });
  });
}

function armed() {
  return {
    OTRACE_HEAP: 'buffers',
    OTRACE_HEAP_SAMPLE: '1',
    OTRACE_HEAP_BUFFER_STACKS: process.env.ALL_STACKS === '0' ? '4096' : '0',
  };
}

/** A program that runs a test of test262 and prints how it ended. */
function test262(source, file) {
  const includes = /includes:\s*\[([^\]]*)\]/.exec(source)?.[1].split(',') ?? listed(source);
  const parts = ['assert.js', 'sta.js', ...includes.map((name) => name.trim()).filter(Boolean)];
  if (isAsync(source)) parts.push('doneprintHandle.js');
  const text = parts.map((name) => readFileSync(join(harness, name), 'utf8'));
  const test = /flags:.*noStrict|flags:.*raw/.test(source) ? source : `'use strict';\n${source}`;
  return `
    const vm = require('node:vm');
    globalThis.print = console.log;
    const realm = (global, evalScript) => ({
      global, evalScript, gc,
      createRealm() {
        const made = vm.createContext();
        const evaluate = (text) => vm.runInContext(text, made);
        return realm(evaluate('globalThis'), evaluate);
      },
      detachArrayBuffer: (buffer) => void structuredClone(buffer, { transfer: [buffer] }),
    });
    globalThis.$262 = realm(globalThis, (text) => vm.runInThisContext(text));
    for (const text of ${JSON.stringify(text)}) vm.runInThisContext(text);
    let end = 'ended';
    try { vm.runInThisContext(${JSON.stringify(test)}, ${JSON.stringify(file)}) }
    catch (error) { end = 'threw ' + (error?.name ?? error?.constructor?.name) + ': ' + error?.message }
    console.log('test262: ' + end);`;
}

function expected(source, output) {
  const error = /negative:[\s\S]*?type:\s*(\w+)/.exec(source)?.[1];
  if (error !== undefined) return output.includes(`test262: threw ${error}`);
  return (
    output.includes('test262: ended') && (!isAsync(source) || output.includes('Test262:AsyncTestComplete'))
  );
}

function isAsync(source) {
  return /flags:.*\basync\b/.test(source);
}

/** The other way to write a list in the front matter of test262. */
function listed(source) {
  return (/includes:\n((?:\s+- .*\n)+)/.exec(source)?.[1] ?? '').split(/\s+-\s|\n/);
}

function filesIn(path) {
  if (!statSync(path).isDirectory()) return [resolve(path)];
  return readdirSync(path, { recursive: true })
    .map((name) => resolve(path, name))
    .filter((name) => /\.m?js$/.test(name));
}

function isRunnable(file) {
  if (harness === undefined) return true;
  return !/_FIXTURE|\$262\.agent|flags:.*\bmodule\b/.test(`${file}${readFileSync(file, 'utf8')}`);
}
