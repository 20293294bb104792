/**
 * Allocation functions that call one another (`operator new` calls `malloc`, `calloc` calls `dlmalloc`). What the outermost one
 * does is told; the inner ones would only find out that they have nothing to tell. So in a body that a wrapper moved away, a
 * call of another hooked allocation function goes straight to its body:
 *
 *     new -> wrapper -> body of new -> wrapper of malloc -> body of malloc
 *                       `---------------------------------> body of malloc
 *
 * Frees are left as they are: one inside an allocation may be of a block that was told.
 */

import { unsignedLebSize } from '../../wat/leb128.js';
import type { AllocationHook } from './allocation-hook.js';
import { BodyScanner, EVENT } from './body-scanner.js';
import type { CodeWriter } from './code-writer.js';
import type { EditLog } from './edit-log.js';
import type { WasmModule } from './module-sections.js';

export class InnerCalls {
  readonly #module: WasmModule;
  readonly #edits: EditLog;
  /** By function index, where the body of a hooked allocation function is now. */
  readonly #bodies = new Map<number, number>();

  /** @param moved index of the function that gets each hook's body */
  constructor(
    module: WasmModule,
    hooks: readonly AllocationHook[],
    moved: readonly (number | undefined)[],
    edits: EditLog,
  ) {
    this.#module = module;
    this.#edits = edits;
    hooks.forEach(({ functionIndex, shape }, i) => {
      if (shape.event !== 'free') this.#bodies.set(functionIndex, moved[i]!);
    });
  }

  /** True for a call (by its event's kind and operand) that is to go elsewhere. */
  redirects(kind: number, callee: number): boolean {
    return (kind === EVENT.call || kind === EVENT.tailCall) && this.#bodies.has(callee);
  }

  /**
   * Writes a call that is to go elsewhere, in no fewer bytes than it had, and notes what was inserted.
   *
   * @param offset where it is in the original module
   * @returns where it ends there
   */
  writeCall(code: CodeWriter, offset: number, callee: number): number {
    const { bytes } = this.#module;
    let end = offset + 1;
    while (bytes[end++]! >= 0x80);
    const body = this.#bodies.get(callee)!;
    const had = end - offset - 1;
    const size = Math.max(had, unsignedLebSize(body));
    code.u8(bytes[offset]!);
    for (let i = 0; i < size; i++) {
      code.u8((Math.floor(body / 2 ** (7 * i)) & 0x7f) | (i === size - 1 ? 0 : 0x80));
    }
    this.#edits.add(offset + 1, size - had);
    return end;
  }

  /** Copies a body that needs no other change; as it is where its code is not known. */
  copyBody(code: CodeWriter, body: number): void {
    const { bytes, code: section } = this.#module;
    const start = section.bodyStarts[body]!;
    const end = section.bodyEnds[body]!;
    const scanner = new BodyScanner(bytes, 64);
    try {
      scanner.scanCode(scanner.scanLocals(start, end), end);
    } catch {
      code.copy(bytes, start, end);
      return;
    }
    let done = start;
    for (let e = 0; e < scanner.count; e++) {
      const callee = scanner.operand[e]!;
      if (!this.redirects(scanner.kind[e]!, callee)) continue;
      code.copy(bytes, done, scanner.at[e]!);
      done = this.writeCall(code, scanner.at[e]!, callee);
    }
    code.copy(bytes, done, end);
  }
}
