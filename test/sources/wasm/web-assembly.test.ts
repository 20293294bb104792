// What a program sees of WebAssembly with the hooks in place must be what it sees without them.
import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { MessageChannel, receiveMessageOnPort, Worker } from 'node:worker_threads';
import { ALLOCATOR } from './allocator-wat.js';
import { growth, traced } from './traced.js';
import { assemble } from './wat.js';

const plain = {
  Module: WebAssembly.Module,
  Instance: WebAssembly.Instance,
  compile: WebAssembly.compile,
  instantiate: WebAssembly.instantiate,
  compileStreaming: WebAssembly.compileStreaming,
  instantiateStreaming: WebAssembly.instantiateStreaming,
  moduleExports: WebAssembly.Module.exports,
  exportsGetter: Object.getOwnPropertyDescriptor(WebAssembly.Instance.prototype, 'exports')!.get!,
};

const MODULE = assemble(`(module
  (import "env" "log" (func $log (param i32)))
  ${ALLOCATOR}
  (table (export "table") 1 funcref)
  (global (export "7") i32 (i32.const 7))
  (func (export "main") (result i32) (call $log (i32.const 1)) (call $malloc (i32.const 40))))`);
const IMPORTS = { env: { log: () => {} } };

const early = new WebAssembly.Module(MODULE);
const { source, warnings } = traced();
source.install();
source.arm();

type Run = { main(): number; malloc(bytes: number): number };
const runs = (instance: WebAssembly.Instance): number => {
  const before = source.snapshot();
  (instance.exports as unknown as Run).main();
  return growth(before, source.snapshot()).blocks;
};

const wasmResponse = (bytes: Uint8Array<ArrayBuffer>): Response =>
  new Response(bytes, { headers: { 'content-type': 'application/wasm' } });

describe('every way in is seen', () => {
  test('instantiate with bytes, in every form', async () => {
    for (const bytes of [MODULE, MODULE.buffer, new DataView(MODULE.buffer), Buffer.from(MODULE)]) {
      const { instance, module } = await WebAssembly.instantiate(bytes, IMPORTS);
      assert.equal(runs(instance), 1);
      assert.equal(runs(await WebAssembly.instantiate(module, IMPORTS)), 1);
    }
  });
  test('bytes that lie within a larger buffer', async () => {
    const larger = new Uint8Array(MODULE.length + 100);
    larger.set(MODULE, 50);
    const { instance } = await WebAssembly.instantiate(larger.subarray(50, 50 + MODULE.length), IMPORTS);
    assert.equal(runs(instance), 1);
  });
  test('compile, then new Instance', async () => {
    assert.equal(runs(new WebAssembly.Instance(await WebAssembly.compile(MODULE), IMPORTS)), 1);
  });
  test('new Module, new Instance', () => {
    assert.equal(runs(new WebAssembly.Instance(new WebAssembly.Module(MODULE), IMPORTS)), 1);
  });
  test('compileStreaming and instantiateStreaming', async () => {
    const module = await WebAssembly.compileStreaming(wasmResponse(MODULE));
    assert.equal(runs(await WebAssembly.instantiate(module, IMPORTS)), 1);
    const response = wasmResponse(MODULE);
    const { instance } = await WebAssembly.instantiateStreaming(Promise.resolve(response), IMPORTS);
    assert.equal(runs(instance), 1);
    assert.equal(response.bodyUsed, true);
  });
  test('a subclass of either class', () => {
    class MyModule extends WebAssembly.Module {}
    class MyInstance extends WebAssembly.Instance {}
    const module = new MyModule(MODULE);
    const instance = new MyInstance(module, IMPORTS);
    assert.ok(module instanceof MyModule && instance instanceof MyInstance);
    assert.equal(runs(instance), 1);
  });
  test('a module that went through a message', () => {
    const { port1, port2 } = new MessageChannel();
    port1.postMessage(new WebAssembly.Module(MODULE));
    const { message } = receiveMessageOnPort(port2) as { message: WebAssembly.Module };
    port1.close();
    assert.equal(runs(new WebAssembly.Instance(message, IMPORTS)), 1);
  });
  test('one that needs builtins of the engine, its start function moved', async (t) => {
    const bytes = assemble(`(module
      (import "wasm:js-string" "length" (func $length (param externref) (result i32)))
      ${ALLOCATOR}
      (func (export "main") (drop (call $malloc (i32.const 40))))
      (func $start (drop (call $malloc (i32.const 8))))
      (start $start))`);
    const options = { builtins: ['js-string'] };
    const Module = WebAssembly.Module as new (bytes: BufferSource, options: object) => WebAssembly.Module;
    const make = (module: WebAssembly.Module) => new WebAssembly.Instance(module);
    try {
      new plain.Instance(new (plain.Module as typeof Module)(bytes, options));
    } catch {
      return t.skip('this engine has none');
    }
    const before = source.snapshot();
    const { compile, compileStreaming, instantiate, instantiateStreaming } = WebAssembly as unknown as Record<
      string,
      (...args: unknown[]) => Promise<never>
    >;
    const made = [
      make(new Module(bytes, options)),
      make(await compile!(bytes, options)),
      make(await compileStreaming!(wasmResponse(bytes), options)),
      ((await instantiate!(bytes, {}, options)) as WebAssembly.WebAssemblyInstantiatedSource).instance,
      (
        (await instantiateStreaming!(
          wasmResponse(bytes),
          {},
          options,
        )) as WebAssembly.WebAssemblyInstantiatedSource
      ).instance,
    ];
    assert.equal(growth(before, source.snapshot()).blocks, made.length);
    for (const instance of made) assert.equal(runs(instance), 1);
  });
  test('not: a module compiled before; it works as it did', () => {
    assert.equal(runs(new WebAssembly.Instance(early, IMPORTS)), 0);
  });
  test('a worker without hooks can use a module that was rewritten here', async () => {
    const worker = new Worker(
      `const { parentPort } = require('node:worker_threads');
       parentPort.once('message', (module) => {
         const { exports } = new WebAssembly.Instance(module, { env: { log() {} } });
         parentPort.postMessage([exports.main(), Object.keys(exports).filter((name) => name[0] !== '\\0').length]);
       });`,
      { eval: true, execArgv: [] },
    );
    worker.postMessage(new WebAssembly.Module(MODULE));
    const [block, count] = await new Promise<[number, number]>((resolve, reject) => {
      worker.once('message', resolve).once('error', reject);
    });
    await worker.terminate();
    assert.ok(block > 0);
    assert.equal(count, plain.moduleExports(early).length);
  });
});

