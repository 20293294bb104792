/**
 * Sessions with the other threads of a program: those that run when we come, and those that start later. Nothing is
 * halted for it.
 *
 *     Node      `NodeWorker`: messages to and from a thread travel as texts inside commands and events of the main session
 *     Chrome    `Target` with `flatten`: they travel on the same socket, marked with the session's id
 *
 * Threads of threads are not told of by Node; in Chrome they are asked for thread by thread.
 */
import type { Connection } from './connection.js';
import { type EventParameters, type ProtocolMessage, ProtocolSession } from './protocol-session.js';

/** A thread that runs, and how it is reached. */
export interface AttachedThread {
  readonly session: ProtocolSession;
  /** URL or path of what it runs; empty for code from a string. */
  readonly script: string;
}

export interface ThreadListener {
  started(thread: AttachedThread): void;
  ended(session: ProtocolSession): void;
}

/** Only these have a heap of their own that belongs to the page. */
const CHROME_WORKER = 'worker';
/** Who sleeps is not waited for any more. */
const LEFT = 'we have left';

/**
 * Tells of each thread from now on. Where what answers has no such thing, it tells of none.
 *
 * @returns what ends it, and all sessions with threads
 */
export async function watchThreads(
  connection: Connection,
  kind: 'node' | 'page',
  listener: ThreadListener,
): Promise<() => Promise<void>> {
  try {
    return kind === 'node' ? await watchNode(connection, listener) : await watchPage(connection, listener);
  } catch {
    return async () => {};
  }
}

async function watchNode(connection: Connection, listener: ThreadListener): Promise<() => Promise<void>> {
  const sessions = new Map<string, ProtocolSession>();
  connection.on('NodeWorker.attachedToWorker', ({ sessionId, workerInfo }) => {
    const id = String(sessionId);
    const session = new ProtocolSession((message) => {
      const sent = { sessionId: id, message: JSON.stringify(message) };
      connection.post('NodeWorker.sendMessageToWorker', sent).catch(() => {}); // it has ended: an event says so
    });
    sessions.set(id, session);
    listener.started({ session, script: textIn(workerInfo, 'url') });
  });
  connection.on('NodeWorker.receivedMessageFromWorker', ({ sessionId, message }) => {
    sessions.get(String(sessionId))?.receive(JSON.parse(String(message)) as ProtocolMessage);
  });
  connection.on('NodeWorker.detachedFromWorker', ({ sessionId }) => {
    const session = sessions.get(String(sessionId));
    if (session === undefined) return;
    sessions.delete(String(sessionId));
    session.end('the thread has ended');
    listener.ended(session);
  });
  await connection.post('NodeWorker.enable', { waitForDebuggerOnStart: false });
  return async () => {
    for (const session of sessions.values()) session.end(LEFT);
    await connection.post('NodeWorker.disable');
  };
}

async function watchPage(connection: Connection, listener: ThreadListener): Promise<() => Promise<void>> {
  const watch = async (session: ProtocolSession, autoAttach: boolean): Promise<void> => {
    await session.post('Target.setAutoAttach', { autoAttach, waitForDebuggerOnStart: false, flatten: true });
  };
  const sessions = new Set<ProtocolSession>();
  const listen = (parent: ProtocolSession): void => {
    parent.on('Target.attachedToTarget', ({ sessionId, targetInfo }) => {
      if (textIn(targetInfo, 'type') !== CHROME_WORKER) return;
      const session = connection.sessionOf(String(sessionId));
      sessions.add(session);
      listen(session);
      watch(session, true).catch(() => {});
      listener.started({ session, script: textIn(targetInfo, 'url') });
    });
    parent.on('Target.detachedFromTarget', ({ sessionId }) => {
      const session = connection.sessionOf(String(sessionId));
      connection.endSession(String(sessionId));
      if (sessions.delete(session)) listener.ended(session);
    });
  };
  listen(connection);
  await watch(connection, true);
  return async () => {
    for (const session of sessions) session.end(LEFT);
    await watch(connection, false);
  };
}

function textIn(facts: EventParameters[string], name: string): string {
  const value = (facts as EventParameters | undefined)?.[name];
  return typeof value === 'string' ? value : '';
}
