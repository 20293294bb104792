/**
 * What Linux tells about another process in `/proc`, as far as attaching needs it: whether it is Node, whether a
 * SIGUSR1 is safe, and which TCP ports are its own. Elsewhere there is no such folder: `readProcess` answers undefined.
 */
import { closeSync, openSync, readdirSync, readFileSync, readlinkSync, readSync } from 'node:fs';
import { basename } from 'node:path';
import { flagsAmong } from '../node-command.js';

export interface ProcessFacts {
  readonly pid: number;
  /** The program's file. */
  readonly executable: string;
  /** Node's flags, from the command line and from `NODE_OPTIONS`. */
  readonly flags: readonly string[];
  /** The process that this is a thread of; itself when it is a process. */
  readonly processId: number;
  /** Its ids from outside to inside: a process in a container knows itself by the last. */
  readonly namespacePids: readonly number[];
  /** Whether it handles SIGUSR1. Anything else would be ended by it. */
  readonly handlesSigusr1: boolean;
  /** Whether it sees the same loopback interface as we do. */
  readonly sharesNetwork: boolean;
}

export interface TcpSocket {
  readonly port: number;
  readonly state: 'listening' | 'connected';
}

const SIGUSR1_BIT = 1n << 9n;
const LISTENING = '0A';
const ESTABLISHED = '01';
/** Only Node has this option, whatever the file is called. */
const NODE_MARK = Buffer.from('--inspect-publish-uid');
const NODE_NAME = /^(node|nodejs)([.-]?\d+)*$/;
const CHUNK_BYTES = 1 << 20;

/** @returns undefined where there is no `/proc`, or no such process in it @throws Error when reading is denied */
export function readProcess(pid: number): ProcessFacts | undefined {
  const status = new Map<string, string>();
  try {
    for (const line of readFileSync(`/proc/${pid}/status`, 'utf8').split('\n')) {
      const [name = '', value = ''] = line.split(':\t');
      status.set(name, value);
    }
  } catch {
    return undefined;
  }
  const namespacePids = (status.get('NSpid') ?? String(pid)).split('\t').map(Number);
  return {
    pid,
    executable: readlinkSync(`/proc/${pid}/exe`).replace(/ \(deleted\)$/, ''),
    flags: [...nodeOptionsOf(pid), ...flagsAmong(wordsOf(pid))],
    processId: Number(status.get('Tgid') ?? pid),
    namespacePids,
    handlesSigusr1: (BigInt(`0x${status.get('SigCgt') ?? '0'}`) & SIGUSR1_BIT) !== 0n,
    sharesNetwork: readlinkSync(`/proc/${pid}/ns/net`) === readlinkSync('/proc/self/ns/net'),
  };
}

/** Whether the program is Node: by its name, or, where Node was given another, by what is in it. */
export function isNode({ pid, executable }: ProcessFacts): boolean {
  return NODE_NAME.test(basename(executable)) || contains(`/proc/${pid}/exe`, NODE_MARK);
}

/** The process' own TCP sockets. */
export function socketsOf(pid: number): readonly TcpSocket[] {
  const inodes = new Set<string>();
  for (const fd of entriesOf(`/proc/${pid}/fd`)) {
    const inode = /^socket:\[(\d+)\]$/.exec(linkOf(`/proc/${pid}/fd/${fd}`))?.[1];
    if (inode !== undefined) inodes.add(inode);
  }
  return tableOf(pid).filter(({ inode }) => inodes.has(inode));
}

/** The ports on which anybody in the process' network listens. */
export function portsTaken(pid: number): ReadonlySet<number> {
  return new Set(
    tableOf(pid)
      .filter(({ state }) => state === 'listening')
      .map(({ port }) => port),
  );
}

function tableOf(pid: number): (TcpSocket & { readonly inode: string })[] {
  return ['tcp', 'tcp6'].flatMap((table) => {
    const [, ...lines] = textOf(`/proc/${pid}/net/${table}`).trimEnd().split('\n');
    return lines.flatMap((line) => {
      const [, local = '', , state, , , , , , inode = ''] = line.trim().split(/\s+/);
      if (state !== LISTENING && state !== ESTABLISHED) return [];
      const port = Number.parseInt(local.slice(local.lastIndexOf(':') + 1), 16);
      return [{ port, state: state === LISTENING ? 'listening' : 'connected', inode } as const];
    });
  });
}

function wordsOf(pid: number): readonly string[] {
  return textOf(`/proc/${pid}/cmdline`).split('\0').slice(1, -1);
}

function nodeOptionsOf(pid: number): readonly string[] {
  const variable = textOf(`/proc/${pid}/environ`)
    .split('\0')
    .find((entry) => entry.startsWith('NODE_OPTIONS='));
  return variable?.slice('NODE_OPTIONS='.length).split(/\s+/).filter(Boolean) ?? [];
}

function textOf(file: string): string {
  try {
    return readFileSync(file, 'utf8');
  } catch {
    return '';
  }
}

function linkOf(file: string): string {
  try {
    return readlinkSync(file);
  } catch {
    return ''; // closed since it was listed
  }
}

function entriesOf(folder: string): readonly string[] {
  try {
    return readdirSync(folder);
  } catch {
    return [];
  }
}

function contains(file: string, mark: Buffer): boolean {
  const fd = openSync(file, 'r');
  try {
    const window = Buffer.alloc(CHUNK_BYTES + mark.length);
    let kept = 0;
    for (;;) {
      const read = readSync(fd, window, kept, CHUNK_BYTES, null);
      if (read === 0) return false;
      const filled = kept + read;
      if (window.subarray(0, filled).includes(mark)) return true;
      kept = Math.min(mark.length - 1, filled);
      window.copyWithin(0, filled - kept, filled);
    }
  } finally {
    closeSync(fd);
  }
}
