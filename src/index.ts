/**
 * `otrace`: the process' recorder and heap tracer.
 *
 * @example
 * import { heap, trace } from 'otrace';
 *
 * trace.enable();
 * trace.scope('parse', () => parse(text));
 * trace.counter('queue_length', queue.length);
 * trace.flush();
 */
import { defaultInstances } from './node/default-instances.js';

export * from './api.js';

const instances = defaultInstances();

/** Records events and writes them to a file. Off until `trace.enable()`. */
export const trace = instances.trace;

/** Counts live heap bytes and reports who holds them. Off until `heap.enable()`. */
export const heap = instances.heap;
