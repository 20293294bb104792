// With the hooks in place a program sees the classes and functions that it knows. Each expectation is what the same
// expression gives in a process without hooks, which evaluates the same text.
import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import { createRequire } from 'node:module';
import { describe, it } from 'node:test';
import v8 from 'node:v8';
import vm from 'node:vm';
import { hookBuffers } from './hooked.js';

// biome-ignore format: a list of names
const CLASSES = [
  'ArrayBuffer', 'SharedArrayBuffer', 'Int8Array', 'Uint8Array', 'Uint8ClampedArray', 'Int16Array', 'Uint16Array',
  'Int32Array', 'Uint32Array', 'Float32Array', 'Float64Array', 'BigInt64Array', 'BigUint64Array', 'Blob',
];

/** Expressions over a class `C`; each gives something that JSON can hold. */
const OF_A_CLASS = [
  'C.name',
  'C.length',
  'typeof C',
  'C === C.prototype.constructor',
  'globalThis[name] === C',
  'Object.getOwnPropertyDescriptor(globalThis, name).enumerable',
  'Object.getOwnPropertyDescriptor(globalThis, name).writable',
  'Object.getOwnPropertyDescriptor(globalThis, name).configurable',
  'Reflect.ownKeys(C).map(String)',
  '((d) => [d.writable, d.enumerable, d.configurable])(Object.getOwnPropertyDescriptor(C, "prototype"))',
  'Reflect.ownKeys(C.prototype).map(String)',
  'Object.getOwnPropertyDescriptor(C.prototype, "constructor").enumerable',
  'Object.getOwnPropertyDescriptor(C.prototype, "constructor").writable',
  'Object.getPrototypeOf(C) === Object.getPrototypeOf(Int8Array) || Object.getPrototypeOf(C) === Function.prototype',
  'Object.isExtensible(C)',
  'Object.prototype.toString.call(C)',
  'name === "Blob" || require("node:util").inspect(C)', // a function, not a class: see constructors.ts
  '/^(?:function |class )[^]*\\}$/.test(Function.prototype.toString.call(C))',
  'new C() instanceof C',
  'new C().constructor === C',
  'Object.getPrototypeOf(new C()) === C.prototype',
  'error(() => C())',
  'error(() => new C(Symbol()))',
  'error(() => Reflect.construct(Object, [], 1))',
  '(() => { class D extends C { y = 1 } const d = new D(); return [d instanceof D, d instanceof C, d.constructor === D, d.y, D.name, Object.getPrototypeOf(D) === C] })()',
  '(() => { function F() {} F.prototype = Array.prototype; return Reflect.construct(C, [], F) instanceof Array })()',
  '(() => { let t; class D extends C { constructor() { super(); t = new.target === D } } new D(); return t })()',
];

const OF_AN_ARRAY = [
  'C.BYTES_PER_ELEMENT === C.prototype.BYTES_PER_ELEMENT',
  'error(() => new C(-1))',
  'error(() => new C(new ArrayBuffer(9), 3, 100))',
  'C[Symbol.species] === C',
  'new C(100).slice(2).constructor === C',
  'new C(100).subarray(2).constructor === C',
  'new C(100).map((x) => x).constructor === C',
  'C.from([]).constructor === C',
  'C.of().constructor === C',
  '(() => { class D extends C {} const d = new D(100); return [d.slice(1).constructor === D, d.map((x) => x) instanceof D, D.from([]).constructor === D] })()',
  '(() => { class D extends C { static get [Symbol.species]() { return Int8Array } } try { return new D(100).slice(1).constructor.name } catch (e) { return e.name } })()',
  'new C(new ArrayBuffer(64), 8, 2).byteOffset',
  'new C(new C(3)).length',
  'require("node:util").inspect(new C(2))',
  'require("node:util").inspect(new (class Own extends C {})(2))',
  'structuredClone(new C(100)).constructor === C',
  '(() => { const a = new C(100); return require("node:v8").deserialize(require("node:v8").serialize(a)).constructor === C })()',
  'require("node:assert").deepStrictEqual(new C(5), new C(5))',
  'require("node:vm").runInNewContext("x instanceof C", { x: new C(1), C })',
  'require("node:vm").runInNewContext(name + ".prototype.constructor === " + name)',
];

