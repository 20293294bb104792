/**
 * One session of the Chrome DevTools Protocol: commands with their answers, and events. How its messages travel is its
 * maker's business: over a WebSocket of their own (`connection.ts`), or inside those of another session
 * (`thread-sessions.ts`).
 */
import type { InspectorSession } from '../../sources/v8/remote-source.js';

/** The longest that a command may take: a collection of many gigabytes, or a main thread that hardly ever comes by. */
const ANSWER_TIMEOUT_MS = 60_000;

interface Waiting {
  readonly answer: (result: unknown) => void;
  readonly fail: (error: Error) => void;
  readonly timeout: NodeJS.Timeout;
}

/** What an event says. */
export type EventParameters = Readonly<Record<string, unknown>>;

export interface ProtocolMessage {
  readonly id?: number;
  readonly method?: string;
  readonly params?: EventParameters;
  readonly result?: unknown;
  readonly error?: { readonly message: string };
}

export class ProtocolSession implements InspectorSession {
  readonly #send: (message: object) => void;
  readonly #waiting = new Map<number, Waiting>();
  readonly #listeners = new Map<string, (parameters: EventParameters) => void>();
  #lastId = 0;
  #ended: string | undefined;

  /** @param send brings a message to the other side; it may throw */
  constructor(send: (message: object) => void) {
    this.#send = send;
  }

  post(method: string, parameters: object = {}): Promise<unknown> {
    return new Promise((answer, fail) => {
      if (this.#ended !== undefined) {
        fail(new Error(this.#ended));
        return;
      }
      const id = ++this.#lastId;
      const timeout = setTimeout(() => {
        this.#take(id)?.fail(
          new Error(
            `${method} got no answer within ${ANSWER_TIMEOUT_MS / 1000} s; is the target stopped, or in a loop that never ends?`,
          ),
        );
      }, ANSWER_TIMEOUT_MS);
      this.#waiting.set(id, { answer, fail, timeout });
      try {
        this.#send({ id, method, params: parameters });
      } catch (error) {
        this.#take(id)?.fail(error as Error);
      }
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

  /** Calls the listener at each event of this name; one listener a name, `undefined` for none. */
  on(method: string, listener: ((parameters: EventParameters) => void) | undefined): void {
    if (listener === undefined) this.#listeners.delete(method);
    else this.#listeners.set(method, listener);
  }

  /** A message has come from the other side. */
  receive({ id, method, params = {}, result, error }: ProtocolMessage): void {
    if (id === undefined) {
      if (method !== undefined) this.#listeners.get(method)?.(params);
      return;
    }
    const waiting = this.#take(id);
    if (error === undefined) waiting?.answer(result);
    else waiting?.fail(new Error(error.message));
  }

  /** Nothing will come any more: whoever waits, and whoever asks from now on, is told so. */
  end(reason: string): void {
    this.#ended = reason;
    for (const id of [...this.#waiting.keys()]) this.#take(id)?.fail(new Error(reason));
  }

  #take(id: number): Waiting | undefined {
    const waiting = this.#waiting.get(id);
    this.#waiting.delete(id);
    clearTimeout(waiting?.timeout);
    return waiting;
  }
}
