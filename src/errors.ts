/**
 * The one error class of the package, with its stable codes. A caller tells errors apart by `code`, never by
 * message or `instanceof` (two copies of the package may be loaded at once).
 */

export type OtraceErrorCode =
  /** An argument or option has a value outside its accepted form. */
  | 'OTRACE_BAD_OPTION'
  /** The trace could not be written. */
  | 'OTRACE_OUTPUT'
  /** A trace file could not be read at all. */
  | 'OTRACE_INPUT'
  /** A WebAssembly module is malformed or uses something the rewriter does not know. */
  | 'OTRACE_WASM'
  /** The program given to the command line can't be started. */
  | 'OTRACE_PROGRAM'
  /** A running process or page can't be attached to. */
  | 'OTRACE_ATTACH';

/**
 * Every error that otrace throws.
 *
 * @example
 * try {
 *   heap.setSampling(Number.NaN);
 * } catch (error) {
 *   if (error instanceof Error && 'code' in error && error.code === 'OTRACE_BAD_OPTION') { ... }
 * }
 */
export class OtraceError extends Error {
  readonly code: OtraceErrorCode;

  /**
   * @param code which kind of failure; stable across versions
   * @param message what is wrong, naming the thing, and what to do about it
   */
  constructor(code: OtraceErrorCode, message: string, options?: ErrorOptions) {
    super(message, options);
    this.name = 'OtraceError';
    this.code = code;
  }
}
