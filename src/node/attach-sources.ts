/** The sources that need hooks, attached to the heap tracer: one line each. */
import { V8Source } from '../sources/v8/v8-source.js';
import { WasmSource } from '../sources/wasm/wasm-source.js';
import type { Instances } from './default-instances.js';
import { warn } from './warn.js';

export function attachSources({ trace, heap, settings, frames }: Instances): void {
  heap.attach(
    new V8Source({
      ...frames,
      warn,
      ...(settings.heapEveryBytes !== undefined && { everyBytes: settings.heapEveryBytes }),
      ...(settings.heapStackDepth !== undefined && { stackDepth: settings.heapStackDepth }),
    }),
  );

  const events = trace.category('heap');
  const wasm = new WasmSource(heap.host, {
    isOwnFrame: frames.isOwnFrame,
    contexts: settings.wasmContext,
    demangle: settings.demangle,
    onMemoryBytes: (bytes) => events.counter('wasm_memory_bytes', bytes),
    ...(settings.wasmAlloc !== undefined && { names: settings.wasmAlloc }),
  });
  // A module that is instantiated before the tracer is armed must be seen too. Until then its hooks are silent; a
  // process that names its heaps and leaves this one out has its modules left alone.
  if (settings.heap === undefined || settings.heap === 'all' || settings.heap.includes('wasm'))
    wasm.install();
  heap.attach(wasm);
}
