/**
 * `otrace/macros`: the upper-case names of the C++ header otrace 0.2.0, so that code ported from it reads line for
 * line. Each is one call of the ordinary API (two key/values go in without an object) and nothing more.
 *
 * As a C++ build with `OTRACE=1` does, importing this starts recording (unless `OTRACE_DISABLE=1`). What was a
 * statement in C++ and lives to the end of its block is a value here: `using s = TRACE_SCOPE("parse");`.
 */
import { type Arguments, type Category, heap, type Scope, trace } from 'otrace';
import { nameText } from './recorder/string-table.js';

/** A name, then its value, then a name ... as the variadic macros take them. */
export type KeyValues = readonly unknown[];

trace.enable();

/** Exists for ported code; the recorder needs no touching. */
export const OTRACE_TOUCH = (): void => {};
export const OTRACE_ENABLE = (): void => trace.enable();
export const OTRACE_DISABLE = (): void => trace.disable();
export const OTRACE_IS_ENABLED = (): boolean => trace.enabled;
export const OTRACE_COLOR = (cname: string): void => trace.color(cname);

export const OTRACE_SCOPE = (name: string): Scope => trace.scope(name);
export const OTRACE_SCOPE_C = (name: string, cat: string): Scope => trace.category(cat).scope(name);
export const OTRACE_SCOPE_KV = (name: string, key: string, value: unknown): Scope =>
  trace.scope(name, { [key]: value });
export const OTRACE_SCOPE_CKV = (name: string, cat: string, key: string, value: unknown): Scope =>
  trace.category(cat).scope(name, { [key]: value });
export const OTRACE_ZONE = (name: string): Scope => trace.zone(name);

export const OTRACE_BEGIN = (name: string): void => trace.begin(name);
export const OTRACE_BEGIN_C = (name: string, cat: string): void => trace.category(cat).begin(name);
export const OTRACE_END = (name: string): void => trace.end(name);
export const OTRACE_END_C = (name: string, cat: string): void => trace.category(cat).end(name);

export const OTRACE_INSTANT = (name: string): void => trace.instant(name);
export const OTRACE_INSTANT_C = (name: string, cat: string): void => trace.category(cat).instant(name);
export const OTRACE_INSTANT_KV = (name: string, ...keyValues: KeyValues): void => {
  recordInstant(trace, name, keyValues);
};
export const OTRACE_INSTANT_CKV = (name: string, cat: string, ...keyValues: KeyValues): void => {
  recordInstant(trace.category(cat), name, keyValues);
};

export const OTRACE_MARK_FRAME = (index: number): void => trace.frame(index);
export const OTRACE_MARK_FRAME_S = (label: string): void => trace.frame(label);

export const OTRACE_COUNTER = (name: string, value: number): void => trace.counter(name, value);
export const OTRACE_COUNTER_C = (name: string, cat: string, value: number): void =>
  trace.category(cat).counter(name, value);
export const OTRACE_COUNTER2 = (name: string, k1: string, v1: number, k2: string, v2: number): void =>
  trace.counterPair(name, k1, v1, k2, v2);
export const OTRACE_COUNTER3 = (
  name: string,
  k1: string,
  v1: number,
  k2: string,
  v2: number,
  k3: string,
  v3: number,
): void => trace.counter(name, { [k1]: v1, [k2]: v2, [k3]: v3 });

export const OTRACE_SET_PROCESS_NAME = (name: string): void => trace.setProcessName(name);
export const OTRACE_SET_THREAD_NAME = (name: string): void => trace.setThreadName(name);
export const OTRACE_SET_THREAD_SORT_INDEX = (index: number): void => trace.setThreadSortIndex(index);

export const OTRACE_FLOW_BEGIN = (id: number | bigint): void => trace.flowBegin(id);
export const OTRACE_FLOW_STEP = (id: number | bigint): void => trace.flowStep(id);
export const OTRACE_FLOW_END = (id: number | bigint): void => trace.flowEnd(id);

