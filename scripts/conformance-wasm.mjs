// Runs the tests of the WebAssembly JavaScript API (`test/js-api` of the specification's repository, `wasm/jsapi` of
// web-platform-tests) with the hooks of the `wasm` source armed and without, and tells each subtest that ends another way.
// Needs a built dist.
//
//   node scripts/conformance-wasm.mjs spec/test/js-api
//
// Every file runs four times: as it is and with an allocator added to each module that its builder makes, so that the
// modules are rewritten; without hooks and with. Each time is a process. `harness` below is as much of testharness.js as
// these tests use.
import { spawn } from 'node:child_process';
import { existsSync, readdirSync, readFileSync, statSync } from 'node:fs';
import { dirname, join, resolve } from 'node:path';
import { fileURLToPath } from 'node:url';

const LONGEST_MS = 300_000;
const hooks = join(dirname(fileURLToPath(import.meta.url)), '..', 'dist', 'cjs', 'hooks.js');
const root = resolve(process.argv[2] ?? '.');
const files = readdirSync(root, { recursive: true })
  .map((name) => join(root, name))
  .filter((path) => path.endsWith('.any.js') && statSync(path).isFile())
  .sort();

let same = 0;
let different = 0;
let rewritten = 0;
for (const file of files) {
  for (const allocator of [false, true]) {
    const program = programOf(file, allocator);
    const [plain, hooked] = await Promise.all([run(program, false), run(program, true)]);
    rewritten += Number(/^rewritten (\d+)$/m.exec(hooked)?.[1] ?? 0);
    const [expected, actual] = [plain, hooked].map((output) =>
      output.split('\n').filter((line) => /^(pass|fail) /.test(line)),
    );
    if (expected.length === 0) console.log(`? ${file}: no subtest ran\n${plain.slice(0, 500)}`);
    for (let i = 0; i < Math.max(expected.length, actual.length); i++) {
      if (expected[i] === actual[i]) {
        same++;
        continue;
      }
      different++;
      console.log(
        `${file}${allocator ? ' (with an allocator)' : ''}\n  without: ${expected[i]}\n  with:    ${actual[i]}`,
      );
    }
    const warning = /^otrace: .*$/m.exec(hooked);
    if (warning !== null) console.log(`${file}: ${warning[0]}`);
  }
}
console.log(
  `${process.version}: ${same} subtests end alike, ${different} do not; ${rewritten} modules were rewritten`,
);
process.exit(different === 0 && same > 0 && rewritten > 0 ? 0 : 1);

