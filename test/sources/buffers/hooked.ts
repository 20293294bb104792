/** The `buffers` source in this process, armed, with a collection at hand: once for a test file, for hooks stay. */
import bufferModule from 'node:buffer';
import { syncBuiltinESMExports } from 'node:module';
import type { SourceSnapshot } from '../../../src/heap/snapshot.js';
import type { HeapTracer } from '../../../src/heap/tracer.js';
import { GarbageCollection } from '../../../src/node/collect-garbage.js';
import { BuffersSource, type BuffersSourceOptions } from '../../../src/sources/buffers/buffers-source.js';
import { recordedHeap } from '../../heap/recorded-heap.js';

export interface Hooked {
  readonly heap: HeapTracer;
  readonly warnings: readonly string[];
  /** The series of the newest `heap_live_bytes`. */
  readonly point: () => Record<string, string | number> | undefined;
  /** What the source has now, after a forced collection. */
  taken(): SourceSnapshot;
  /** Bytes and blocks that are live now. */
  live(): [number, number];
}

/** @param options of the source beyond what this process gives */
export function hookBuffers(options: Pick<BuffersSourceOptions, 'stackBytes'> = {}): Hooked {
  const garbage = new GarbageCollection();
  const { heap, point, warnings } = recordedHeap({ collect: () => garbage.run() });
  heap.attach(
    new BuffersSource(heap.host, {
      ...options,
      bufferModule,
      moduleChanged: syncBuiltinESMExports,
      processBytes: () => process.memoryUsage().arrayBuffers,
    }),
  );
  heap.setSampling(1);
  heap.enable(['buffers']);
  const taken = (): SourceSnapshot => heap.snapshot().sources.find(({ source }) => source === 'buffers')!;
  const live = (): [number, number] => {
    const { liveBytes, liveBlocks } = taken();
    return [liveBytes, liveBlocks];
  };
  return { heap, warnings, point, taken, live };
}