/** @param path `null` for the path set before, as `nullptr` in C++ */
export const OTRACE_FLUSH = (path: string | null = null): void => {
  trace.flush(path ?? undefined);
};
export const OTRACE_SET_OUTPUT_PATH = (path: string): void => trace.setOutputPath(path);
/** @param maxSizeMb,maxFiles 0 leaves the default */
export const OTRACE_SET_OUTPUT_PATTERN = (pattern: string, maxSizeMb = 0, maxFiles = 0): void =>
  trace.setOutputPattern(pattern, {
    ...(maxSizeMb > 0 && { maxBytes: maxSizeMb * 1024 * 1024 }),
    ...(maxFiles > 0 && { maxFiles }),
  });
export const OTRACE_ENABLE_SYNTH_TRACKS = (on: boolean): void => trace.setSynthesis(on);

/** @param filter `null` removes it */
export const OTRACE_SET_FILTER = (filter: ((name: string, cat: string) => boolean) | null): void =>
  trace.setFilter(filter ?? undefined);
export const OTRACE_ENABLE_CATS = (csv: string): void => trace.allow(csv);
export const OTRACE_DISABLE_CATS = (csv: string): void => trace.deny(csv);
export const OTRACE_SET_SAMPLING = (probability: number): void => trace.setSampling(probability);

export const OTRACE_HEAP_ENABLE = (on: boolean): void => (on ? heap.enable() : heap.disable());
export const OTRACE_HEAP_SET_SAMPLING = (probability: number): void => heap.setSampling(probability);
export const OTRACE_HEAP_REPORT = (): void => {
  heap.report();
};

const byName = {
  TOUCH: OTRACE_TOUCH,
  ENABLE: OTRACE_ENABLE,
  DISABLE: OTRACE_DISABLE,
  IS_ENABLED: OTRACE_IS_ENABLED,
  COLOR: OTRACE_COLOR,
  SCOPE: OTRACE_SCOPE,
  SCOPE_C: OTRACE_SCOPE_C,
  SCOPE_KV: OTRACE_SCOPE_KV,
  SCOPE_CKV: OTRACE_SCOPE_CKV,
  ZONE: OTRACE_ZONE,
  BEGIN: OTRACE_BEGIN,
  BEGIN_C: OTRACE_BEGIN_C,
  END: OTRACE_END,
  END_C: OTRACE_END_C,
  INSTANT: OTRACE_INSTANT,
  INSTANT_C: OTRACE_INSTANT_C,
  INSTANT_KV: OTRACE_INSTANT_KV,
  INSTANT_CKV: OTRACE_INSTANT_CKV,
  MARK_FRAME: OTRACE_MARK_FRAME,
  MARK_FRAME_S: OTRACE_MARK_FRAME_S,
  COUNTER: OTRACE_COUNTER,
  COUNTER_C: OTRACE_COUNTER_C,
  COUNTER2: OTRACE_COUNTER2,
  COUNTER3: OTRACE_COUNTER3,
  SET_PROCESS_NAME: OTRACE_SET_PROCESS_NAME,
  SET_THREAD_NAME: OTRACE_SET_THREAD_NAME,
  SET_THREAD_SORT_INDEX: OTRACE_SET_THREAD_SORT_INDEX,
  FLOW_BEGIN: OTRACE_FLOW_BEGIN,
  FLOW_STEP: OTRACE_FLOW_STEP,
  FLOW_END: OTRACE_FLOW_END,
  FLUSH: OTRACE_FLUSH,
  SET_OUTPUT_PATH: OTRACE_SET_OUTPUT_PATH,
  SET_OUTPUT_PATTERN: OTRACE_SET_OUTPUT_PATTERN,
  ENABLE_SYNTH_TRACKS: OTRACE_ENABLE_SYNTH_TRACKS,
  SET_FILTER: OTRACE_SET_FILTER,
  ENABLE_CATS: OTRACE_ENABLE_CATS,
  DISABLE_CATS: OTRACE_DISABLE_CATS,
  SET_SAMPLING: OTRACE_SET_SAMPLING,
  HEAP_ENABLE: OTRACE_HEAP_ENABLE,
  HEAP_SET_SAMPLING: OTRACE_HEAP_SET_SAMPLING,
  HEAP_REPORT: OTRACE_HEAP_REPORT,
} as const;

