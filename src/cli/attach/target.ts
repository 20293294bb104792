/** What stands at the other end of a connection: what it says of itself, and how its frames are shown. */
import { basename } from 'node:path';
import { OtraceError } from '../../errors.js';
import { displayPath } from '../../node/display-path.js';
import { ownFrames } from '../../node/own-frames.js';
import { isOnDisk, SourceMaps } from '../../node/source-maps.js';
import type { FrameRules } from '../../sources/v8/trim.js';
import type { Connection } from './connection.js';
import type { ScriptMaps } from './script-maps.js';

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

export interface AttachedFrameRules extends FrameRules {
  /** Whether V8 must be asked where the map of a script is. */
  readonly isMapElsewhere: (script: string) => boolean;
}

const URL_SCHEME = /^[a-z][a-z+.-]*:/i;
const TYPESCRIPT = /\.([cm]?ts|tsx|jsx)$/;

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
 * How frames of the target are shown: those of a Node process as the process itself would show them, those of a
 * page by their address, without the origin that all share and without queries, which may hold secrets and differ
 * from load to load.
 *
 * @param isLocal whether files of the target are files here
 * @param maps of scripts whose maps are not found in files here
 */
export function frameRules(target: Target, isLocal: boolean, maps: ScriptMaps): AttachedFrameRules {
  const files = new SourceMaps();
  const isReadable = (script: string): boolean => target.kind === 'node' && isLocal && isOnDisk(script);
  return {
    isOwnFrame: ownFrames(import.meta.url),
    mapFrame: (frame) => {
      const shown = maps.mapFrame(frame);
      return shown === frame && isReadable(frame.file) ? files.mapFrame(frame) : shown;
    },
    displayPath: target.kind === 'node' ? displayPath(target.base) : pagePath(target.base),
    // What was compiled in memory (tsx) has its map in memory, too.
    isMapElsewhere: (script) =>
      (isOnDisk(script) || URL_SCHEME.test(script)) &&
      !script.startsWith('node:') &&
      (!isReadable(script) || TYPESCRIPT.test(script)),
  };
}

function pagePath(origin: string): (script: string) => string {
  return (script) => {
    const path = script.replace(/[?#].*$/s, '');
    return origin !== '' && path.startsWith(`${origin}/`) ? path.slice(origin.length) : path;
  };
}
