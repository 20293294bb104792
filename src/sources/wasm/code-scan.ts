/**
 * The calls and returns of all function bodies of a module, in columns. How they are found: `body-scanner.ts`.
 */
import { BodyScanner, type ExceptionForm } from './body-scanner.js';
import type { WasmModule } from './module-sections.js';

export interface CodeScan {
  /** Body b's events are firstEvent[b] .. firstEvent[b+1]-1, in the order of the code. */
  readonly firstEvent: Uint32Array;
  /** Byte offset of each event's opcode in the module. */
  readonly at: Uint32Array;
  readonly operand: Uint32Array;
  /** One of `EVENT`. */
  readonly kind: Uint8Array;
  /** 1 where the event may happen more than once in one run of the body. */
  readonly inLoop: Uint8Array;
  /** Where each body's instructions begin, after its local declarations. */
  readonly codeStarts: Uint32Array;
  /** How many locals each body declares, parameters not counted. */
  readonly localCounts: Uint32Array;
  readonly exceptionForm: ExceptionForm | undefined;
}

/**
 * Scans all function bodies of a module.
 *
 * @throws OtraceError OTRACE_WASM naming function and byte offset, for code that is malformed or not known
 */
export function scanCode(module: WasmModule): CodeScan {
  const { bodyStarts, bodyEnds } = module.code;
  const bodies = bodyStarts.length;
  const codeBytes = bodies === 0 ? 0 : bodyEnds[bodies - 1]! - bodyStarts[0]!;
  const scanner = new BodyScanner(module.bytes, (codeBytes >> 5) + 64);
  const firstEvent = new Uint32Array(bodies + 1);
  const codeStarts = new Uint32Array(bodies);
  const localCounts = new Uint32Array(bodies);
  for (let body = 0; body < bodies; body++) {
    const end = bodyEnds[body]!;
    try {
      const codeStart = scanner.scanLocals(bodyStarts[body]!, end);
      scanner.scanCode(codeStart, end);
      codeStarts[body] = codeStart;
    } catch (error) {
      if (!(error instanceof Error)) throw error;
      error.message = `function ${module.importedFunctions.length + body}, ${error.message}`;
      throw error;
    }
    localCounts[body] = scanner.locals;
    firstEvent[body + 1] = scanner.count;
  }
  const { at, operand, kind, inLoop, exceptionForm } = scanner;
  return { firstEvent, at, operand, kind, inLoop, codeStarts, localCounts, exceptionForm };
}
