/** Writes instructions, read from text, of one function: see `wat-assembler.ts`. */

import { F64, I32, I64 } from './binary-codes.js';
import type { ByteWriter } from './byte-writer.js';
import { asList, asWord, type Expression, type List } from './wat-expressions.js';

const TYPES: Readonly<Record<string, number>> = { i32: I32, i64: I64, f64: F64 };

const PLAIN: Readonly<Record<string, number>> = {
  unreachable: 0x00,
  return: 0x0f,
  drop: 0x1a,
  select: 0x1b,
  'i32.eqz': 0x45,
  'i32.eq': 0x46,
  'i32.ne': 0x47,
  'i32.lt_s': 0x48,
  'i32.lt_u': 0x49,
  'i32.gt_u': 0x4b,
  'i32.ge_u': 0x4f,
  'i64.eqz': 0x50,
  'i64.eq': 0x51,
  'i64.lt_s': 0x53,
  'i64.gt_s': 0x55,
  'i64.le_s': 0x57,
  'f64.gt': 0x64,
  'i32.add': 0x6a,
  'i32.sub': 0x6b,
  'i32.mul': 0x6c,
  'i32.and': 0x71,
  'i32.or': 0x72,
  'i32.xor': 0x73,
  'i32.shl': 0x74,
  'i32.shr_u': 0x76,
  'i64.add': 0x7c,
  'i64.sub': 0x7d,
  'i64.mul': 0x7e,
  'i64.xor': 0x85,
  'i64.shr_u': 0x88,
  'f64.add': 0xa0,
  'f64.sub': 0xa1,
  'i32.wrap_i64': 0xa7,
  'i64.extend_i32_u': 0xad,
  'f64.convert_i32_s': 0xb7,
};

/** Opcode and natural alignment, as a power of two. */
const MEMORY: Readonly<Record<string, readonly [readonly number[], number]>> = {
  'i32.load': [[0x28], 2],
  'i64.load': [[0x29], 3],
  'f64.load': [[0x2b], 3],
  'i32.store': [[0x36], 2],
  'i64.store': [[0x37], 3],
  'f64.store': [[0x39], 3],
  'memory.atomic.wait32': [[0xfe, 0x01], 2],
  'i32.atomic.store': [[0xfe, 0x17], 2],
  'i32.atomic.rmw.cmpxchg': [[0xfe, 0x48], 2],
};

/** Instructions of several bytes that take no immediates of the text's. */
const SPELLED: Readonly<Record<string, readonly number[]>> = {
  'memory.size': [0x3f, 0],
  'memory.grow': [0x40, 0],
  'memory.fill': [0xfc, 0x0b, 0],
};

export class InstructionWriter {
  readonly #out: ByteWriter;
  readonly #functions: ReadonlyMap<string, number>;
  readonly #globals: ReadonlyMap<string, number>;
  readonly #locals: ReadonlyMap<string, number>;
  /** Innermost last. */
  readonly #labels: string[] = [];

  constructor(
    out: ByteWriter,
    functions: ReadonlyMap<string, number>,
    globals: ReadonlyMap<string, number>,
    locals: ReadonlyMap<string, number>,
  ) {
    this.#out = out;
    this.#functions = functions;
    this.#globals = globals;
    this.#locals = locals;
  }

  write(expression: Expression): void {
    const [word, ...rest] = asList(expression);
    const name = asWord(word);
    if (name === 'if') this.#writeIf(rest);
    else if (name === 'block' || name === 'loop') this.#writeBlock(name, rest);
    else this.#writeSimple(name, rest);
  }

  #writeSimple(name: string, rest: readonly Expression[]): void {
    for (const operand of rest) if (typeof operand !== 'string') this.write(operand);
    const out = this.#out;
    const immediates = rest.filter((each) => typeof each === 'string');
    const [first = ''] = immediates;
    const plain = PLAIN[name];
    const memory = MEMORY[name];
    const spelled = SPELLED[name];
    if (plain !== undefined) out.u8(plain);
    else if (spelled !== undefined) out.raw(spelled);
    else if (memory !== undefined) {
      out.raw(memory[0]);
      out.u8(memory[1]);
      out.u32(Number(/^offset=(\d+)$/.exec(first)?.[1] ?? 0));
    } else if (name === 'i32.const') this.#constant(0x41, BigInt.asIntN(32, BigInt(first)));
    else if (name === 'i64.const') this.#constant(0x42, BigInt.asIntN(64, BigInt(first)));
    else if (name === 'local.get') this.#indexed(0x20, this.#locals, first);
    else if (name === 'local.set') this.#indexed(0x21, this.#locals, first);
    else if (name === 'local.tee') this.#indexed(0x22, this.#locals, first);
    else if (name === 'global.get') this.#indexed(0x23, this.#globals, first);
    else if (name === 'global.set') this.#indexed(0x24, this.#globals, first);
    else if (name === 'call') this.#indexed(0x10, this.#functions, first);
    else if (name === 'br') this.#branch(0x0c, first);
    else if (name === 'br_if') this.#branch(0x0d, first);
    else throw new Error(`instruction ${name} is not known`);
  }

  /** `(if (result i32)? condition (then ...) (else ...)?)` */
  #writeIf(rest: readonly Expression[]): void {
    const parts = rest.map(asList);
    const results = parts.filter((part) => part[0] === 'result');
    const branches = parts.filter((part) => part[0] === 'then' || part[0] === 'else');
    for (const part of parts) if (!results.includes(part) && !branches.includes(part)) this.write(part);
    this.#out.raw([0x04, blockType(results[0])]);
    this.#labels.push('');
    branches.forEach(([word, ...instructions]) => {
      if (word === 'else') this.#out.u8(0x05);
      for (const instruction of instructions) this.write(instruction);
    });
    this.#labels.pop();
    this.#out.u8(0x0b);
  }

  #writeBlock(name: string, [label, ...rest]: readonly Expression[]): void {
    const isResult = (part: Expression): boolean => asList(part)[0] === 'result';
    const result = rest.find(isResult);
    this.#out.raw([
      name === 'block' ? 0x02 : 0x03,
      blockType(result === undefined ? undefined : asList(result)),
    ]);
    this.#labels.push(asWord(label));
    for (const part of rest) if (!isResult(part)) this.write(part);
    this.#labels.pop();
    this.#out.u8(0x0b);
  }

  #branch(opcode: number, label: string): void {
    const at = this.#labels.lastIndexOf(label);
    if (at < 0) throw new Error(`no block ${label}`);
    this.#out.u8(opcode);
    this.#out.u32(this.#labels.length - 1 - at);
  }

  #indexed(opcode: number, space: ReadonlyMap<string, number>, name: string): void {
    const index = space.get(name);
    if (index === undefined) throw new Error(`nothing is called ${name}`);
    this.#out.u8(opcode);
    this.#out.u32(index);
  }

  #constant(opcode: number, value: bigint): void {
    this.#out.u8(opcode);
    let rest = value;
    for (;;) {
      const byte = Number(rest & 0x7fn);
      rest >>= 7n;
      const done = (rest === 0n && (byte & 0x40) === 0) || (rest === -1n && (byte & 0x40) !== 0);
      this.#out.u8(done ? byte : byte | 0x80);
      if (done) return;
    }
  }
}

function blockType(result: List | undefined): number {
  return result === undefined ? 0x40 : typeOf(result[1]);
}

export function typeOf(name: Expression | undefined): number {
  const type = TYPES[asWord(name)];
  if (type === undefined) throw new Error(`type ${asWord(name)} is not known`);
  return type;
}
