/**
 * Steps through one function body after another and notes where they call, where they return, and what their
 * locals are. It knows the length of every instruction (`opcodes.ts`) and the nesting of blocks; it does not check
 * types.
 *
 * Nothing is allocated for an instruction. An event costs 10 bytes in four columns; a real module has one call
 * in every 40 to 60 bytes of code.
 */
import { moduleError } from './byte-reader.js';
import { Immediates } from './immediates.js';
import { PREFIXED, STEP, STEPS } from './opcodes.js';

/** What an event is. */
export const EVENT = {
  /** A call of a known function: `operand` is its index. */
  call: 0,
  /** A call of whatever a table, a reference or a continuation holds. */
  callUnknown: 1,
  /** As `call`, in place of the caller's own frame. */
  tailCall: 2,
  tailCallUnknown: 3,
  /** A return: `operand` is the number of blocks open around it. */
  return: 4,
  /** Where a loop's instructions begin; only noted when asked for. */
  loop: 5,
} as const;

/** Which form of exceptions a module's code uses; engines may refuse a mixture. */
export type ExceptionForm = 'legacy' | 'standard';

/** More locals than any engine accepts: a sum beyond it needs no exact figure. */
const ABSURD_LOCALS = 1_000_000;

export class BodyScanner extends Immediates {
  readonly #notesLoops: boolean;
  at: Uint32Array;
  operand: Uint32Array;
  kind: Uint8Array;
  inLoop: Uint8Array;
  count = 0;
  exceptionForm: ExceptionForm | undefined;
  locals = 0;

  constructor(bytes: Uint8Array, expectedEvents: number, notesLoops = false) {
    super(bytes);
    this.#notesLoops = notesLoops;
    this.at = new Uint32Array(expectedEvents);
    this.operand = new Uint32Array(expectedEvents);
    this.kind = new Uint8Array(expectedEvents);
    this.inLoop = new Uint8Array(expectedEvents);
  }

  /** Steps over the local declarations, leaves their number in `locals`, returns where the code begins. */
  scanLocals(start: number, end: number): number {
    let p = this.readSmall(start);
    let locals = 0;
    for (let groups = this.small; groups > 0 && p < end; groups--) {
      p = this.readSmall(p);
      locals = Math.min(locals + this.small, ABSURD_LOCALS);
      p = this.afterValueType(p);
    }
    this.locals = locals;
    return p;
  }

