/**
 * A tiny module that turns JavaScript functions into WebAssembly ones, so that a test can stand in the ledger's place: a
 * table takes only the latter, and a JavaScript function becomes one by being imported and exported again.
 */
import { CodeWriter } from '../../../src/sources/wasm/code-writer.js';
import { HOOK_SLOTS, type HookVariant, hookSignatures } from '../../../src/sources/wasm/hook-table.js';
import { KIND, SECTION } from '../../../src/wat/binary-codes.js';

/**
 * @param of what `RewrittenModule` says of itself
 * @returns the bytes of the module, some 150
 * @example
 * const module = new WebAssembly.Module(hookFunctionsModule(rewritten));
 * const hooks = new WebAssembly.Instance(module, { otrace: { allocated, freed, reallocated } }).exports;
 */
export function hookFunctionsModule(of: HookVariant): Uint8Array {
  const out = new CodeWriter(256);
  out.raw([0x00, 0x61, 0x73, 0x6d, 0x01, 0x00, 0x00, 0x00]);
  const section = (id: number, write: (content: CodeWriter) => void): void => {
    const content = new CodeWriter();
    content.u32(HOOK_SLOTS.length);
    write(content);
    out.u8(id);
    out.sized(content);
  };
  section(SECTION.type, (types) => {
    for (const { params, results } of hookSignatures(of.wideAddresses, of.contexts)) {
      types.op(0x60, params.length, ...params, results.length, ...results);
    }
  });
  section(SECTION.import, (imports) => {
    HOOK_SLOTS.forEach((slot, i) => {
      imports.name('otrace');
      imports.name(slot);
      imports.op(KIND.function, i);
    });
  });
  section(SECTION.export, (exports) => {
    HOOK_SLOTS.forEach((slot, i) => {
      exports.name(slot);
      exports.op(KIND.function, i);
    });
  });
  return out.written().slice();
}
