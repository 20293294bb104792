/**
 * Writes the instructions that otrace adds to a module: few, so they are spelled out one method each. It does
 * not check that they form valid code.
 */

import { I64 } from '../../wat/binary-codes.js';
import { ByteWriter } from '../../wat/byte-writer.js';

/** One-byte instructions that the added code is made of. */
export const OP = {
  block: 0x02,
  if: 0x04,
  else: 0x05,
  try: 0x06,
  rethrow: 0x09,
  throwRef: 0x0a,
  end: 0x0b,
  br: 0x0c,
  catchAll: 0x19,
  select: 0x1b,
  tryTable: 0x1f,
  i32Eqz: 0x45,
  i32Eq: 0x46,
  i32Ne: 0x47,
  i32GtS: 0x4a,
  i32GeS: 0x4e,
  i64Eqz: 0x50,
  i64Eq: 0x51,
  i64Ne: 0x52,
  i64LeS: 0x57,
  i32Sub: 0x6b,
  i32Mul: 0x6c,
  i32And: 0x71,
  i64Add: 0x7c,
  i64Mul: 0x7e,
  i64And: 0x83,
  i64Or: 0x84,
  i32WrapI64: 0xa7,
  i64ExtendI32U: 0xad,
} as const;

export class CodeWriter extends ByteWriter {
  op(...opcodes: readonly number[]): void {
    this.raw(opcodes);
  }

  localGet(index: number): void {
    this.u8(0x20);
    this.u32(index);
  }

  localSet(index: number): void {
    this.u8(0x21);
    this.u32(index);
  }

  localTee(index: number): void {
    this.u8(0x22);
    this.u32(index);
  }

  globalGet(index: number): void {
    this.u8(0x23);
    this.u32(index);
  }

  globalSet(index: number): void {
    this.u8(0x24);
    this.u32(index);
  }

  i32Const(value: number): void {
    this.u8(0x41);
    this.s32(value);
  }

  /** REQUIRES: a 32-bit integer; longer ones the caller spells out. */
  i64Const(value: number): void {
    this.u8(0x42);
    this.s32(value);
  }

  call(functionIndex: number): void {
    this.u8(0x10);
    this.u32(functionIndex);
  }

  callIndirect(typeIndex: number, tableIndex: number): void {
    this.u8(0x11);
    this.u32(typeIndex);
    this.u32(tableIndex);
  }

  /** Pushes the zero of an integer type. */
  zero(type: number): void {
    if (type === I64) this.i64Const(0);
    else this.i32Const(0);
  }

  /** Ends a function body or block. */
  end(): void {
    this.u8(OP.end);
  }
}
