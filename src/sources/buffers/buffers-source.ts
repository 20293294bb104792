/**
 * The `buffers` source: memory of `ArrayBuffer`, `SharedArrayBuffer`, typed arrays, `Buffer` and `Blob`, which lies
 * outside of V8's heap. Exact: every call that makes such memory is hooked (`hooks.ts`), and a block is live until the
 * collector has taken its object (`heap/weak-blocks.ts`); a snapshot forces a collection, so that it shows no garbage.
 *
 * Not seen: memory that the platform makes without one of these calls (sockets, `fs`, crypto, other realms, what
 * another thread sent). How much that is, the fact `array_buffers_unattributed` says.
 */
import { SiteTable } from '../../heap/sites.js';
import type { SourceSnapshot } from '../../heap/snapshot.js';
import type { HeapSource } from '../../heap/source.js';
import type { StreamHost } from '../../heap/stream.js';
import { snapshotStreams } from '../../heap/stream-snapshot.js';
import { BufferBlocks } from './buffer-blocks.js';
import { installHooks } from './hooks.js';

export interface BuffersSourceOptions {
  /** What `require('node:buffer')` gives, where `Blob` and `File` are to be found a second time. */
  readonly bufferModule: object;
  /** Called when that module has changed, so that its named imports follow. */
  readonly moduleChanged: () => void;
  /**
   * Buffers of this size on are worth a stack, each as the sampling says; of smaller ones the first 1,000, and then as
   * many as take a twentieth of the time. Default 0: all.
   */
  readonly stackBytes?: number;
  /** All memory of array buffers that the process itself knows of, in bytes. */
  readonly processBytes: () => number;
}

export class BuffersSource implements HeapSource {
  readonly name = 'buffers';
  readonly #sites = new SiteTable('buffers');
  readonly #blocks: BufferBlocks;
  readonly #options: BuffersSourceOptions;
  readonly #host: StreamHost;
  #installed = false;

  constructor(host: StreamHost, options: BuffersSourceOptions) {
    this.#host = host;
    this.#blocks = new BufferBlocks(host, this.#sites, options.stackBytes ?? 0);
    this.#options = options;
  }

  get endsByCollection(): boolean {
    return this.#blocks.any;
  }

  /** Puts the hooks in place the first time, where they stay: classes of the program are derived from them. */
  arm(): void {
    if (!this.#installed) {
      this.#installed = true;
      installHooks(this.#blocks, this.#options.bufferModule);
      this.#options.moduleChanged();
    }
    this.#blocks.recording = true;
  }

  disarm(): void {
    this.#blocks.recording = false;
  }

  reset(): void {
    this.#blocks.reset();
    this.#sites.resetTotals();
  }

  liveBytes(): number {
    return this.#blocks.stream.liveBytes;
  }

  selfBytes(): number {
    return this.#blocks.selfBytes + this.#sites.selfBytes;
  }

  snapshot(): SourceSnapshot {
    this.#blocks.sweep();
    const { stream, notFollowed } = this.#blocks;
    const facts: Record<string, string> = {};
    const unattributed = Math.max(0, this.#options.processBytes() - stream.liveBytes);
    facts['array_buffers_unattributed'] = `${unattributed} bytes`;
    if (this.#host.collect === undefined)
      facts['collection'] = 'not forced: garbage may be among what is live';
    if (this.#blocks.stacksInProportion)
      facts['stacks'] = `below ${this.#options.stackBytes} bytes a part of them, which stands for the rest`;
    if (notFollowed > 0) facts['not_followed'] = `${notFollowed} blocks of one long job, only in the totals`;
    const taken = snapshotStreams(this.#sites, [stream], facts);
    return { ...taken, sites: this.#blocks.divided(taken.sites) };
  }
}
