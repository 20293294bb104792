/**
 * The environment variables, read once. A malformed value is one warning that names the variable and the accepted
 * form, and the default is used. Not here: what the settings do (`default-instances.ts`, `hooks.ts`).
 */
import { SOURCE_NAMES, type SourceName } from '../heap/snapshot.js';

export interface Settings {
  /** `true` switches recording on at start, `false` keeps it off whatever the program says. */
  readonly enabled: boolean | undefined;
  readonly sampling: number | undefined;
  /** Path of the trace file, or a pattern with an index. */
  readonly output: string | undefined;
  /** Heaps to arm at start; `all` arms every source that is attached. */
  readonly heap: readonly SourceName[] | 'all' | undefined;
  readonly heapSampling: number | undefined;
  readonly heapStackDepth: number | undefined;
  readonly heapShards: number | undefined;
  /** Average bytes between two samples of V8's heap. */
  readonly heapEveryBytes: number | undefined;
  /** Whether JavaScript sites are to show what was ever allocated beside what is live. */
  readonly heapJsTotals: boolean;
  /** Size from which on every buffer is worth a stack. */
  readonly heapBufferStacks: number | undefined;
  /** Functions that allocate in WebAssembly modules, by role, where they can't be found: `malloc=xa,free=ya`. */
  readonly wasmAlloc: Readonly<Record<string, string>> | undefined;
  /** Whether WebAssembly code is instrumented so that every allocation's calling context is known. */
  readonly wasmContext: boolean;
  /** Whether names are made readable: source maps, C++ and Rust symbols. */
  readonly demangle: boolean;
}

type Environment = Readonly<Record<string, string | undefined>>;

/** Reads the settings. @param warn told of each malformed value */
export function readSettings(environment: Environment, warn: (message: string) => void): Settings {
  const read = <T>(name: string, accepted: string, parse: (text: string) => T | undefined): T | undefined => {
    const text = environment[name]?.trim();
    if (text === undefined || text === '') return undefined;
    const value = parse(text);
    if (value === undefined) warn(`${name}=${text} is not understood and ignored; ${name} takes ${accepted}`);
    return value;
  };
  const on = read('OTRACE_ENABLE', FLAG, flag);
  const off = read('OTRACE_DISABLE', FLAG, flag);
  return {
    enabled: on === true ? true : off === true ? false : undefined,
    sampling: read('OTRACE_SAMPLE', PROBABILITY, probability),
    output: environment['OTRACE_OUT'] || undefined,
    heap: read('OTRACE_HEAP', `1 or a list of ${SOURCE_NAMES.join(',')}`, sources),
    heapSampling: read('OTRACE_HEAP_SAMPLE', PROBABILITY, probability),
    heapStackDepth: read('OTRACE_HEAP_STACK_DEPTH', 'a number of frames from 1 to 128', (text) =>
      integer(text, 1, 128),
    ),
    heapShards: read('OTRACE_HEAP_SHARDS', 'a number from 1 to 1024', (text) => integer(text, 1, 1024)),
    heapEveryBytes: read('OTRACE_HEAP_EVERY', 'a number of bytes from 64 to 1073741824', (text) =>
      integer(text, 64, 2 ** 30),
    ),
    heapJsTotals: read('OTRACE_HEAP_JS_TOTALS', FLAG, flag) ?? false,
    heapBufferStacks: read('OTRACE_HEAP_BUFFER_STACKS', 'a number of bytes from 0 to 1073741824', (text) =>
      integer(text, 0, 2 ** 30),
    ),
    wasmAlloc: read('OTRACE_HEAP_WASM_ALLOC', 'roles and names, as malloc=xa,free=ya', namesByRole),
    wasmContext: read('OTRACE_HEAP_WASM_CONTEXT', FLAG, flag) ?? true,
    demangle: read('OTRACE_HEAP_DEMANGLE', FLAG, flag) ?? true,
  };
}

const FLAG = '1 or 0';
const PROBABILITY = 'a probability from 0 to 1, as 0.1';

function flag(text: string): boolean | undefined {
  if (/^(1|true|on|yes)$/i.test(text)) return true;
  if (/^(0|false|off|no)$/i.test(text)) return false;
  return undefined;
}

function probability(text: string): number | undefined {
  const value = Number(text);
  return Number.isNaN(value) ? undefined : Math.min(1, Math.max(0, value));
}

function integer(text: string, least: number, most: number): number | undefined {
  const value = Number(text);
  return Number.isInteger(value) && value >= least && value <= most ? value : undefined;
}

function namesByRole(text: string): Readonly<Record<string, string>> | undefined {
  const pairs = text.split(',').map((pair) => pair.trim().split('='));
  const whole = pairs.every(
    ([role, name, ...more]) => role !== '' && name !== undefined && name !== '' && more.length === 0,
  );
  return whole ? (Object.fromEntries(pairs) as Record<string, string>) : undefined;
}

/** `'all'`, an empty list for `0`, or the sources named; `undefined` when one of the names is none. */
function sources(text: string): readonly SourceName[] | 'all' | undefined {
  const on = flag(text);
  if (on !== undefined) return on ? 'all' : [];
  const names = text.split(',').map((name) => name.trim());
  return names.every(isSourceName) ? names : undefined;
}

function isSourceName(name: string): name is SourceName {
  return (SOURCE_NAMES as readonly string[]).includes(name);
}
