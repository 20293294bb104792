/**
 * Sees to it that the preload reaches every worker. Workers inherit the flags of the process, and `--require` with
 * them, unless the program gives them flags of their own (`execArgv`): then the preload is put in front of those.
 *
 * The class `Worker` is replaced by a proxy of itself: same prototype, statics and `instanceof`, subclasses as before.
 */
import { createRequire, syncBuiltinESMExports } from 'node:module';
import type { Worker, WorkerOptions } from 'node:worker_threads';

/** @param preload path of the hooks. REQUIRES: called before the program's modules are loaded */
export function preloadWorkers(preload: string): void {
  const threads = createRequire(import.meta.url)('node:worker_threads') as { Worker: typeof Worker };
  const original = threads.Worker;
  const proxy: typeof Worker = new Proxy(original, {
    construct(target, args: unknown[], newTarget): object {
      const [file, options, ...rest] = args;
      const flagged = withPreload(options as WorkerOptions | undefined, preload);
      return Reflect.construct(target, [file, flagged, ...rest], newTarget === proxy ? target : newTarget);
    },
  });
  original.prototype.constructor = proxy;
  threads.Worker = proxy;
  syncBuiltinESMExports();
}

function withPreload(options: WorkerOptions | undefined, preload: string): WorkerOptions | undefined {
  const flags = options?.execArgv;
  if (!Array.isArray(flags) || flags.includes(preload)) return options;
  return { ...options, execArgv: ['--require', preload, ...flags] };
}
