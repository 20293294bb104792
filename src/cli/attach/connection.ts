/**
 * A WebSocket to an inspector: the session of the program's main thread or of the page itself, and those of its other
 * threads where they come over the same socket (Chrome marks their messages with `sessionId`). Node before 22 has no
 * WebSocket of its own, so the package `ws` is loaded, and only here.
 */
import type { WebSocket } from 'ws';
import { OtraceError } from '../../errors.js';
import { type ProtocolMessage, ProtocolSession } from './protocol-session.js';

/** A profile of a large heap comes in one message. */
const MAX_MESSAGE_BYTES = 512 * 1024 * 1024;
const CONNECT_TIMEOUT_MS = 5_000;
const CLOSED = 'the connection was closed';

interface Message extends ProtocolMessage {
  readonly sessionId?: string;
}

export class Connection extends ProtocolSession {
  /** Resolves when the connection has ended, whoever ended it. */
  readonly closed: Promise<void>;
  readonly #socket: WebSocket;
  readonly #sessions = new Map<string, ProtocolSession>();
  #isClosing = false;

  private constructor(socket: WebSocket) {
    super((message) => socket.send(JSON.stringify(message)));
    this.#socket = socket;
    socket.on('message', (data) => this.#deliver(String(data)));
    socket.on('error', () => {}); // `close` follows
    this.closed = new Promise((resolve) => {
      socket.on('close', () => {
        this.#isClosing = true;
        this.end(CLOSED);
        for (const session of this.#sessions.values()) session.end(CLOSED);
        resolve();
      });
    });
  }

  /** @throws OtraceError `OTRACE_ATTACH` when nobody answers there */
  static async open(url: string): Promise<Connection> {
    const { WebSocket } = await import('ws');
    return new Promise((resolve, reject) => {
      const socket = new WebSocket(url, {
        maxPayload: MAX_MESSAGE_BYTES,
        handshakeTimeout: CONNECT_TIMEOUT_MS,
        perMessageDeflate: false,
      });
      socket.once('open', () => resolve(new Connection(socket)));
      socket.once('error', (error) => {
        reject(
          new OtraceError(
            'OTRACE_ATTACH',
            `no inspector answers at ${url} (${error.message}); check the address`,
          ),
        );
      });
    });
  }

  /** The session that the other side calls by this id. */
  sessionOf(id: string): ProtocolSession {
    let session = this.#sessions.get(id);
    if (session === undefined) {
      session = new ProtocolSession((message) =>
        this.#socket.send(JSON.stringify({ ...message, sessionId: id })),
      );
      this.#sessions.set(id, session);
    }
    return session;
  }

  /** That session is over. */
  endSession(id: string): void {
    this.#sessions.get(id)?.end('the thread has ended');
    this.#sessions.delete(id);
  }

  /** Whether it has ended, or been told to. */
  get isClosing(): boolean {
    return this.#isClosing;
  }

  close(): void {
    this.#isClosing = true;
    this.#socket.close();
    // A target that is stopped does not answer the goodbye.
    setTimeout(() => this.#socket.terminate(), 1_000).unref();
  }

  #deliver(text: string): void {
    const message = JSON.parse(text) as Message;
    if (message.sessionId === undefined) this.receive(message);
    else this.#sessions.get(message.sessionId)?.receive(message);
  }
}