describe('nothing of it shows', () => {
  const module = new WebAssembly.Module(MODULE);
  const instance = new WebAssembly.Instance(module, IMPORTS);
  const before = new plain.Instance(early, IMPORTS);

  test('exports, imports and custom sections of a module', () => {
    assert.deepEqual(WebAssembly.Module.exports(module), plain.moduleExports(early));
    assert.deepEqual(WebAssembly.Module.imports(module), WebAssembly.Module.imports(early));
    for (const name of ['name', 'producers', '']) {
      assert.deepEqual(
        WebAssembly.Module.customSections(module, name),
        WebAssembly.Module.customSections(early, name),
      );
    }
  });
  test('the exports object', () => {
    assert.equal(instance.exports, instance.exports);
    assert.equal(Object.getPrototypeOf(instance.exports), null);
    assert.ok(Object.isFrozen(instance.exports));
    assert.deepEqual(Reflect.ownKeys(instance.exports), Reflect.ownKeys(before.exports));
    for (const name of Object.keys(before.exports)) {
      const expected = Object.getOwnPropertyDescriptor(before.exports, name)!;
      const actual = Object.getOwnPropertyDescriptor(instance.exports, name)!;
      assert.deepEqual({ ...actual, value: 0 }, { ...expected, value: 0 });
      assert.equal(typeof actual.value, typeof expected.value);
      if (typeof expected.value !== 'function') continue;
      assert.equal(actual.value.name, expected.value.name);
      assert.equal(actual.value.length, expected.value.length);
    }
    assert.deepEqual(Reflect.ownKeys(instance), []);
  });
  test('what is imported is asked for once, and its memory known all the same', () => {
    const asked: string[] = [];
    const env = {
      get memory() {
        asked.push('memory');
        return new WebAssembly.Memory({ initial: 7 });
      },
    };
    const imports = {
      get env() {
        asked.push('env');
        return env;
      },
    };
    const inner = ALLOCATOR.replace('(memory (export "memory") 4)', '');
    for (const text of [inner, '(func (result i32) (i32.const 1))'.repeat(60)]) {
      const bytes = assemble(`(module (import "env" "memory" (memory 4)) ${text})`);
      new WebAssembly.Instance(new WebAssembly.Module(bytes), imports);
      assert.deepEqual(asked.splice(0), ['env', 'memory']);
    }
    assert.match(JSON.stringify(source.snapshot().facts), / memory 458752 bytes/);
    assert.match(warnings.splice(0).join('\n'), /^otrace: no allocator to hook in [^\n]*$/);
  });
  test('classes and functions', () => {
    assert.ok(module instanceof WebAssembly.Module && early instanceof WebAssembly.Module);
    assert.ok(instance instanceof WebAssembly.Instance);
    assert.equal(module.constructor, WebAssembly.Module);
    assert.equal(instance.constructor, WebAssembly.Instance);
    assert.equal(Object.getPrototypeOf(module), WebAssembly.Module.prototype);
    assert.equal(Object.prototype.toString.call(instance), '[object WebAssembly.Instance]');
    for (const name of [
      'compile',
      'instantiate',
      'compileStreaming',
      'instantiateStreaming',
      'Module',
      'Instance',
    ] as const) {
      assert.equal(WebAssembly[name].name, plain[name].name);
      assert.equal(WebAssembly[name].length, plain[name].length);
      assert.match(Function.prototype.toString.call(WebAssembly[name]), /\[native code\]/);
    }
    const now = Object.getOwnPropertyDescriptor(WebAssembly, 'Module')!;
    assert.deepEqual([now.writable, now.enumerable, now.configurable], [true, false, true]);
  });
});

