/** What every entry point exports beside its instances: the types that a program may want to name, and the error. */
export { OtraceError, type OtraceErrorCode } from './errors.js';
export type { ExactOptions, ExactResult, HeapMark, WhyAliveResult } from './heap/exact.js';
export type { Frame } from './heap/frame.js';
export type { SurvivorGroup } from './heap/retainers.js';
export type { HeapSnapshot, SiteUsage, SourceName, SourceSnapshot } from './heap/snapshot.js';
export type { HeapTracer } from './heap/tracer.js';
export type { Arguments } from './recorder/arguments.js';
export type { Category, FlowId, Series } from './recorder/category.js';
export type { CategoryList, EventFilter } from './recorder/filter.js';
export type { Recorder } from './recorder/recorder.js';
export type { Scope } from './recorder/scope.js';
export type { SynthesisOptions } from './recorder/synthesis.js';
export type { FlushResult, RotationLimits } from './recorder/trace-output.js';
