/** The worker's side of threads.test.ts: records what it is told to. */
import { once } from 'node:events';
import { parentPort, Worker, workerData } from 'node:worker_threads';
import { joinThreads } from '../../src/node/thread-channel.js';
import { clockOffsetUs, fromParent, leaveForWorkers, threadTid } from '../../src/node/threads.js';
import { MainThreadOutput, openSharedLog } from '../../src/node/worker-logs.js';
import { Clock } from '../../src/recorder/clock.js';
import { Recorder } from '../../src/recorder/recorder.js';

const settings = workerData as { capacity?: number };
const main = fromParent();
joinThreads();
leaveForWorkers(main!);
const clock = new Clock(performance, clockOffsetUs(main));
const trace = new Recorder({
  clock,
  output: new MainThreadOutput(),
  pid: process.pid,
  tid: threadTid(),
  threadName: 'not used: the log has its own',
  warn: () => {},
  openLog: (bytes) => openSharedLog(clock, bytes),
});
trace.setCapacity(settings.capacity ?? 1024);
trace.enable();

let next = 0;
function record(): void {
  trace.instant(`event ${next % 5}`, { i: next, text: `text ${next} `.repeat(1 + (next % 7)) });
  next++;
}

const orders: Readonly<Record<string, (value: never) => unknown>> = {
  record: (count: number) => {
    for (let i = 0; i < count; i++) record();
  },
  'record forever': () => {
    for (;;) record();
  },
  names: (count: number) => {
    for (let i = 0; i < count; i++) trace.instant(`é😀 name ${i} ${'x'.repeat(i % 50)}`);
  },
  rename: ({ name, sortIndex }: { name: string; sortIndex: number }) => {
    trace.setThreadName(name);
    trace.setThreadSortIndex(sortIndex);
  },
  long: (length: number) => trace.instant('long', { text: 'x'.repeat(length) }),
  clock: () => clock.nowUs(),
  flush: () => trace.flush(),
  recording: () => Atomics.load(main!.recording, 0),
  finish: () => parentPort!.close(),
  child: async (program: string) => {
    const child = new Worker(program, { workerData: {} });
    const { threadId } = child; // -1 once it has ended
    await once(child, 'message');
    child.postMessage({ order: 'record', value: 10 });
    await once(child, 'message');
    child.postMessage({ order: 'finish' });
    await once(child, 'exit');
    return threadId;
  },
};

parentPort!.on('message', async ({ order, value }: { order: string; value: never }) => {
  const answer = await orders[order]!(value);
  if (order !== 'finish') parentPort!.postMessage(answer ?? 'done');
});
parentPort!.postMessage('ready');
