/**
 * Makes `heap.exact`, `heap.mark` and `heap.whyAlive` work under Node, without the hooks: they attach to V8 for as long
 * as they are asked to, and to nothing before. Their code is a bundle of its own, parsed when it is first needed.
 */
import { createRequire } from 'node:module';
import type { ObjectTracking } from '../heap/exact.js';
import type { ObjectTrackingOptions } from '../sources/v8/object-tracking.js';
import type { Instances } from './default-instances.js';

interface TrackingModule {
  readonly V8ObjectTracking: new (options: ObjectTrackingOptions) => ObjectTracking;
}

export function attachTracking({ heap, settings, frames }: Omit<Instances, 'hooked'>): void {
  heap.attachTracking(() => {
    const { V8ObjectTracking } = createRequire(import.meta.url)(
      '../cjs/object-tracking.js',
    ) as TrackingModule;
    return new V8ObjectTracking({
      ...frames,
      ...(settings.heapStackDepth !== undefined && { stackDepth: settings.heapStackDepth }),
    });
  });
}
