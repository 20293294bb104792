/** Arms the heaps that `OTRACE_HEAP` names, as far as they are attached. */
import type { Instances } from './default-instances.js';
import { warn } from './warn.js';

/**
 * Called when the instances are made, when only `manual` is there, and again when the hooks have attached the rest.
 *
 * @param hooked whether all that there will be is attached
 */
export function armHeap(instances: Instances, hooked: boolean): void {
  const { heap, settings, exit } = instances;
  if (settings.heap === 'all') {
    heap.enable();
    return;
  }
  const wanted = settings.heap ?? [];
  if (wanted.length === 0) return;
  const attached = heap.attachedSources;
  const missing = wanted.filter((name) => !attached.includes(name)).join(',');
  if (missing === '') {
    heap.enable(wanted);
  } else if (hooked) {
    warn(`OTRACE_HEAP=${wanted.join(',')}: this version has no source ${missing}; the others are traced`);
    heap.enable(wanted.filter((name) => attached.includes(name)));
  } else {
    exit.before(() => {
      if (!instances.hooked)
        warn(`OTRACE_HEAP=${missing} needs the hooks; run with otrace run, or import otrace/hooks`);
    });
  }
}
