/** The sources that need hooks, attached to the heap tracer. */
import { createRequire, syncBuiltinESMExports } from 'node:module';
import type { HeapTracer } from '../heap/tracer.js';
import { BuffersSource } from '../sources/buffers/buffers-source.js';
import { ExactSource } from '../sources/v8/exact-source.js';
import { V8Source } from '../sources/v8/v8-source.js';
import type { WasmSource, WasmSourceOptions } from '../sources/wasm/wasm-source.js';
import type { Instances } from './default-instances.js';
import { LazyWasmSource } from './lazy-wasm-source.js';
import { totalsSampler } from './pprof-package.js';
import type { RunOptions } from './run-options.js';
import { sharedLedgerMemory } from './shared-ledger.js';
import { isMainThread } from './threads.js';
import { warn } from './warn.js';
import { openWasmSourceMap } from './wasm-source-maps.js';

/** Of V8's flags for exact sites (`otrace run --no-inline`), the one that every Node knows. */
const NO_INLINING = '--no-turbo-inlining';

export function attachSources(instances: Instances, run?: RunOptions): void {
  const { heap, settings, frames } = instances;
  // A worker is not recorded exactly: the report is the main thread's.
  if (run?.exact && isMainThread) {
    heap.attach(new ExactSource({ tracking: () => heap.tracking(), top: run.top, warn }));
  } else {
    heap.attach(
      new V8Source({
        ...frames,
        warn,
        inlining: !process.execArgv.includes(NO_INLINING),
        ...(settings.heapJsTotals && { totals: totalsSampler(process.argv[1] ?? '', process.cwd()) }),
        ...(settings.heapEveryBytes !== undefined && { everyBytes: settings.heapEveryBytes }),
        ...(settings.heapStackDepth !== undefined && { stackDepth: settings.heapStackDepth }),
      }),
    );
  }

  heap.attach(
    new BuffersSource(heap.host, {
      bufferModule: createRequire(import.meta.url)('node:buffer') as object,
      moduleChanged: syncBuiltinESMExports,
      processBytes: () => process.memoryUsage().arrayBuffers,
      ...(settings.heapBufferStacks !== undefined && { stackBytes: settings.heapBufferStacks }),
    }),
  );

  const wasm = new LazyWasmSource(() => loadWasmSource(instances), warn);
  // A module that is instantiated before the tracer is armed must be seen too: until then its hooks are silent. A
  // process that names its heaps and leaves this one out has its modules left alone, and so has a worker until it
  // arms the tracer itself.
  const wanted = settings.heap === undefined || settings.heap === 'all' || settings.heap.includes('wasm');
  if (isMainThread && wanted) wasm.watch();
  heap.attach(wasm);
}

interface WasmModule {
  readonly WasmSource: new (host: HeapTracer['host'], options: WasmSourceOptions) => WasmSource;
}

/** From a bundle of its own, beside the CommonJS hooks, that is parsed when it is needed. */
function loadWasmSource({ trace, heap, settings, frames }: Instances): WasmSource {
  const { WasmSource } = createRequire(import.meta.url)('../cjs/wasm-source.js') as WasmModule;
  const events = trace.category('heap');
  const shared = sharedLedgerMemory();
  return new WasmSource(heap.host, {
    isOwnFrame: frames.isOwnFrame,
    displayPath: frames.displayPath,
    openSourceMap: openWasmSourceMap,
    contexts: settings.wasmContext,
    demangle: settings.demangle,
    onMemoryBytes: (bytes) => events.counter('wasm_memory_bytes', bytes),
    ...(shared !== undefined && { shared }),
    ...(settings.wasmAlloc !== undefined && { names: settings.wasmAlloc }),
  });
}
