/** What `otrace run` prints at its end, to stderr: the leak table from the trace that the program left, and where that is. */
import { readFileSync } from 'node:fs';
import { dirname } from 'node:path';
import { fatalReportFile } from '../node/fatal-report.js';
import { warn } from '../node/warn.js';
import type { FlushResult } from '../recorder/trace-output.js';
import { showChildTraces } from './child-traces.js';
import type { LeftBehind } from './left-behind.js';
import type { ProgramEnd } from './program.js';
import { endOf, heapBytesAtEnd, whatIsMissing } from './sudden-end.js';
import { showTrace } from './trace-summary.js';

/** @param resultFile where the program's process leaves what became of the trace */
export async function showResult(
  resultFile: string,
  left: LeftBehind,
  top: number,
  { signal, endUs }: ProgramEnd,
): Promise<void> {
  const result = readResult(resultFile);
  if (result?.written === false) return; // the program's process has said why
  const path = result?.path ?? left.path();
  if (path === undefined) {
    warn(
      `no trace was written: the program ${endOf({ signal, heapBytes: heapBytesAtEnd(fatalReportFile(resultFile)) })}`,
    );
    return;
  }
  const trace = await showTrace({ ...result, path }, top, process.cwd());
  if (result === undefined) {
    const heapBytes = heapBytesAtEnd(fatalReportFile(resultFile));
    warn(await whatIsMissing(trace, { signal, endUs, heapBytes }));
  }
  showChildTraces(path, dirname(resultFile));
}

/** What the program's process left as its last word; `undefined` when it had no time for one. */
function readResult(resultFile: string): FlushResult | undefined {
  try {
    return JSON.parse(readFileSync(resultFile, 'utf8')) as FlushResult;
  } catch {
    return undefined;
  }
}
