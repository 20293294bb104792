/**
 * The memory in which all threads keep the blocks of WebAssembly heaps that they share: the main thread makes it before
 * any worker can have such a heap, and leaves it in the environment data, which reaches workers of workers as well.
 */
import { createRequire } from 'node:module';
import type { Serializable } from 'node:worker_threads';
import type { SharedLedgerMemory } from '../sources/wasm/wasm-source.js';
import { isMainThread } from './threads.js';

const KEY = 'otrace/wasm-ledger/1';
/** 1 GiB; what is not used is not taken. */
const MOST_PAGES = 16_384;

/** @returns undefined in a worker that the main thread left nothing for, and where there is no address space to spare */
export function sharedLedgerMemory(): SharedLedgerMemory | undefined {
  const threads = createRequire(import.meta.url)(
    'node:worker_threads',
  ) as typeof import('node:worker_threads');
  if (!isMainThread) {
    const left = threads.getEnvironmentData(KEY) as unknown;
    return left instanceof WebAssembly.Memory ? { memory: left, isReporter: false } : undefined;
  }
  try {
    const memory = new WebAssembly.Memory({ initial: 1, maximum: MOST_PAGES, shared: true });
    threads.setEnvironmentData(KEY, memory as unknown as Serializable);
    return { memory, isReporter: true };
  } catch {
    return undefined; // each thread counts for itself then
  }
}
