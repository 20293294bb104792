/** What may be attached to, as the user writes it: a process, an inspector's port, or one of its WebSockets. */
import { OtraceError } from '../../errors.js';

export type Address =
  | { readonly kind: 'process'; readonly pid: number }
  /** Where `/json/list` names what there is. */
  | { readonly kind: 'port'; readonly host: string; readonly port: number }
  | { readonly kind: 'socket'; readonly url: string };

const ACCEPTED = 'give a process id, host:port, http://host:port or ws://host:port/id';
const HOST_AND_PORT = /^(?<host>\[[0-9a-f:.]+\]|[^\s:/]*):(?<port>\d+)$/i;

/** @throws OtraceError `OTRACE_BAD_OPTION` */
export function parseAddress(text: string): Address {
  if (/^\d+$/.test(text)) {
    const pid = Number(text);
    if (pid >= 1 && pid <= 2 ** 31 - 1) return { kind: 'process', pid };
  } else if (/^wss?:\/\//i.test(text) && URL.canParse(text)) {
    return { kind: 'socket', url: text };
  } else {
    const bare = text.replace(/^http:\/\//i, '').replace(/\/(json(\/(list)?)?)?$/, '');
    const { host = '', port = '' } = HOST_AND_PORT.exec(bare)?.groups ?? {};
    if (Number(port) >= 1 && Number(port) <= 65_535) {
      return { kind: 'port', host: host === '' ? '127.0.0.1' : host, port: Number(port) };
    }
  }
  throw new OtraceError('OTRACE_BAD_OPTION', `${JSON.stringify(text)} is nothing to attach to; ${ACCEPTED}`);
}