describe("errors are the engine's own", () => {
  const cut = MODULE.slice(0, MODULE.length - 20);
  // It parses, but a body does not validate.
  const unsound = assemble(`(module ${ALLOCATOR} (func (result i32) (i64.const 1)))`);

  const thrown = (work: () => unknown): string => {
    try {
      work();
      return 'nothing';
    } catch (error) {
      return String(error);
    }
  };
  const rejected = async (work: () => Promise<unknown>): Promise<string> =>
    work().then(() => 'nothing', String);

  test('bad arguments and malformed modules', async () => {
    for (const bytes of [
      cut,
      unsound,
      new Uint8Array(400),
      new Uint8Array(0),
      {},
      undefined,
      'x',
      7,
    ] as never[]) {
      assert.equal(
        thrown(() => new WebAssembly.Module(bytes)),
        thrown(() => new plain.Module(bytes)),
      );
      assert.equal(
        await rejected(() => WebAssembly.compile(bytes)),
        await rejected(() => plain.compile(bytes)),
      );
      assert.equal(
        await rejected(() => WebAssembly.instantiate(bytes, IMPORTS)),
        await rejected(() => plain.instantiate(bytes, IMPORTS)),
      );
      assert.equal(
        thrown(() => new WebAssembly.Instance(bytes)),
        thrown(() => new plain.Instance(bytes)),
      );
    }
    assert.equal(
      thrown(() => (WebAssembly.Module as never as () => void)()),
      thrown(() => (plain.Module as never as () => void)()),
    );
    assert.match(
      thrown(() => new WebAssembly.Module(cut)),
      /CompileError/,
    );
  });
  test('imports that are missing or of the wrong kind', async () => {
    for (const imports of [undefined, {}, { env: {} }, { env: { log: 1 } }, 7] as never[]) {
      const mine = new WebAssembly.Module(MODULE);
      assert.equal(
        thrown(() => new WebAssembly.Instance(mine, imports)),
        thrown(() => new plain.Instance(early, imports)),
      );
      assert.equal(
        await rejected(() => WebAssembly.instantiate(MODULE, imports)),
        await rejected(() => plain.instantiate(MODULE, imports)),
      );
    }
  });
  test('streams that are no WebAssembly', async () => {
    const odd: (() => unknown)[] = [
      () => new Response('x'),
      () => new Response('x', { headers: { 'content-type': 'application/wasm' } }),
      () => new Response('x', { status: 404, headers: { 'content-type': 'application/wasm' } }),
      () => 7,
      () => Promise.reject(new Error('no network')),
    ];
    for (const make of odd) {
      assert.equal(
        await rejected(() => WebAssembly.compileStreaming(make() as Response)),
        await rejected(() => plain.compileStreaming(make() as Response)),
      );
      assert.equal(
        await rejected(() => WebAssembly.instantiateStreaming(make() as Response, IMPORTS)),
        await rejected(() => plain.instantiateStreaming(make() as Response, IMPORTS)),
      );
    }
  });
  test('a start function that throws, and what an import throws', async () => {
    const bytes = assemble(`(module (import "env" "log" (func $log (param i32))) ${ALLOCATOR}
      (func $start (drop (call $malloc (i32.const 8))) (call $log (i32.const 1))) (start $start))`);
    const error = new Error('from log');
    const imports = {
      env: {
        log: () => {
          throw error;
        },
      },
    };
    assert.throws(
      () => new WebAssembly.Instance(new WebAssembly.Module(bytes), imports),
      (e) => e === error,
    );
    await assert.rejects(WebAssembly.instantiate(bytes, imports), (e) => e === error);
  });
});

test('nothing was warned of', () => {
  assert.deepEqual(warnings, []);
});