type Macros = typeof byName;

/** Calls a macro by its name: `OTRACE_CALL('COUNTER', 'queue_len', n)`. */
export function OTRACE_CALL<N extends keyof Macros>(
  name: N,
  ...args: Parameters<Macros[N]>
): ReturnType<Macros[N]> {
  return (byName[name] as (...args: unknown[]) => ReturnType<Macros[N]>)(...args);
}

export {
  OTRACE_BEGIN as TRACE_BEGIN,
  OTRACE_BEGIN_C as TRACE_BEGIN_C,
  OTRACE_CALL as TRACE,
  OTRACE_COLOR as TRACE_COLOR,
  OTRACE_COUNTER as TRACE_COUNTER,
  OTRACE_COUNTER_C as TRACE_COUNTER_C,
  OTRACE_COUNTER2 as TRACE_COUNTER2,
  OTRACE_COUNTER3 as TRACE_COUNTER3,
  OTRACE_DISABLE as TRACE_DISABLE,
  OTRACE_ENABLE as TRACE_ENABLE,
  OTRACE_ENABLE_SYNTH_TRACKS as TRACE_ENABLE_SYNTH_TRACKS,
  OTRACE_END as TRACE_END,
  OTRACE_END_C as TRACE_END_C,
  OTRACE_FLOW_BEGIN as TRACE_FLOW_BEGIN,
  OTRACE_FLOW_END as TRACE_FLOW_END,
  OTRACE_FLOW_STEP as TRACE_FLOW_STEP,
  OTRACE_FLUSH as TRACE_FLUSH,
  OTRACE_INSTANT as TRACE_INSTANT,
  OTRACE_INSTANT_C as TRACE_INSTANT_C,
  OTRACE_INSTANT_CKV as TRACE_INSTANT_CKV,
  OTRACE_INSTANT_KV as TRACE_INSTANT_KV,
  OTRACE_IS_ENABLED as TRACE_IS_ENABLED,
  OTRACE_MARK_FRAME as TRACE_MARK_FRAME,
  OTRACE_MARK_FRAME_S as TRACE_MARK_FRAME_S,
  OTRACE_SCOPE as TRACE_SCOPE,
  OTRACE_SCOPE_C as TRACE_SCOPE_C,
  OTRACE_SCOPE_CKV as TRACE_SCOPE_CKV,
  OTRACE_SCOPE_KV as TRACE_SCOPE_KV,
  OTRACE_SET_OUTPUT_PATH as TRACE_SET_OUTPUT_PATH,
  OTRACE_SET_OUTPUT_PATTERN as TRACE_SET_OUTPUT_PATTERN,
  OTRACE_SET_PROCESS_NAME as TRACE_SET_PROCESS_NAME,
  OTRACE_SET_THREAD_NAME as TRACE_SET_THREAD_NAME,
  OTRACE_SET_THREAD_SORT_INDEX as TRACE_SET_THREAD_SORT_INDEX,
  OTRACE_ZONE as TRACE_ZONE,
};

function recordInstant(category: Category, name: string, keyValues: KeyValues): void {
  if (keyValues.length === 4) {
    category.instantPair(name, keyValues[0], keyValues[1], keyValues[2], keyValues[3]);
  } else if (category.recording) {
    category.instant(name, pairs(keyValues));
  }
}

function pairs(keyValues: KeyValues): Arguments {
  const args: [string, unknown][] = [];
  for (let i = 0; i + 1 < keyValues.length; i += 2) args.push([nameText(keyValues[i]), keyValues[i + 1]]);
  return Object.fromEntries(args);
}
