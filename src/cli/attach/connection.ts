/**
 * A session with an inspector over a WebSocket: commands with their answers, and events, as the Chrome DevTools
 * Protocol has them. Node before 22 has no WebSocket of its own, so the package `ws` is loaded, and only here.
 */
import type { WebSocket } from 'ws';
import { OtraceError } from '../../errors.js';
import type { InspectorSession } from '../../sources/v8/remote-source.js';

/** A profile of a large heap comes in one message. */
const MAX_MESSAGE_BYTES = 512 * 1024 * 1024;
const CONNECT_TIMEOUT_MS = 5_000;
/** The longest that a command may take: a collection of many gigabytes, or a main thread that hardly ever comes by. */
const ANSWER_TIMEOUT_MS = 60_000;

interface Waiting {
  readonly answer: (result: unknown) => void;
  readonly fail: (error: Error) => void;
  readonly timeout: NodeJS.Timeout;
}

interface Message {
  readonly id?: number;
  readonly method?: string;
  readonly result?: unknown;
  readonly error?: { readonly message: string };
}

export class Connection implements InspectorSession {
  /** Resolves when the connection has ended, whoever ended it. */
  readonly closed: Promise<void>;
  readonly #socket: WebSocket;
  readonly #waiting = new Map<number, Waiting>();
  readonly #listeners = new Map<string, () => void>();
  #lastId = 0;
  #isClosing = false;

  private constructor(socket: WebSocket) {
    this.#socket = socket;
    socket.on('message', (data) => this.#receive(String(data)));
    socket.on('error', () => {}); // `close` follows
    this.closed = new Promise((resolve) => {
      socket.on('close', () => {
        this.#isClosing = true;
        for (const id of [...this.#waiting.keys()])
          this.#take(id)?.fail(new Error('the connection was closed'));
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

  post(method: string, parameters: object = {}): Promise<unknown> {
    return new Promise((answer, fail) => {
      const id = ++this.#lastId;
      const timeout = setTimeout(() => {
        this.#take(id)?.fail(
          new Error(`${method} got no answer within ${ANSWER_TIMEOUT_MS / 1000} s; is the target stopped?`),
        );
      }, ANSWER_TIMEOUT_MS);
      this.#waiting.set(id, { answer, fail, timeout });
      this.#socket.send(JSON.stringify({ id, method, params: parameters }), (error) => {
        if (error) this.#take(id)?.fail(error);
      });
    });
  }

  /**
   * Evaluates an expression in the target.
   *
   * @returns its value, a copy @throws Error when it throws
   */
  async evaluate(expression: string): Promise<unknown> {
    const answer = (await this.post('Runtime.evaluate', { expression, returnByValue: true })) as {
      readonly result: { readonly value?: unknown };
      readonly exceptionDetails?: { readonly text: string };
    };
    if (answer.exceptionDetails !== undefined) throw new Error(answer.exceptionDetails.text);
    return answer.result.value;
  }

  /** Calls the listener at each event of this name; one listener a name. */
  on(method: string, listener: () => void): void {
    this.#listeners.set(method, listener);
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

  #receive(text: string): void {
    const message = JSON.parse(text) as Message;
    if (message.id === undefined) {
      if (message.method !== undefined) this.#listeners.get(message.method)?.();
      return;
    }
    const waiting = this.#take(message.id);
    if (message.error === undefined) waiting?.answer(message.result);
    else waiting?.fail(new Error(message.error.message));
  }

  #take(id: number): Waiting | undefined {
    const waiting = this.#waiting.get(id);
    this.#waiting.delete(id);
    clearTimeout(waiting?.timeout);
    return waiting;
  }
}
