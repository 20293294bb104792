/**
 * Whether this is the main thread, without loading `node:worker_threads`, which takes milliseconds: what a worker may
 * not do, Node has put a function in the place of that carries this mark.
 */
export const isMainThread = (process.chdir as { disabled?: boolean }).disabled !== true;

/** Names what otrace's threads share: environment data, and the channel of `thread-channel.ts`. */
export const CHANNEL = 'otrace/1';
