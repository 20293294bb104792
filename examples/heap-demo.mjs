// The heap tracer by hand, with no hooks: a pool of blocks is registered as it is allocated, two small blocks are
// lost. Writes heap_demo.json; `leak_1` in it is the pool: 1966080 bytes in 120 allocations.
import { heap, trace } from 'otrace';

const pool = new Map();
let nextHandle = 1;

function allocateBlock(bytes) {
  const handle = nextHandle++;
  pool.set(handle, bytes);
  heap.alloc(handle, bytes);
  return handle;
}

function fillPool() {
  for (let i = 0; i < 120; i++) allocateBlock(16 * 1024);
}

trace.enable();
trace.setOutputPath('heap_demo.json');
trace.instant('program_start');
heap.setSampling(1.0); // guarantee attribution in this window
heap.enable();

fillPool();
allocateBlock(1024);
allocateBlock(2048);

heap.setSampling(0.0); // keep the tracer on, quiet the hooks
heap.report();
trace.instant('report_done');
trace.flush();
heap.disable();
trace.disable();
