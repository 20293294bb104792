import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { ByteReader } from '../../../src/sources/wasm/byte-reader.js';
import type { Limits } from '../../../src/sources/wasm/module-imports.js';
import { parseModule } from '../../../src/sources/wasm/module-sections.js';
import { KIND } from '../../../src/wat/binary-codes.js';
import { ByteWriter } from '../../../src/wat/byte-writer.js';
import { signedLebSize, unsignedLebSize } from '../../../src/wat/leb128.js';
import { REAL_MODULES } from './real-modules.js';
import { assemble } from './wat.js';

const KIND_NAMES = ['function', 'table', 'memory', 'global', 'tag'];

for (const [name, load] of Object.entries(REAL_MODULES)) {
  test(`imports, exports and custom sections of ${name} are those that the engine sees`, () => {
    const bytes = load();
    const module = parseModule(bytes);
    const compiled = new WebAssembly.Module(bytes);
    assert.deepEqual(
      module.imports.map((entry) => ({
        module: entry.module,
        name: entry.name,
        kind: KIND_NAMES[entry.kind],
      })),
      WebAssembly.Module.imports(compiled).map(({ module, name, kind }) => ({ module, name, kind })),
    );
    assert.deepEqual(
      module.exports.map((entry) => ({ name: entry.name, kind: KIND_NAMES[entry.kind] })),
      WebAssembly.Module.exports(compiled).map(({ name, kind }) => ({ name, kind })),
    );
    for (const { name: label, start, end, id } of module.sections) {
      if (id !== 0) continue;
      const sections = WebAssembly.Module.customSections(compiled, label).map((section) =>
        Buffer.from(section),
      );
      assert.ok(
        sections.some((section) => section.equals(bytes.subarray(start, end))),
        label,
      );
    }
    assert.equal(module.code.bodyEnds.at(-1), module.sections.find(({ id }) => id === 10)?.end);
  });
}

test('function names, signatures and counts', () => {
  const module = parseModule(
    assemble(`(module (import "m" "f" (func $in (param i32 f64))) (import "m" "t" (table 1 externref))
      (memory i64 1) (table 2 funcref) (global i32 (i32.const 1)) (tag)
      (func $first (result i64 i64) (i64.const 1) (i64.const 2)) (func (param externref)))`),
  );
  assert.deepEqual(
    [...module.functionNames],
    [
      [0, 'in'],
      [1, 'first'],
    ],
  );
  assert.deepEqual(module.functionType(0).params, [0x7f, 0x7c]);
  assert.deepEqual(module.functionType(1).results, [0x7e, 0x7e]);
  assert.deepEqual(module.functionType(2).params, [0x6f]);
  assert.deepEqual(
    [KIND.function, KIND.table, KIND.memory, KIND.global, KIND.tag].map((k) => module.count(k)),
    [3, 2, 1, 1, 1],
  );
  const [{ flagsAt, ...memory }, ...others] = module.memories as [Limits, ...Limits[]];
  assert.deepEqual([memory, others], [{ initial: 1, maximum: undefined, shared: false, wide: true }, []]);
  assert.deepEqual(
    [...module.bytes.subarray(flagsAt - 1, flagsAt + 2)],
    [1, 4, 1],
    'one memory: flags, size',
  );
});

test('type indices stay right after recursion groups, subtypes, structs, arrays and continuations', () => {
  const types = [
    [
      0x4e, 0x03, 0x5f, 0x02, 0x7f, 0x01, 0x63, 0x02, 0x00, 0x50, 0x01, 0x00, 0x5e, 0x78, 0x00, 0x4f, 0x00,
      0x60, 0x01, 0x64, 0x00, 0x01, 0x63, 0x70,
    ],
    [0x4e, 0x00],
    [0x5d, 0x02],
    [0x60, 0x02, 0x7f, 0x7e, 0x01, 0x7c],
  ];
  const content = [types.length, ...types.flat()];
  const module = parseModule(
    Uint8Array.from([0, 0x61, 0x73, 0x6d, 1, 0, 0, 0, 1, content.length, ...content]),
  );
  assert.deepEqual(
    module.typeSection.types.map((type) => type?.params),
    [undefined, undefined, [0x64], undefined, [0x7f, 0x7e]],
  );
  assert.equal(module.typeSection.entryCount, 4);
});

test('imports in the compact form', () => {
  const many = [1, 0x65, 0, 0x7f, 2, 1, 0x61, 0, 3, 1, 0x62, 3, 0x7f, 0];
  const alike = [1, 0x65, 0, 0x7e, 0, 4, 2, 1, 0x63, 1, 0x64];
  const content = [2, ...many, ...alike];
  const module = parseModule(
    Uint8Array.from([0, 0x61, 0x73, 0x6d, 1, 0, 0, 0, 2, content.length, ...content]),
  );
  assert.deepEqual(
    module.imports.map(({ module, name, kind, typeIndex }) => [module, name, kind, typeIndex]),
    [
      ['e', 'a', 0, 3],
      ['e', 'b', 3, 0],
      ['e', 'c', 0, 4],
      ['e', 'd', 0, 4],
    ],
  );
});

test('errors name the section and the byte offset', () => {
  const bytes = assemble('(module (func (export "f")))');
  const cases: [Uint8Array, RegExp][] = [
    [Uint8Array.of(1, 2, 3), /^header, byte offset 0x0: this is no WebAssembly module/],
    [Uint8Array.from([...bytes.subarray(0, 8), 99, 0]), /^module, byte offset 0x8: section 99 is not known/],
    [
      Uint8Array.from([...bytes.subarray(0, 8), 1, 1, 0, 1, 1, 0]),
      /^module, byte offset 0xb: section 1 occurs twice/,
    ],
    [
      Uint8Array.from([...bytes.subarray(0, 8), 1, 2, 1, 0x30]),
      /^type section, byte offset 0xb: 1 entries can't fit/,
    ],
    [
      Uint8Array.from([...bytes.subarray(0, 8), 1, 3, 1, 0x30, 0]),
      /^type section, byte offset 0xc: type form 0x30/,
    ],
    [Uint8Array.from([...bytes.subarray(0, 8), 3, 2, 1, 0]), /^code section, .*: it has not one body/],
    [bytes.subarray(0, bytes.length - 1), /cut short|past the end|can't fit/],
  ];
  for (const [malformed, message] of cases) {
    assert.throws(() => parseModule(malformed), { code: 'OTRACE_WASM', message });
  }
});

test('LEB128 numbers and names survive writing and reading, in the size that was told', () => {
  fc.assert(
    fc.property(
      fc.integer({ min: 0, max: 2 ** 32 - 1 }),
      fc.integer(),
      fc.string({ unit: 'binary' }),
      (u, s, text) => {
        const writer = new ByteWriter(1);
        writer.u32(u);
        assert.equal(writer.length, unsignedLebSize(u));
        const afterUnsigned = writer.length;
        writer.s32(s);
        assert.equal(writer.length - afterUnsigned, signedLebSize(s));
        const afterSigned = writer.length;
        writer.name(text);
        const bytes = writer.written();
        const reader = new ByteReader(bytes, 0, bytes.length, 'test');
        assert.equal(reader.u32(), u);
        reader.skipLeb(5);
        assert.equal(reader.position, afterSigned);
        assert.equal(reader.name(), text);
        assert.ok(reader.atEnd);
      },
    ),
    { seed: 1, numRuns: 2000 },
  );
});