/** The scripts that a test names, and the test, as one. */
function programOf(file, allocator) {
  const source = readFileSync(file, 'utf8');
  const named = [...source.matchAll(/^\/\/ META: script=(.*)$/gm)].map(([, path]) => {
    const inRoot = join(root, path.replace(/^\/wasm\/jsapi\//, ''));
    return existsSync(inRoot) ? inRoot : join(dirname(file), path);
  });
  const scripts = [...new Set(named)].map((path) => readFileSync(path, 'utf8'));
  const adding = allocator && scripts.some((text) => text.includes('class WasmModuleBuilder'));
  return [
    `(${harness})();`,
    ...scripts,
    ...(adding ? [`(${addAllocator})();`] : []),
    source,
    'runTests();',
  ].join('\n;\n');
}

function run(program, hooked) {
  return new Promise((done) => {
    const options = hooked ? ['--require', hooks] : [];
    const child = spawn(process.execPath, ['--no-warnings', '--expose-gc', ...options, '-'], {
      timeout: LONGEST_MS,
      env: { ...process.env, ...(hooked && { OTRACE_HEAP: 'wasm', OTRACE_HEAP_SAMPLE: '1' }) },
    });
    let output = '';
    child.stdout.on('data', (data) => (output += data));
    child.stderr.on('data', (data) => (output += data));
    child.on('close', () => done(output));
    // Run as a script of the global scope: its functions and constants are global ones.
    child.stdin.end(`require('node:vm').runInThisContext(${JSON.stringify(program)}, 'test.any.js')`);
  });
}

function addAllocator() {
  const { toBuffer } = WasmModuleBuilder.prototype;
  const done = new WeakSet();
  globalThis.builtModules = [];
  WasmModuleBuilder.prototype.toBuffer = function (...args) {
    const hasMemory = this.memory !== undefined || this.imports.some(({ kind }) => kind === kExternalMemory);
    if (!done.has(this) && this.explicit.length === 0) {
      done.add(this);
      if (!hasMemory) this.addMemory(1, 1);
      const top = this.addGlobal(kWasmI32, true, [kExprI32Const, 16]).index;
      const index = [(top & 0x7f) | 0x80, ((top >> 7) & 0x7f) | 0x80, top >> 14];
      const body = [kExprGlobalGet, ...index, kExprLocalGet, 0, kExprI32Add, kExprGlobalSet, ...index];
      this.addFunction('malloc', { params: [kWasmI32], results: [kWasmI32] }).addBody([
        kExprGlobalGet,
        ...index,
        ...body,
      ]);
      this.addFunction('free', { params: [kWasmI32], results: [] }).addBody([]);
      // Rewriting leaves out what is smaller than any allocator.
      this.addCustomSection('padding', new Array(400).fill(0));
    }
    const bytes = toBuffer.apply(this, args);
    globalThis.builtModules.push(bytes.slice());
    return bytes;
  };
}

function harness() {
  const tests = [];
  const told = new Set();
  const show = (value) =>
    typeof value === 'string'
      ? `"${value}"`
      : typeof value === 'symbol' || Object(value) !== value
        ? String(value)
        : `[${typeof value}]`;
  const fail = (message, description) => {
    throw new Error(`${description ?? ''}: ${message}`);
  };
  const globals = {
    test: (run, name) => tests.push({ run, name }),
    promise_test: (run, name) => tests.push({ run, name }),
    setup: (work) => typeof work === 'function' && work(),
    format_value: show,
    assert_true: (actual, text) => actual === true || fail(`true expected, not ${show(actual)}`, text),
    assert_false: (actual, text) => actual === false || fail(`false expected, not ${show(actual)}`, text),
    assert_equals: (actual, expected, text) =>
      Object.is(actual, expected) || fail(`${show(expected)} expected, not ${show(actual)}`, text),
    assert_not_equals: (actual, other, text) =>
      !Object.is(actual, other) || fail(`${show(other)} not expected`, text),
    assert_array_equals(actual, expected, text) {
      if (typeof actual !== 'object' || actual.length !== expected.length)
        fail(`length ${actual?.length}, not ${expected.length}`, text);
      for (let i = 0; i < expected.length; i++)
        globals.assert_equals(actual[i], expected[i], `${text} [${i}]`);
    },
    assert_own_property: (object, key, text) =>
      Object.hasOwn(object, key) || fail(`${String(key)} missing`, text),
    assert_not_own_property: (object, key, text) =>
      !Object.hasOwn(object, key) || fail(`${String(key)} there`, text),
    assert_class_string: (object, name, text) =>
      globals.assert_equals(Object.prototype.toString.call(object), `[object ${name}]`, text),
    assert_unreached: (text) => fail('reached', text),
    assert_not_reached: (text) => fail('reached', text),
    assert_throws(expected, work, text) {
      globals.assert_throws_js(expected.constructor, work, text);
    },
    assert_throws_js(type, work, text) {
      try {
        work();
      } catch (error) {
        if (error?.constructor === type && error.name === type.name) return;
        fail(`threw ${error}, not ${type.name}`, text);
      }
      fail('did not throw', text);
    },
    assert_throws_exactly(expected, work, text) {
      try {
        work();
      } catch (error) {
        return globals.assert_equals(error, expected, text);
      }
      fail('did not throw', text);
    },
    promise_rejects: (t, expected, promise, text) =>
      globals.promise_rejects_js(t, expected.constructor, promise, text),
    promise_rejects_js: (_, type, promise, text) =>
      promise.then(
        () => fail('did not reject', text),
        (error) =>
          (error?.constructor === type && error.name === type.name) ||
          fail(`rejected with ${error}, not ${type.name}`, text),
      ),
    promise_rejects_exactly: (_, expected, promise, text) =>
      promise.then(
        () => fail('did not reject', text),
        (error) => globals.assert_equals(error, expected, text),
      ),
    async runTests() {
      for (const { run, name } of tests) {
        const cleanups = [];
        const context = { add_cleanup: (work) => cleanups.push(work), step_func: (work) => work };
        const end = await (async () => run.call(context, context))().then(
          () => 'pass',
          (error) => `fail (${String(error?.message ?? error).replaceAll('\n', ' ')})`,
        );
        for (const work of cleanups) await work();
        const known = told.has(name) ? `${name} again` : name;
        told.add(name);
        console.log(end === 'pass' ? `pass ${known}` : `fail ${known} ${end.slice(5)}`);
      }
      const marks = (globalThis.builtModules ?? []).map((bytes) => {
        try {
          return WebAssembly.Module.customSections(new WebAssembly.Module(bytes), '\0otrace:module').length;
        } catch {
          return 0; // one that is not valid, on purpose
        }
      });
      console.log(`rewritten ${marks.reduce((sum, mark) => sum + mark, 0)}`);
    },
  };
  Object.assign(globalThis, globals);
  globalThis.self = globalThis;
}
