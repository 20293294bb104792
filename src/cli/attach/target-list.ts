/** What an inspector's port offers, from its `/json/list`: one entry for a Node process, one a page in Chrome. */
import { get } from 'node:http';
import { OtraceError } from '../../errors.js';

export interface ListedTarget {
  readonly type: string;
  readonly title: string;
  readonly url: string;
  readonly webSocketDebuggerUrl?: string;
}

const TIMEOUT_MS = 5_000;
/** A list is a few kilobytes; what goes on for longer is something else. */
const MAX_LIST_CHARS = 16 * 1024 * 1024;

/** @throws Error when nobody answers, or something that is no inspector */
export function listTargets(host: string, port: number): Promise<readonly ListedTarget[]> {
  return new Promise((resolve, reject) => {
    const hostname = host.replace(/^\[(.*)\]$/, '$1');
    const request = get(
      { hostname, port, path: '/json/list', timeout: TIMEOUT_MS, agent: false },
      (response) => {
        let text = '';
        response.setEncoding('utf8');
        response.on('data', (chunk: string) => {
          text += chunk;
          if (text.length > MAX_LIST_CHARS) request.destroy(new Error('it is no inspector'));
        });
        response.on('error', reject);
        response.on('end', () => {
          const list = parsed(text);
          if (list === undefined) reject(new Error('it is no inspector'));
          else resolve(list);
        });
      },
    );
    request.on('timeout', () => request.destroy(new Error(`no answer within ${TIMEOUT_MS / 1000} s`)));
    request.on('error', reject);
  });
}

/**
 * The one meant: the only Node process or page, or, where there are several, the one whose title or address
 * contains `wanted`.
 *
 * @throws OtraceError `OTRACE_ATTACH` when there is none, or more than one
 */
export function chooseTarget(targets: readonly ListedTarget[], wanted: string | undefined): string {
  const fitting = targets.filter(({ type, title, url }) =>
    wanted === undefined
      ? type === 'page' || type === 'node'
      : `${title}\n${url}`.toLowerCase().includes(wanted.toLowerCase()),
  );
  const [first, second] = fitting;
  if (first === undefined || second !== undefined) {
    const choice = (fitting.length > 0 ? fitting : targets).map(({ title, url }) => `\n  ${title}  ${url}`);
    const problem = first === undefined ? 'nothing there fits' : 'there are several pages';
    throw new OtraceError(
      'OTRACE_ATTACH',
      `${problem}; name one with --page and a part of its title or address:${choice.join('') || ' none is open'}`,
    );
  }
  if (first.webSocketDebuggerUrl === undefined) {
    throw new OtraceError(
      'OTRACE_ATTACH',
      `another debugger has ${first.url}, and admits no second one; close that first`,
    );
  }
  return first.webSocketDebuggerUrl;
}

function parsed(text: string): readonly ListedTarget[] | undefined {
  try {
    const list = JSON.parse(text) as readonly ListedTarget[];
    return Array.isArray(list) ? list : undefined;
  } catch {
    return undefined;
  }
}
