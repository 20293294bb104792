/**
 * From a process id to a session with that process: finds its inspector, or opens it with SIGUSR1 as Node provides,
 * and makes sure that who answers is that process.
 *
 * SIGUSR1 ends a process that does not handle it. So before it is sent the process must be Node, and (on Linux, where
 * this can be seen) handle the signal, share our loopback interface, and find the port free that Node will open:
 *
 *     Linux     /proc says all of that, and which ports are the process' own
 *     others    the name of the program is looked at (ps), and only port 9229 is tried
 *     Windows   there is no SIGUSR1: Node's own call for the same, which fails where the process is not Node
 */
import { execFileSync } from 'node:child_process';
import { setTimeout as sleep } from 'node:timers/promises';
import { OtraceError } from '../../errors.js';
import { Connection } from './connection.js';
import { isNode, type ProcessFacts, portsTaken, readProcess, socketsOf } from './process-files.js';
import { listTargets } from './target-list.js';

export interface ReachedProcess {
  readonly connection: Connection;
  /** The port that we made the process open; undefined when its inspector was open before. */
  readonly openedPort: number | undefined;
}

const DEFAULT_PORT = 9229;
const OPEN_TIMEOUT_MS = 5_000;
const CLOSE_TIMEOUT_MS = 2_000;
const POLL_MS = 25;
const INSPECT_FLAG = /^--(?:inspect(?:-brk|-wait|-port)?|debug-port)(?:=(?:.*:)?(?<port>\d+))?$/;

/** @throws OtraceError `OTRACE_ATTACH` with the reason, before anything is done to the process where that can be known */
export async function reachProcess(pid: number): Promise<ReachedProcess> {
  requireOurs(pid);
  const facts = factsOf(pid);
  const port = portOf(facts);
  const already = await connectTo(pid, facts, openPorts(facts, port));
  if (already !== undefined) return { connection: already.connection, openedPort: undefined };
  if (facts !== undefined) requireOpenable(facts, port);
  const before = new Set(listening(facts));
  signal(pid);
  const deadlineMs = performance.now() + OPEN_TIMEOUT_MS;
  while (performance.now() < deadlineMs) {
    await sleep(POLL_MS);
    if (!isAlive(pid)) throw refused(`process ${pid} has ended`);
    const ports = facts === undefined ? [port] : listening(facts).filter((each) => !before.has(each));
    const opened = await connectTo(pid, facts, ports);
    if (opened !== undefined) return { connection: opened.connection, openedPort: opened.port };
  }
  throw refused(
    `process ${pid} got SIGUSR1 but did not open its inspector: it handles that signal itself, or its inspector is open on a port of its own choice; start it with --inspect and give otrace attach its host:port`,
  );
}

/**
 * Closes the inspector that was opened for us, and with it the connection, unless another debugger has come to it.
 *
 * @returns what is left to say; undefined when the port is closed
 */
export async function closeInspector(
  pid: number,
  { connection, openedPort }: ReachedProcess,
): Promise<string | undefined> {
  if (openedPort === undefined) return undefined;
  const sessions = socketsOf(pid).filter(({ port, state }) => port === openedPort && state === 'connected');
  if (sessions.length > 1) {
    return `another debugger uses the inspector of process ${pid}: it stays open on port ${openedPort}`;
  }
  // The answer does not come when the call succeeds.
  await Promise.race([
    connection.closed,
    connection.evaluate('process._debugEnd()').catch(() => {}),
    sleep(CLOSE_TIMEOUT_MS, undefined, { ref: false }),
  ]);
  connection.close();
  await Promise.race([connection.closed, sleep(CLOSE_TIMEOUT_MS, undefined, { ref: false })]);
  if (!isAlive(pid)) return undefined;
  try {
    await listTargets('127.0.0.1', openedPort);
  } catch {
    return undefined;
  }
  return `the inspector of process ${pid} is still open on port ${openedPort} (loopback only)`;
}

function requireOurs(pid: number): void {
  try {
    process.kill(pid, 0);
  } catch (error) {
    const { code } = error as NodeJS.ErrnoException;
    if (code === 'EPERM') throw refused(otherUser(pid));
    throw refused(`there is no process ${pid}; see them with: pgrep -a node`);
  }
}

