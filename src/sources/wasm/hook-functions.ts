/**
 * A tiny module that turns JavaScript functions into WebAssembly ones: a table takes only the latter, and a
 * JavaScript function becomes one by being imported and exported again. Instantiate it with the three functions
 * of `HOOK_SLOTS` as imports of module `otrace`, and put its exports of the same names into the hook table.
 */
import { CodeWriter } from './code-writer.js';
import { HOOK_SLOTS, hookSignatures } from './hook-table.js';
import { F64, I32 } from './module-types.js';
import { KIND, SECTION } from './section-layout.js';

/**
 * @param of what `RewrittenModule` says of itself
 * @returns the bytes of the module, some 150
 * @example
 * const module = new WebAssembly.Module(hookFunctionsModule(rewritten));
 * const hooks = new WebAssembly.Instance(module, { otrace: { allocated, freed, reallocated } }).exports;
 */
export function hookFunctionsModule(of: { wideAddresses: boolean; contexts: boolean }): Uint8Array {
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
    for (const { params, results } of hookSignatures(of.wideAddresses ? F64 : I32, of.contexts)) {
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
