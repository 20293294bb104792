// Asks V8's sampler where `holdRows` is in what runs, and a SourceMaps where that is in this file.
import { Session } from 'node:inspector';
import { SourceMaps } from '../../../src/node/source-maps.js';

interface Row {
  readonly id: number;
}

interface ProfileNode {
  readonly callFrame: { functionName: string; url: string; lineNumber: number; columnNumber: number };
  readonly children: ProfileNode[];
}

const rows: Row[] = [];
const session = new Session();
session.connect();
session.post('HeapProfiler.startSampling', { samplingInterval: 256 });

function holdRows(): void {
  for (let id = 0; id < 10_000; id++) rows.push({ id });
}
holdRows();

session.post('HeapProfiler.getSamplingProfile', (_error, result) => {
  const pending: ProfileNode[] = [result.profile.head];
  for (let node = pending.pop(); node !== undefined; node = pending.pop()) {
    pending.push(...node.children);
    const { functionName, url, lineNumber, columnNumber } = node.callFrame;
    if (functionName !== 'holdRows') continue;
    const raw = { name: functionName, file: url, line: lineNumber + 1, column: columnNumber + 1 };
    console.log(JSON.stringify({ raw, mapped: new SourceMaps().mapFrame(raw) }));
    return;
  }
});