/** @returns undefined on systems without `/proc` */
function factsOf(pid: number): ProcessFacts | undefined {
  let facts: ProcessFacts | undefined;
  let node: boolean;
  try {
    facts = readProcess(pid);
    node = facts === undefined ? isNodeByName(pid) : isNode(facts);
  } catch (error) {
    const { code } = error as NodeJS.ErrnoException;
    throw refused(code === 'EACCES' || code === 'EPERM' ? otherUser(pid) : `process ${pid} has ended`);
  }
  if (facts !== undefined && facts.processId !== pid) {
    throw refused(`${pid} is a thread of process ${facts.processId}; attach to that`);
  }
  if (node) return facts;
  const program = facts === undefined ? '' : ` (${facts.executable})`;
  throw refused(`process ${pid}${program} is not Node; nothing was done to it`);
}

function isNodeByName(pid: number): boolean {
  if (process.platform === 'win32') return true; // `_debugProcess` finds out
  return /(^|\/)node[^/]*$/.test(
    execFileSync('ps', ['-p', String(pid), '-o', 'comm='], { encoding: 'utf8' }).trim(),
  );
}

function requireOpenable(facts: ProcessFacts, port: number): void {
  const { pid } = facts;
  if (!facts.sharesNetwork) {
    throw refused(
      `process ${pid} runs in a container, whose loopback interface is not ours; run otrace attach in there`,
    );
  }
  if (!facts.handlesSigusr1) {
    throw refused(
      `process ${pid} does not take SIGUSR1 (--disable-sigusr1, or it has only just started), and the signal would end it; start it with --inspect and give otrace attach its host:port`,
    );
  }
  if (port !== 0 && portsTaken(pid).has(port)) {
    throw refused(
      `port ${port}, which process ${pid} would open its inspector on, is taken by another; end that first (ss -ltnp 'sport = :${port}' names it)`,
    );
  }
}

function signal(pid: number): void {
  try {
    if (process.platform === 'win32')
      (process as unknown as { _debugProcess(pid: number): void })._debugProcess(pid);
    else process.kill(pid, 'SIGUSR1');
  } catch (error) {
    throw refused(`process ${pid} could not be told to open its inspector (${(error as Error).message})`);
  }
}

/** The port on which Node opens the inspector: the last flag that names one counts; 0 is one of the system's choice. */
function portOf(facts: ProcessFacts | undefined): number {
  const named = facts?.flags.findLast((flag) => INSPECT_FLAG.exec(flag)?.groups?.['port'] !== undefined);
  return named === undefined ? DEFAULT_PORT : Number(INSPECT_FLAG.exec(named)?.groups?.['port']);
}

/** Where the inspector may be open already. Ports of the program itself are left alone. */
function openPorts(facts: ProcessFacts | undefined, port: number): readonly number[] {
  if (facts === undefined) return [port];
  if (!facts.sharesNetwork) return [];
  const isOpen = facts.flags.some((flag) => INSPECT_FLAG.test(flag) && !flag.includes('-port'));
  return listening(facts).filter((each) => each === port || (port === 0 && isOpen));
}

function listening(facts: ProcessFacts | undefined): readonly number[] {
  if (facts === undefined) return [];
  return socketsOf(facts.pid)
    .filter(({ state }) => state === 'listening')
    .map(({ port }) => port);
}

/** A session with the process over one of these ports; undefined when it answers on none of them. */
async function connectTo(
  pid: number,
  facts: ProcessFacts | undefined,
  ports: readonly number[],
): Promise<{ readonly connection: Connection; readonly port: number } | undefined> {
  for (const port of ports) {
    let connection: Connection | undefined;
    try {
      const [target] = await listTargets('127.0.0.1', port);
      if (target?.webSocketDebuggerUrl === undefined) continue;
      connection = await Connection.open(target.webSocketDebuggerUrl);
      const answers = await connection.evaluate('process.pid');
      if (answers === (facts?.namespacePids.at(-1) ?? pid)) return { connection, port };
    } catch {
      // Not an inspector, or not one yet.
    }
    connection?.close();
  }
  return undefined;
}

function isAlive(pid: number): boolean {
  try {
    process.kill(pid, 0);
    return true;
  } catch {
    return false;
  }
}

function otherUser(pid: number): string {
  return `process ${pid} belongs to another user; run otrace attach as that user, or as root`;
}

function refused(message: string): OtraceError {
  return new OtraceError('OTRACE_ATTACH', message);
}