  /** Steps through the instructions in [start, end). */
  scanCode(start: number, end: number): void {
    const bytes = this.bytes;
    let p = start;
    let depth = 0;
    /** Depth at which the innermost open loop opened, 0 for none; those around it are in `outerLoops`. */
    let loopDepth = 0;
    const outerLoops: number[] = [];
    while (p < end) {
      const opcodeAt = p;
      let step = STEPS[bytes[p++]!]!;
      if (step === STEP.none) continue;
      if (step === STEP.leb) {
        if (bytes[p++]! >= 0x80) p = this.afterLeb(p);
        continue;
      }
      if (step === STEP.prefix) {
        const prefix = bytes[p - 1]! - 0xfb;
        let code = bytes[p++]!;
        if (code >= 0x80) {
          code = (code & 0x7f) | ((bytes[p]! & 0x7f) << 7);
          if (bytes[p++]! >= 0x80) p = this.afterLeb(p);
        }
        step = PREFIXED[prefix]![code] ?? STEP.unknown;
      }
      switch (step) {
        case STEP.none:
          break;
        case STEP.leb:
          p = this.afterLeb(p);
          break;
        case STEP.memory:
          p = this.afterMemory(p);
          break;
        case STEP.block:
          depth++;
          p = this.afterBlockType(p);
          break;
        case STEP.loop:
          outerLoops.push(loopDepth);
          loopDepth = ++depth;
          p = this.afterBlockType(p);
          if (this.#notesLoops) this.#push(p, 0, EVENT.loop, loopDepth);
          break;
        case STEP.end:
          if (depth === loopDepth && depth > 0) loopDepth = outerLoops.pop()!;
          depth--;
          if (depth < 0 && p !== end) throw moduleError('code', opcodeAt, 'the body ends before its size');
          break;
        case STEP.call:
        case STEP.tailCall: {
          p = this.readSmall(p);
          const target = this.small;
          this.#push(opcodeAt, target, step === STEP.call ? EVENT.call : EVENT.tailCall, loopDepth);
          break;
        }
        case STEP.callIndirect:
        case STEP.tailCallIndirect:
          p = this.afterLeb(this.afterLeb(p));
          this.#push(
            opcodeAt,
            0,
            step === STEP.callIndirect ? EVENT.callUnknown : EVENT.tailCallUnknown,
            loopDepth,
          );
          break;
        case STEP.callRef:
        case STEP.tailCallRef:
          p = this.afterLeb(p);
          this.#push(
            opcodeAt,
            0,
            step === STEP.callRef ? EVENT.callUnknown : EVENT.tailCallUnknown,
            loopDepth,
          );
          break;
        case STEP.return:
          this.#push(opcodeAt, depth, EVENT.return, loopDepth);
          break;
        case STEP.leb2:
          p = this.afterLeb(this.afterLeb(p));
          break;
        case STEP.brTable:
          p = this.afterList(p, end, (q) => this.afterLeb(q));
          p = this.afterLeb(p);
          break;
        case STEP.select:
          p = this.afterList(p, end, (q) => this.afterValueType(q));
          break;
        case STEP.bytes1:
          p += 1;
          break;
        case STEP.bytes4:
          p += 4;
          break;
        case STEP.bytes8:
          p += 8;
          break;
        case STEP.bytes16:
          p += 16;
          break;
        case STEP.memoryLane:
          p = this.afterMemory(p) + 1;
          break;
        case STEP.heapType:
          p = this.afterHeapType(p);
          break;
        case STEP.brOnCast:
          p = this.afterHeapType(this.afterHeapType(this.afterLeb(p + 1)));
          break;
        case STEP.try:
          this.#useForm('legacy', opcodeAt);
          depth++;
          p = this.afterBlockType(p);
          break;
        case STEP.delegate:
          depth--;
          p = this.afterLeb(p);
          break;
        case STEP.tryTable:
          this.#useForm('standard', opcodeAt);
          depth++;
          p = this.afterBlockType(p);
          p = this.afterList(p, end, (q) => this.afterCatch(q));
          break;
        case STEP.resume:
        case STEP.resumeThrow:
          p = this.afterLeb(p);
          if (step === STEP.resumeThrow) p = this.afterLeb(p);
          p = this.afterList(p, end, (q) => this.afterHandler(q));
          this.#push(opcodeAt, 0, EVENT.callUnknown, loopDepth);
          break;
        case STEP.switch:
          p = this.afterLeb(this.afterLeb(p));
          this.#push(opcodeAt, 0, EVENT.callUnknown, loopDepth);
          break;
        default:
          throw moduleError('code', opcodeAt, `opcode 0x${bytes[opcodeAt]!.toString(16)} is not known`);
      }
    }
    if (p !== end || depth !== -1) throw moduleError('code', p, 'the body is cut short');
  }

  #push(at: number, operand: number, kind: number, loopDepth: number): void {
    const i = this.count++;
    if (i === this.at.length) {
      const room = i * 2 + 64;
      this.at = moveTo(new Uint32Array(room), this.at);
      this.operand = moveTo(new Uint32Array(room), this.operand);
      this.kind = moveTo(new Uint8Array(room), this.kind);
      this.inLoop = moveTo(new Uint8Array(room), this.inLoop);
    }
    this.at[i] = at;
    this.operand[i] = operand;
    this.kind[i] = kind;
    this.inLoop[i] = loopDepth > 0 ? 1 : 0;
  }

  #useForm(form: ExceptionForm, at: number): void {
    if (this.exceptionForm !== undefined && this.exceptionForm !== form) {
      throw moduleError('code', at, 'both forms of exception handling are used');
    }
    this.exceptionForm = form;
  }
}

function moveTo<T extends Uint32Array | Uint8Array>(larger: T, content: T): T {
  larger.set(content);
  return larger;
}