const OTHERS = [
  'Object.getPrototypeOf(Buffer) === Uint8Array',
  'Buffer.alloc(5) instanceof Uint8Array',
  'Buffer.alloc(5).constructor === Buffer',
  'Reflect.ownKeys(Buffer).map(String).sort()',
  '["alloc", "allocUnsafe", "allocUnsafeSlow", "from", "concat", "copyBytesFrom"].map((f) => [Buffer[f].name, Buffer[f].length, Object.getOwnPropertyDescriptor(Buffer, f).enumerable])',
  'error(() => Buffer.alloc(-1))',
  'error(() => Buffer.alloc("5"))',
  'error(() => Buffer.from(5))',
  'error(() => Buffer.from(null))',
  'error(() => Buffer.concat(5))',
  'Buffer.from("aGk=", "base64").toString()',
  'Buffer.from([1, 2, 3]).toJSON()',
  'Buffer.from(new Uint16Array([1, 2]).buffer, 1, 2).length',
  'Buffer.from({ type: "Buffer", data: [1] }).length',
  'Buffer.concat([Buffer.from("ab"), Buffer.from("c")], 2).toString()',
  'new Uint8Array(4).buffer instanceof ArrayBuffer',
  'ArrayBuffer.isView(new Uint8Array(1))',
  'ArrayBuffer[Symbol.species] === ArrayBuffer',
  'new ArrayBuffer(100).slice(1) instanceof ArrayBuffer',
  '(() => { class D extends ArrayBuffer {} return new D(100).slice(1).constructor === D })()',
  'require("node:buffer").Blob === Blob',
  'new Blob(["abc"]).slice(1).constructor === Blob',
  'require("node:buffer").resolveObjectURL(URL.createObjectURL(new Blob(["abc"]))).constructor === Blob',
  '(() => { const { toString } = Number.prototype; Number.prototype.toString = () => undefined; try { return new Uint8Array(1234).length } finally { Number.prototype.toString = toString } })()',
  'error(() => new (require("node:buffer").File)())',
  'error(() => new (require("node:buffer").File)([]))',
  'new (require("node:buffer").File)([], undefined).name',
  'structuredClone.name + structuredClone.length',
  'error(() => structuredClone(() => {}))',
  'ArrayBuffer.prototype.slice.length',
  '["resize", "transfer"].map((m) => ArrayBuffer.prototype[m] && [ArrayBuffer.prototype[m].name, ArrayBuffer.prototype[m].length])',
  'error(() => ArrayBuffer.prototype.resize.call({}))',
  'error(() => new ArrayBuffer.prototype.resize())',
  'require("node:util").types.isUint8Array(new Uint8Array(1))',
  'new TextDecoder().decode(new TextEncoder().encode("hé"))',
];

const EVALUATE = `(require) => {
  const error = (work) => { try { work(); return 'no error' } catch (e) { return e.name + ': ' + e.message } };
  const value = (name, text) => {
    try {
      return new Function('name', 'C', 'error', 'require', 'return ' + text)(name, globalThis[name], error, require) ?? null;
    } catch (e) { return 'threw ' + e };
  };
  const isArray = (name) => globalThis[name].BYTES_PER_ELEMENT !== undefined;
  const all = {};
  for (const name of CLASSES) {
    for (const text of [...OF_A_CLASS, ...(isArray(name) ? OF_AN_ARRAY : [])]) all[name + ': ' + text] = value(name, text);
  }
  for (const text of OTHERS) all[text] = value('Buffer', text);
  return JSON.stringify(all);
}`;

const program = `(() => {
  const CLASSES = ${JSON.stringify(CLASSES)}, OF_A_CLASS = ${JSON.stringify(OF_A_CLASS)};
  const OF_AN_ARRAY = ${JSON.stringify(OF_AN_ARRAY)}, OTHERS = ${JSON.stringify(OTHERS)};
  return ${EVALUATE};
})()`;

/** The classes whose properties V8 keeps in a hash table. */
function slowClasses(): string[] {
  v8.setFlagsFromString('--allow-natives-syntax');
  const isFast = new Function('object', 'return %HasFastProperties(object)') as (object: unknown) => boolean;
  v8.setFlagsFromString('--no-allow-natives-syntax');
  const global = globalThis as unknown as Record<string, unknown>;
  return CLASSES.filter((name) => !isFast(global[name]));
}

describe('a program with the hooks in place', () => {
  const script = `process.stdout.write(${program}(require))`;
  const plain = JSON.parse(
    execFileSync(process.execPath, ['--no-warnings', '-e', script], { encoding: 'utf8', maxBuffer: 1e8 }),
  ) as Record<string, unknown>;
  const { heap, warnings } = hookBuffers();
  const slow = slowClasses(); // now: what the expressions do with the classes lays them out anew
  const run = vm.runInThisContext(program) as (require: unknown) => string;
  const required = createRequire(import.meta.url);
  const evaluate = (): Record<string, unknown> => JSON.parse(run(required)) as Record<string, unknown>;

  /** What differs, so that a failure is short. */
  const differences = (): string[] =>
    Object.entries(evaluate())
      .filter(([text, value]) => JSON.stringify(value) !== JSON.stringify(plain[text]))
      .map(([text, value]) => `${text}: ${JSON.stringify(value)}, not ${JSON.stringify(plain[text])}`);

  it('sees what it sees without them', () => {
    assert.ok(Object.keys(plain).length > 500);
    assert.deepEqual(differences(), []);
  });

  it('at the same speed: no class has its properties in a hash table', () => {
    assert.deepEqual(slow, []);
  });

  it('and while the source is off', () => {
    heap.disable();
    assert.deepEqual(differences(), []);
    assert.deepEqual(warnings, []);
  });
});
