/** The sources that need hooks, attached to the heap tracer: one line each. */
import { V8Source } from '../sources/v8/v8-source.js';
import type { Instances } from './default-instances.js';
import { warn } from './warn.js';

export function attachSources({ heap, settings, frames }: Instances): void {
  heap.attach(
    new V8Source({
      ...frames,
      warn,
      ...(settings.heapEveryBytes !== undefined && { everyBytes: settings.heapEveryBytes }),
      ...(settings.heapStackDepth !== undefined && { stackDepth: settings.heapStackDepth }),
    }),
  );
}
