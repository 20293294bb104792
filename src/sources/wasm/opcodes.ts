/**
 * The instruction set as far as stepping over it goes: for every opcode, which immediates follow and what the
 * instruction means for calls and block structure. One byte an opcode, so that a scan looks up once.
 *
 * Known: WebAssembly 3.0 (MVP, sign extension, saturating conversion, multi-value, bulk memory, reference types,
 * SIMD, relaxed SIMD, tail calls, typed function references, GC, exceptions, memory64, multi-memory), the older
 * form of exceptions, threads, stack switching and wide arithmetic. Anything else is `unknown`, whatever an
 * engine may make of it: guessing the length of an instruction would garble the code after it.
 */

/** What follows an opcode, and what it does that a scan has to know of. */
export const STEP = {
  /** Nothing follows. */
  none: 0,
  /** One LEB128. */
  leb: 1,
  /** Alignment and offset; a memory index between them when bit 6 of the alignment is set. */
  memory: 2,
  /** A block type; a block opens. */
  block: 3,
  /** A block or the body closes. */
  end: 4,
  /** A function index. */
  call: 5,
  /** Type index, table index. */
  callIndirect: 6,
  /** A type index. */
  callRef: 7,
  tailCall: 8,
  tailCallIndirect: 9,
  tailCallRef: 10,
  return: 11,
  leb2: 12,
  /** A list of labels and one more. */
  brTable: 13,
  /** A list of value types. */
  select: 14,
  bytes1: 15,
  bytes4: 16,
  bytes8: 17,
  bytes16: 18,
  /** As `memory`, then a lane number. */
  memoryLane: 19,
  /** A heap type. */
  heapType: 20,
  /** Flags, label, two heap types. */
  brOnCast: 21,
  /** As `block`, of the older form of exceptions. */
  try: 22,
  /** A label; closes a `try`. */
  delegate: 23,
  /** As `block`, then a list of catch clauses. */
  tryTable: 24,
  /** Continuation type, a list of handlers; runs other code as a call does. */
  resume: 25,
  /** As `resume`, with a tag before the list. */
  resumeThrow: 26,
  /** Continuation type, tag; runs other code. */
  switch: 27,
  /** A further opcode follows, as LEB128: see `PREFIXED`. */
  prefix: 28,
  /** As `block`; what is inside may run again. */
  loop: 29,
  unknown: 30,
} as const;

type Step = (typeof STEP)[keyof typeof STEP];
/** First opcode, last opcode, step of all of them. */
type Range = readonly [first: number, last: number, step: Step];

function table(size: number, ranges: readonly Range[]): Uint8Array {
  const steps = new Uint8Array(size).fill(STEP.unknown);
  for (const [first, last, step] of ranges) steps.fill(step, first, last + 1);
  return steps;
}

/** Steps of the one-byte opcodes. */
export const STEPS = table(0x100, [
  [0x00, 0x01, STEP.none], // unreachable, nop
  [0x02, 0x02, STEP.block],
  [0x03, 0x03, STEP.loop],
  [0x04, 0x04, STEP.block], // if
  [0x05, 0x05, STEP.none], // else
  [0x06, 0x06, STEP.try],
  [0x07, 0x09, STEP.leb], // catch, throw, rethrow
  [0x0a, 0x0a, STEP.none], // throw_ref
  [0x0b, 0x0b, STEP.end],
  [0x0c, 0x0d, STEP.leb], // br, br_if
  [0x0e, 0x0e, STEP.brTable],
  [0x0f, 0x0f, STEP.return],
  [0x10, 0x10, STEP.call],
  [0x11, 0x11, STEP.callIndirect],
  [0x12, 0x12, STEP.tailCall],
  [0x13, 0x13, STEP.tailCallIndirect],
  [0x14, 0x14, STEP.callRef],
  [0x15, 0x15, STEP.tailCallRef],
  [0x18, 0x18, STEP.delegate],
  [0x19, 0x1b, STEP.none], // catch_all, drop, select
  [0x1c, 0x1c, STEP.select],
  [0x1f, 0x1f, STEP.tryTable],
  [0x20, 0x26, STEP.leb], // local.*, global.*, table.get, table.set
  [0x28, 0x3e, STEP.memory],
  [0x3f, 0x42, STEP.leb], // memory.size, memory.grow, i32.const, i64.const
  [0x43, 0x43, STEP.bytes4], // f32.const
  [0x44, 0x44, STEP.bytes8], // f64.const
  [0x45, 0xc4, STEP.none], // comparisons, arithmetic, conversions
  [0xd0, 0xd0, STEP.heapType], // ref.null
  [0xd1, 0xd1, STEP.none], // ref.is_null
  [0xd2, 0xd2, STEP.leb], // ref.func
  [0xd3, 0xd4, STEP.none], // ref.eq, ref.as_non_null
  [0xd5, 0xd6, STEP.leb], // br_on_null, br_on_non_null
  [0xe0, 0xe0, STEP.leb], // cont.new
  [0xe1, 0xe1, STEP.leb2], // cont.bind
  [0xe2, 0xe2, STEP.leb], // suspend
  [0xe3, 0xe3, STEP.resume],
  [0xe4, 0xe4, STEP.resumeThrow],
  [0xe5, 0xe5, STEP.resume], // resume_throw_ref
  [0xe6, 0xe6, STEP.switch],
  [0xfb, 0xfe, STEP.prefix],
]);

