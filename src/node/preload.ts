/**
 * `otrace/hooks` as `require` and `--require` load it: attaches at once where there is something to trace, and
 * otherwise with the first of these, so that a program that is not traced starts as fast as it would without:
 *
 *     a copy of the package asks for the process' instances      somebody is about to turn tracing on
 *     the global `WebAssembly` is read                           modules are hooked before anybody does
 *
 * There is something to trace when a variable of otrace is set, or when what started this worker records. The
 * hooks themselves are a bundle of their own (`hooks.ts`, built as `attach.js`): to parse it takes longer than all the
 * rest of a preload. So this file imports next to nothing.
 */
import { runCompiled } from './compiled-bundle.js';
import { INSTANCES } from './instances-key.js';
import { CHANNEL, isMainThread } from './main-thread.js';
import { readRunOptions } from './run-options.js';
import { warn } from './warn.js';

/** Put in by the build: the digest of `attach.js`. */
declare const OTRACE_ATTACH_DIGEST: string;

type Global = Record<PropertyKey, unknown>;

const instances = Object.getOwnPropertyDescriptor(globalThis, INSTANCES);
if (instances?.get === undefined) {
  if (instances !== undefined || isTraced()) attach();
  else attachWhenNeeded(globalThis as unknown as Global);
} // otherwise another copy of this waits already

function isTraced(): boolean {
  for (const name in process.env) if (name.startsWith('OTRACE_')) return true;
  if (isMainThread) return false;
  const threads = require('node:worker_threads') as typeof import('node:worker_threads');
  return threads.getEnvironmentData(CHANNEL) !== undefined;
}

function attach(): void {
  try {
    const folder = readRunOptions(process.env)?.bytecodeFolder;
    if (folder === undefined)
      require('./attach.js'); // in words that a bundler follows
    else runCompiled(`${__dirname}/attach.js`, OTRACE_ATTACH_DIGEST, folder);
  } catch (error) {
    warn(
      `could not load the hooks (${String((error as Error).message).split('\n')[0]}); the program runs untraced`,
    );
  }
}

function attachWhenNeeded(global: Global): void {
  const leave = (): void => {
    for (const stop of waiting) stop();
  };
  const waiting = [waitAt(global, INSTANCES, undefined, leave)];
  const namespace = Object.getOwnPropertyDescriptor(global, 'WebAssembly');
  if (namespace?.configurable === true && 'value' in namespace) {
    waiting.push(waitAt(global, 'WebAssembly', namespace, leave));
  }
}

/**
 * Attaches the hooks when a global is read, which then is what they made of it. One that is set is the program's.
 *
 * @param original what is there otherwise
 * @param leave puts all globals back that are waited at
 * @returns how to put this one back
 */
function waitAt(
  global: Global,
  name: PropertyKey,
  original: PropertyDescriptor | undefined,
  leave: () => void,
): () => void {
  const enumerable = original?.enumerable === true;
  const get = (): unknown => {
    leave();
    attach();
    return global[name];
  };
  const set = (value: unknown): void => {
    Object.defineProperty(global, name, { configurable: true, enumerable, writable: true, value });
  };
  Object.defineProperty(global, name, { configurable: true, enumerable, get, set });
  return () => {
    if (Object.getOwnPropertyDescriptor(global, name)?.get !== get) return;
    if (original === undefined) delete global[name];
    else Object.defineProperty(global, name, original);
  };
}
