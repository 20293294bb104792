/** Prints the hashes of its leaks: run twice by a test, which compares. */
import { recordedHeap } from './recorded-heap.js';

const { heap } = recordedHeap();
heap.setSampling(1);
heap.enable();

class Pool {
  grow(n: number): void {
    heap.alloc(n, 1 + n * n);
  }
}
function direct(n: number): void {
  heap.alloc(n, 100 + n);
}
new Pool().grow(1);
direct(2);
[3].forEach(direct);
await Promise.resolve().then(() => heap.alloc('a promise', 5));
heap.setSampling(0);
heap.alloc('no stack', 1);

for (const site of heap.snapshot().sources[0]!.sites) console.log(site.hash);