/** GC. */
const STEPS_FB = table(0x27, [
  [0x00, 0x01, STEP.leb], // struct.new*
  [0x02, 0x05, STEP.leb2], // struct.get*, struct.set
  [0x06, 0x07, STEP.leb], // array.new, array.new_default
  [0x08, 0x0a, STEP.leb2], // array.new_fixed, _data, _elem
  [0x0b, 0x0e, STEP.leb], // array.get*, array.set
  [0x0f, 0x0f, STEP.none], // array.len
  [0x10, 0x10, STEP.leb], // array.fill
  [0x11, 0x13, STEP.leb2], // array.copy, array.init_*
  [0x14, 0x17, STEP.heapType], // ref.test, ref.cast
  [0x18, 0x19, STEP.brOnCast],
  [0x1a, 0x1e, STEP.none], // conversions, i31
  [0x20, 0x21, STEP.leb], // struct.new*_desc
  [0x22, 0x24, STEP.heapType], // ref.get_desc, ref.cast_desc_eq
  [0x25, 0x26, STEP.brOnCast], // br_on_cast_desc_eq*
]);

/** Saturating conversions, bulk memory, tables, wide arithmetic. */
const STEPS_FC = table(0x17, [
  [0x00, 0x07, STEP.none],
  [0x08, 0x08, STEP.leb2], // memory.init
  [0x09, 0x09, STEP.leb], // data.drop
  [0x0a, 0x0a, STEP.leb2], // memory.copy
  [0x0b, 0x0b, STEP.leb], // memory.fill
  [0x0c, 0x0c, STEP.leb2], // table.init
  [0x0d, 0x0d, STEP.leb], // elem.drop
  [0x0e, 0x0e, STEP.leb2], // table.copy
  [0x0f, 0x12, STEP.leb], // table.grow, .size, .fill, memory.discard
  [0x13, 0x16, STEP.none], // i64.add128 ...
]);

/** SIMD. The gaps between its ranges are opcodes that were never given out. */
const STEPS_FD = table(0x114, [
  [0x00, 0x0b, STEP.memory],
  [0x0c, 0x0d, STEP.bytes16], // v128.const, i8x16.shuffle
  [0x0e, 0x14, STEP.none],
  [0x15, 0x22, STEP.bytes1], // lanes
  [0x23, 0x53, STEP.none],
  [0x54, 0x5b, STEP.memoryLane],
  [0x5c, 0x5d, STEP.memory],
  [0x5e, 0x99, STEP.none],
  [0x9b, 0xa1, STEP.none],
  [0xa3, 0xa4, STEP.none],
  [0xa7, 0xae, STEP.none],
  [0xb1, 0xb1, STEP.none],
  [0xb5, 0xba, STEP.none],
  [0xbc, 0xc1, STEP.none],
  [0xc3, 0xc4, STEP.none],
  [0xc7, 0xce, STEP.none],
  [0xd1, 0xd1, STEP.none],
  [0xd5, 0xe1, STEP.none],
  [0xe3, 0xed, STEP.none],
  [0xef, 0xff, STEP.none],
  [0x100, 0x113, STEP.none], // relaxed SIMD
]);

/** Threads. */
const STEPS_FE = table(0x4f, [
  [0x00, 0x02, STEP.memory], // memory.atomic.notify, .wait*
  [0x03, 0x03, STEP.bytes1], // atomic.fence
  [0x10, 0x4e, STEP.memory],
]);

/** Steps of the opcodes after a prefix byte, by prefix minus 0xfb. */
export const PREFIXED: readonly Uint8Array[] = [STEPS_FB, STEPS_FC, STEPS_FD, STEPS_FE];
