/**
 * `otrace/hooks`: the one place where otrace attaches to the process. Imported for its side effect, or preloaded by
 * `otrace run`; once attached, further imports, also of other copies of the package, do nothing.
 */

import { armHeap } from './node/arm-heap.js';
import { attachSources } from './node/attach-sources.js';
import { defaultInstances } from './node/default-instances.js';
import { readRunOptions } from './node/run-options.js';
import { startRun } from './node/run-session.js';
import { threadEnvironment } from './node/threads.js';
import { warn } from './node/warn.js';

try {
  attach();
} catch (error) {
  // The program goes on without us.
  warn(
    `could not attach (${error instanceof Error ? error.message : String(error)}); the program runs untraced`,
  );
}

function attach(): void {
  const instances = defaultInstances();
  if (instances.hooked) return;
  instances.hooked = true;
  const options = readRunOptions(threadEnvironment());
  attachSources(instances, options);
  if (options === undefined) armHeap(instances, true);
  else startRun(instances, options);
}
