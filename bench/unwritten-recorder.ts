/** A recorder as a program has it, but for its output, which takes nothing: what is measured is the recording. */
import { Clock } from '../src/recorder/clock.js';
import { Recorder } from '../src/recorder/recorder.js';
import type { FlushResult } from '../src/recorder/trace-output.js';

export function unwrittenRecorder(): Recorder {
  return new Recorder({
    clock: new Clock(performance),
    output: {
      incremental: false,
      setPath() {},
      setPattern() {},
      write: (): FlushResult => ({ written: false, reason: '' }),
    },
    pid: process.pid,
    tid: process.pid,
    threadName: 'main',
    warn: console.error,
  });
}
