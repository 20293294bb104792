import assert from 'node:assert/strict';
import { test } from 'node:test';
import { BinaryReader } from 'wasmparser';
import { EVENT } from '../../../src/sources/wasm/body-scanner.js';
import { scanCode } from '../../../src/sources/wasm/code-scan.js';
import { parseModule } from '../../../src/sources/wasm/module-sections.js';
import { REAL_MODULES } from './real-modules.js';

// The parser's own names for these are ambient const enums, which can't be imported here.
const BEGIN_FUNCTION_BODY = 28;
const CODE_OPERATOR = 30;
const OPERATOR = { return: 0x0f, call: 0x10, callIndirect: 0x11 };

/** Calls and returns as an independent parser reads them, function after function. */
function referenceEvents(bytes: Uint8Array): string[] {
  const events: string[] = [];
  const reader = new BinaryReader();
  reader.setData(bytes.buffer as ArrayBuffer, bytes.byteOffset, bytes.byteLength);
  while (reader.read()) {
    if ((reader.state as number) === BEGIN_FUNCTION_BODY) events.push('function');
    if ((reader.state as number) !== CODE_OPERATOR) continue;
    const { code, funcIndex } = reader.result as unknown as Record<'code' | 'funcIndex', number>;
    if (code === OPERATOR.call) events.push(`call ${funcIndex}`);
    else if (code === OPERATOR.callIndirect) events.push('indirect');
    else if (code === OPERATOR.return) events.push('return');
  }
  return events;
}

for (const [name, load] of Object.entries(REAL_MODULES)) {
  test(`calls and returns of ${name} are those that another parser finds`, () => {
    const bytes = load();
    const scan = scanCode(parseModule(bytes));
    const events: string[] = [];
    for (let body = 0; body + 1 < scan.firstEvent.length; body++) {
      events.push('function');
      for (let e = scan.firstEvent[body]!; e < scan.firstEvent[body + 1]!; e++) {
        if (scan.kind[e] === EVENT.call) events.push(`call ${scan.operand[e]}`);
        else events.push(scan.kind[e] === EVENT.return ? 'return' : 'indirect');
      }
    }
    assert.deepEqual(events, referenceEvents(bytes));
  });
}

/** A module of one function with these instructions and no locals. */
function moduleOf(code: readonly number[]): Uint8Array {
  const body = [0, ...code, 0x0b];
  const header = [0, 0x61, 0x73, 0x6d, 1, 0, 0, 0];
  return Uint8Array.from([
    ...header,
    1,
    4,
    1,
    0x60,
    0,
    0,
    3,
    2,
    1,
    0,
    10,
    body.length + 2,
    1,
    body.length,
    ...body,
  ]);
}

/** One of each encoding; the two calls at the end are found only if every length before them is right. */
const INSTRUCTIONS: Record<string, readonly number[]> = {
  'block with a type index of two bytes': [0x02, 0x80, 0x01, 0x0b],
  'block of a reference type': [0x02, 0x63, 0x70, 0x0b, 0x02, 0x64, 0x85, 0x01, 0x0b],
  'loop, if, else': [0x03, 0x40, 0x41, 0x00, 0x04, 0x7f, 0x41, 0x01, 0x05, 0x41, 0x02, 0x0b, 0x1a, 0x0b],
  'br_table with long labels': [0x0e, 0x03, 0x80, 0x00, 0x01, 0xff, 0x00, 0x00],
  'select with types': [0x1c, 0x02, 0x63, 0x6f, 0x7f],
  constants: [
    0x41, 0xff, 0xff, 0xff, 0xff, 0x0f, 0x42, 0x80, 0x80, 0x80, 0x80, 0x80, 0x80, 0x80, 0x80, 0x80, 0x7f,
    0x43, 0x10, 0x10, 0x10, 0x10, 0x44, 0x10, 0x10, 0x10, 0x10, 0x10, 0x10, 0x10, 0x10,
  ],
  'loads and stores, 64-bit offset, memory index': [
    0x28, 0x02, 0x10, 0x29, 0x03, 0x80, 0x80, 0x80, 0x80, 0x80, 0x01, 0x36, 0x42, 0x81, 0x01, 0x10,
  ],
  'older exceptions': [0x06, 0x40, 0x08, 0x10, 0x07, 0x10, 0x09, 0x10, 0x19, 0x0b, 0x06, 0x40, 0x18, 0x10],
  'standard exceptions': [
    0x1f, 0x40, 0x04, 0x00, 0x10, 0x10, 0x01, 0x10, 0x10, 0x02, 0x10, 0x03, 0x10, 0x0b, 0x0a,
  ],
  references: [
    0xd0, 0x70, 0xd0, 0x90, 0x01, 0xd0, 0x65, 0x6e, 0xd1, 0xd2, 0x10, 0xd3, 0xd4, 0xd5, 0x10, 0xd6, 0x10,
  ],
  tables: [0x25, 0x10, 0x26, 0x10, 0xfc, 0x0c, 0x10, 0x10, 0xfc, 0x0e, 0x10, 0x10, 0xfc, 0x0f, 0x10],
  'bulk memory, saturation, wide arithmetic': [
    0xfc, 0x00, 0xfc, 0x08, 0x10, 0x10, 0xfc, 0x0a, 0x10, 0x10, 0xfc, 0x0b, 0x10, 0xfc, 0x13, 0xfc, 0x16,
  ],
  SIMD: [
    0xfd,
    0x00,
    0x04,
    0x10,
    0xfd,
    0x0c,
    ...Array<number>(16).fill(0x10),
    0xfd,
    0x0d,
    ...Array<number>(16).fill(0x10),
    0xfd,
    0x15,
    0x10,
    0xfd,
    0x54,
    0x00,
    0x10,
    0x10,
    0xfd,
    0x5c,
    0x02,
    0x10,
    0xfd,
    0xe1,
    0x01,
  ],
  'relaxed SIMD, padded opcode': [
    0xfd,
    0x80,
    0x02,
    0xfd,
    0x93,
    0x02,
    0xfd,
    0x8c,
    0x80,
    0x00,
    ...Array<number>(16).fill(0x10),
  ],
  threads: [0xfe, 0x00, 0x02, 0x10, 0xfe, 0x03, 0x00, 0xfe, 0x10, 0x02, 0x10, 0xfe, 0x4e, 0x42, 0x10, 0x10],
  'structs and arrays': [
    0xfb, 0x00, 0x10, 0xfb, 0x02, 0x10, 0x10, 0xfb, 0x06, 0x10, 0xfb, 0x08, 0x10, 0x10, 0xfb, 0x0b, 0x10,
    0xfb, 0x0f, 0xfb, 0x11, 0x10, 0x10, 0xfb, 0x1c,
  ],
  casts: [0xfb, 0x14, 0x90, 0x01, 0xfb, 0x17, 0x6e, 0xfb, 0x18, 0x03, 0x10, 0x6e, 0x90, 0x01],
  'stack switching': [0xe0, 0x10, 0xe1, 0x10, 0x10, 0xe2, 0x10],
};

