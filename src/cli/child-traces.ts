/** What `otrace run` says at its end of the traces that the program's forked processes wrote. To stderr. */
import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { CHILD_RESULT } from '../node/run-options.js';
import { say } from '../node/warn.js';
import type { FlushResult } from '../recorder/trace-output.js';
import { shownPath } from './trace-summary.js';

const MAX_CHILDREN_NAMED = 8;

/**
 * @param path the program's own trace
 * @param folder where each process has left where its trace is, and at its end what became of it
 */
export function showChildTraces(path: string, folder: string): void {
  const children = childTraces(folder);
  if (children.length === 0) return;
  const named = children.slice(0, MAX_CHILDREN_NAMED).join(' ');
  const more = children.length - MAX_CHILDREN_NAMED;
  const all = more > 0 ? `${named} and ${more} more` : named;
  const wrote =
    children.length === 1 ? 'a forked process wrote' : `${children.length} forked processes wrote`;
  const join = `otrace merge ${shownPath(path)} ${more > 0 ? 'FILES...' : named} --out merged.json`;
  say(`otrace: ${wrote} ${all}; to join them: ${join}\n`);
}

function childTraces(folder: string): string[] {
  const files = readdirSync(folder).filter((name) => name.startsWith(CHILD_RESULT));
  return files.flatMap((name) => {
    try {
      const result = JSON.parse(readFileSync(join(folder, name), 'utf8')) as FlushResult;
      return result.written && existsSync(result.path) ? [shownPath(result.path)] : [];
    } catch {
      return []; // killed while it wrote this
    }
  });
}
