// What the recorder can say: scopes, instants, counters, flows, frames, names and colours. Writes timeline.json.
import { setTimeout as sleep } from 'node:timers/promises';
import { trace } from 'otrace';

trace.setOutputPath('timeline.json');
trace.setProcessName('image pipeline');
trace.setThreadName('main');
trace.setSynthesis(true);
trace.enable();

const io = trace.category('io');

async function processImage(id) {
  trace.flowBegin(id);
  const bytes = await io.scope('load', { id }, async () => {
    await sleep(3);
    return 512 * 1024 + id;
  });
  trace.scope('resize', { id, bytes }, () => {
    trace.flowEnd(id);
    for (let pixel = 0; pixel < 200_000; pixel++);
  });
  if (id % 3 === 0) {
    trace.color('bad');
    trace.instant('cache_miss', { id, key: `image-${id}` });
  }
}

for (let id = 0; id < 8; id++) {
  trace.frame(id);
  trace.counter('queue_length', 8 - id);
  trace.counter('memory_kb', {
    heap: process.memoryUsage().heapUsed / 1024,
    external: process.memoryUsage().external / 1024,
  });
  await processImage(id);
}

const { path, events } = trace.flush();
console.log(`${events} events in ${path}`);