for (const [name, code] of Object.entries(INSTRUCTIONS)) {
  test(`steps over ${name}`, () => {
    const before = [0x10, 0x05];
    const after = [0x10, 0x83, 0x01, 0x11, 0x10, 0x10];
    const scan = scanCode(parseModule(moduleOf([...before, ...code, ...after])));
    const start = moduleOf([]).length - 1;
    assert.deepEqual(
      [...scan.kind.subarray(0, scan.firstEvent[1]!)],
      [EVENT.call, EVENT.call, EVENT.callUnknown],
    );
    assert.deepEqual([...scan.operand.subarray(0, 2)], [5, 131]);
    assert.deepEqual(
      [...scan.at.subarray(0, 3)],
      [0, 2 + code.length, 5 + code.length].map((at) => at + start),
    );
  });
}

test('calls of every kind, and whether they may run again', () => {
  const code = [0x12, 0x07, 0x13, 0, 0, 0x14, 1, 0x15, 1, 0xe3, 1, 1, 0, 2, 3, 0xe4, 1, 1, 0, 0xe6, 1, 2];
  const scan = scanCode(
    parseModule(moduleOf([...code, 0x03, 0x40, 0x02, 0x40, 0x10, 0x01, 0x0f, 0x0b, 0x0b, 0x10, 0x02])),
  );
  const events = scan.firstEvent[1]!;
  const { tailCall, tailCallUnknown, callUnknown, call } = EVENT;
  assert.deepEqual(
    [...scan.kind.subarray(0, events)],
    [
      tailCall,
      tailCallUnknown,
      callUnknown,
      tailCallUnknown,
      callUnknown,
      callUnknown,
      callUnknown,
      call,
      EVENT.return,
      call,
    ],
  );
  assert.deepEqual([...scan.inLoop.subarray(0, events)], [0, 0, 0, 0, 0, 0, 0, 1, 1, 0]);
  assert.equal(scan.operand[8], 2, 'a return knows how many blocks are open');
});

test('the form of exceptions that the code uses', () => {
  const form = (code: readonly number[]) => scanCode(parseModule(moduleOf(code))).exceptionForm;
  assert.equal(form([0x01]), undefined);
  assert.equal(form([0x06, 0x40, 0x19, 0x0b]), 'legacy');
  assert.equal(form([0x1f, 0x40, 0x00, 0x0b]), 'standard');
  assert.throws(() => form([0x06, 0x40, 0x19, 0x0b, 0x1f, 0x40, 0x00, 0x0b]), { code: 'OTRACE_WASM' });
});

const REFUSED: Record<string, readonly number[]> = {
  'an opcode that was never given out': [0x27],
  'one of the SIMD gaps': [0xfd, 0x9a, 0x01],
  'a string reference': [0xfb, 0x80, 0x01],
  'an unsettled alignment': [0x28, 0x22, 0x00],
  'a code that ends inside an instruction': [0x44, 0x00],
  'a block that does not end': [0x02, 0x40],
  'an end too many': [0x0b, 0x01],
  'a list longer than the body': [0x0e, 0xff, 0xff, 0x03, 0x00],
  'a number that does not end': [0x20, ...Array<number>(12).fill(0x80)],
};

for (const [name, code] of Object.entries(REFUSED)) {
  test(`refuses ${name}, naming function and offset`, () => {
    assert.throws(() => scanCode(parseModule(moduleOf(code))), {
      code: 'OTRACE_WASM',
      message: /^function 0, .*byte offset 0x/,
    });
  });
}
