/** Finds `@datadog/pprof` where the program has it installed; nothing of ours depends on it. */
import { createRequire } from 'node:module';
import { join, resolve } from 'node:path';
import { type PprofHeap, TotalsSampler } from '../sources/v8/totals-sampler.js';

const PACKAGE = '@datadog/pprof';
/** Before it, V8 does not tell live and dead samples apart. */
const FIRST_NODE = 26;

/**
 * @param script the program's main script; empty when there is none
 * @returns why there are no totals, with the remedy
 */
export function totalsSampler(script: string, cwd: string): TotalsSampler | string {
  const { node } = process.versions;
  if (Number(node.split('.')[0]) < FIRST_NODE) {
    return `totals of JavaScript sites need Node ${FIRST_NODE} or newer, this is ${node}; they show what is live only`;
  }
  let reason = 'it is not installed';
  for (const from of [resolve(cwd, script), join(cwd, 'otrace.js')]) {
    const require = createRequire(from);
    try {
      require.resolve(PACKAGE);
    } catch {
      continue;
    }
    try {
      return new TotalsSampler((require(PACKAGE) as { readonly heap: PprofHeap }).heap);
    } catch (error) {
      reason = `it can't be loaded: ${(error as Error).message.split('\n')[0]}`;
    }
  }
  return `totals of JavaScript sites come from the package ${PACKAGE}, and ${reason}; npm install --save-dev ${PACKAGE}`;
}
