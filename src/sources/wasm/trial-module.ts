/**
 * A cut-down copy of a module in which single functions can be called to see what they do: it has the original's
 * types, memory, globals and data, and the bodies of the chosen functions; every other function traps. Its start
 * function, element segments and exports are gone.
 *
 * A counter makes every call end: it falls by one at each function entry and each turn of a loop, and at 0 the
 * code traps. A shared memory is made a plain one, in which waiting for another thread traps: none would come; a very large
 * one is made smaller.
 *
 *   at each of these places:  global.get fuel  i32.eqz  if unreachable end
 *                             global.get fuel  i32.const 1  i32.sub  global.set fuel
 */

import { I32, KIND, SECTION } from '../../wat/binary-codes.js';
import { ByteWriter } from '../../wat/byte-writer.js';
import { AddedParts } from './added-parts.js';
import { BodyScanner, EVENT } from './body-scanner.js';
import { CodeWriter, OP } from './code-writer.js';
import type { Limits } from './module-imports.js';
import type { WasmModule } from './module-sections.js';
import { assembleSections, type SectionWriter } from './section-assembly.js';

export const TRIAL_EXPORTS = { fuel: 'fuel', memory: 'memory' } as const;

/** The bit in the flags of a memory. */
const SHARED = 2;
/** Memory beyond this is not asked for: a trial must not cost the program its own. */
const MOST_INITIAL_PAGES = 4096;

/** The export under which a function of the original can be called. */
export function trialName(functionIndex: number): string {
  return `f${functionIndex}`;
}

/** Pages that a memory begins with in a trial. */
export function trialPages({ initial }: Limits): number {
  return Math.min(initial, MOST_INITIAL_PAGES);
}

/** @param kept indices of defined functions, each of which is exported as `trialName(index)` */
export function trialModule(module: WasmModule, kept: ReadonlySet<number>): Uint8Array {
  const added = new AddedParts(module);
  const fuel = added.global(I32, 0);
  added.export(TRIAL_EXPORTS.fuel, KIND.global, fuel);
  if (module.memories.length > 0) added.export(TRIAL_EXPORTS.memory, KIND.memory, 0);
  for (const f of kept) added.export(trialName(f), KIND.function, f);

  const out = new ByteWriter(module.bytes.length + 65_536);
  const dropped: SectionWriter = () => {};
  const limits: [Limits, at: number][] = [];
  const ownMemory: SectionWriter = (original) => {
    if (original === undefined) return;
    const moved = out.length - original.headerStart;
    out.copy(module.bytes, original.headerStart, original.end);
    for (const memory of module.memories) {
      const { flagsAt } = memory;
      if (flagsAt >= original.start && flagsAt < original.end) limits.push([memory, flagsAt + moved]);
    }
  };
  const globals = module.count(KIND.global) - module.imports.filter((e) => e.kind === KIND.global).length;
  assembleSections(
    module,
    out,
    new Map<number, SectionWriter>([
      [SECTION.import, ownMemory],
      [SECTION.memory, ownMemory],
      [SECTION.start, dropped],
      [SECTION.element, dropped],
      [
        SECTION.global,
        (original) => {
          const content = new ByteWriter();
          content.u32(globals + 1);
          if (original !== undefined) {
            let from = original.start;
            while (module.bytes[from++]! >= 0x80);
            content.copy(module.bytes, from, original.end);
          }
          content.copy(added.globals.bytes.written(), 0, added.globals.bytes.length);
          out.u8(SECTION.global);
          out.sized(content);
        },
      ],
      [
        SECTION.export,
        () => {
          const content = new ByteWriter();
          content.u32(added.exports.count);
          content.copy(added.exports.bytes.written(), 0, added.exports.bytes.length);
          out.u8(SECTION.export);
          out.sized(content);
        },
      ],
      [
        SECTION.code,
        () => {
          const content = new ByteWriter(65_536);
          writeBodies(module, kept, fuel, content);
          out.u8(SECTION.code);
          out.sized(content);
        },
      ],
    ]),
  );
  const bytes = out.written();
  for (const [memory, at] of limits) {
    if (memory.shared) bytes[at]! &= ~SHARED;
    if (memory.initial > MOST_INITIAL_PAGES) writeInPlace(bytes, at + 1, MOST_INITIAL_PAGES);
  }
  return bytes;
}

/** Puts a smaller number in the place of one, in as many bytes. */
function writeInPlace(bytes: Uint8Array, at: number, value: number): void {
  for (let left = value, more = true; more; at++, left >>>= 7) {
    more = bytes[at]! >= 0x80;
    bytes[at] = (left & 0x7f) | (more ? 0x80 : 0);
  }
}

function writeBodies(module: WasmModule, kept: ReadonlySet<number>, fuel: number, out: ByteWriter): void {
  const { bodyStarts, bodyEnds } = module.code;
  const imported = module.importedFunctions.length;
  out.u32(bodyStarts.length);
  const body = new CodeWriter(16_384);
  for (let i = 0; i < bodyStarts.length; i++) {
    if (!kept.has(imported + i)) {
      out.raw([3, 0, 0x00, OP.end]); // 3 bytes: no locals, unreachable, end
      continue;
    }
    body.length = 0;
    const scanner = new BodyScanner(module.bytes, 64, true);
    const codeStart = scanner.scanLocals(bodyStarts[i]!, bodyEnds[i]!);
    scanner.scanCode(codeStart, bodyEnds[i]!);
    body.copy(module.bytes, bodyStarts[i]!, codeStart);
    writeBurn(body, fuel);
    let copied = codeStart;
    for (let e = 0; e < scanner.count; e++) {
      if (scanner.kind[e] !== EVENT.loop) continue;
      body.copy(module.bytes, copied, scanner.at[e]!);
      copied = scanner.at[e]!;
      writeBurn(body, fuel);
    }
    body.copy(module.bytes, copied, bodyEnds[i]!);
    out.sized(body);
  }
}

function writeBurn(code: CodeWriter, fuel: number): void {
  code.globalGet(fuel);
  code.op(OP.i32Eqz, OP.if, 0x40, 0x00, OP.end);
  code.globalGet(fuel);
  code.i32Const(1);
  code.op(OP.i32Sub);
  code.globalSet(fuel);
}
