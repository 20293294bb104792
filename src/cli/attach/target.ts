/** What stands at the other end of a connection: what it says of itself, and how its frames are shown. */
import { basename } from 'node:path';
import { OtraceError } from '../../errors.js';
import { displayPath } from '../../node/display-path.js';
import { ownFrames } from '../../node/own-frames.js';
import { SourceMaps } from '../../node/source-maps.js';
import type { FrameRules } from '../../sources/v8/trim.js';
import type { Connection } from './connection.js';

export interface Target {
  /** A Node process, or a page (or worker) in a browser. */
  readonly kind: 'node' | 'page';
  /** Its process id, as it knows it; 0 for a page. */
  readonly pid: number;
  /** What to call it: the script, or the page's title. */
  readonly name: string;
  /** `Node v22.1.0`, or the page's address. */
  readonly description: string;
  /** Its working directory, or the page's address without what comes after the origin. */
  readonly base: string;
}

const ASK = `typeof process === 'object' && process?.versions?.node
  ? { pid: process.pid, script: process.argv[1] ?? 'node', version: process.version, cwd: process.cwd() }
  : { title: globalThis.document?.title ?? '', url: globalThis.location?.href ?? '', origin: globalThis.location?.origin ?? '' }`;

type Answer =
  | { readonly pid: number; readonly script: string; readonly version: string; readonly cwd: string }
  | { readonly pid?: never; readonly title: string; readonly url: string; readonly origin: string };

/** @throws OtraceError `OTRACE_ATTACH` when it does not run JavaScript, or does not answer */
export async function targetOf(connection: Connection): Promise<Target> {
  let answer: Answer;
  try {
    answer = (await connection.evaluate(ASK)) as Answer;
  } catch (error) {
    throw new OtraceError(
      'OTRACE_ATTACH',
      `what answers there is no page and no Node process (${(error as Error).message}); give the address of one, or host:port to choose by`,
    );
  }
  if (answer.pid !== undefined) {
    const { pid, script, version, cwd } = answer;
    return { kind: 'node', pid, name: basename(script), description: `Node ${version}`, base: cwd };
  }
  const { title, url, origin } = answer;
  return { kind: 'page', pid: 0, name: title || url || 'page', description: url, base: origin };
}

/**
 * How many worker threads a Node process has; their heaps are not sampled. Node tells of each while nothing of it is
 * halted; to ask, a session with each is opened and closed again.
 */
export async function workersOf(connection: Connection): Promise<number> {
  let workers = 0;
  connection.on('NodeWorker.attachedToWorker', () => workers++);
  try {
    await connection.post('NodeWorker.enable', { waitForDebuggerOnStart: false });
    await connection.post('NodeWorker.disable');
  } catch {
    // Not told by what answers, which may be no Node: a runtime with an inspector like Node's.
  }
  return workers;
}

/**
 * How frames of the target are shown: those of a Node process as the process itself would show them, those of a
 * page by their address, without the origin that all share and without queries, which may hold secrets and differ
 * from load to load.
 *
 * @param isLocal whether files of the target are files here, so that source maps can be read
 */
export function frameRules(target: Target, isLocal: boolean): FrameRules {
  const maps = new SourceMaps();
  return {
    isOwnFrame: ownFrames(import.meta.url),
    mapFrame: target.kind === 'node' && isLocal ? (frame) => maps.mapFrame(frame) : (frame) => frame,
    displayPath: target.kind === 'node' ? displayPath(target.base) : pagePath(target.base),
  };
}

function pagePath(origin: string): (script: string) => string {
  return (script) => {
    const path = script.replace(/[?#].*$/s, '');
    return origin !== '' && path.startsWith(`${origin}/`) ? path.slice(origin.length) : path;
  };
}
