/** Assembles WebAssembly text, with every feature that the assembler has. */
import wabt from 'wabt';

const { parseWat } = await wabt();

export function assemble(text: string): Uint8Array<ArrayBuffer> {
  const module = parseWat('test.wat', text, {
    exceptions: true,
    mutable_globals: true,
    sat_float_to_int: true,
    sign_extension: true,
    simd: true,
    threads: true,
    function_references: true,
    multi_value: true,
    tail_call: true,
    bulk_memory: true,
    reference_types: true,
    annotations: true,
    code_metadata: true,
    gc: true,
    memory64: true,
    extended_const: true,
    relaxed_simd: true,
  });
  try {
    module.resolveNames();
    return new Uint8Array(module.toBinary({ write_debug_names: true }).buffer);
  } finally {
    module.destroy();
  }
}
