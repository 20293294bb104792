/**
 * HTTP requests served and made, as slices of category `http`, from what Node publishes on `diagnostics_channel`:
 * `node:http` servers and clients, and undici (`fetch`).
 *
 *     slice   from the request's start until it is answered, or its connection is closed without
 *     name    method and route; path segments that look like identifiers are `:id`, so that names stay few
 *     args    side (served or made), method, host (made), path, status, and `error` when there was no whole answer
 *
 * Queries are left out: they carry secrets. What is known of a request under way is kept by the request itself
 * (a listener's closure, a weak map), so a request that never ends keeps nothing once it is collected.
 */
import type { ClientRequest, IncomingMessage, ServerResponse } from 'node:http';
import { createRequire } from 'node:module';
import type { Socket } from 'node:net';
import type { Timeline, TimelineArgs, TimelinePart } from './timeline.js';

/** What undici publishes of its requests. */
interface UndiciRequest {
  readonly method: string;
  readonly origin: string | URL;
  readonly path: string;
}

interface Served {
  readonly startUs: number;
  readonly method: string;
  readonly url: string;
}

interface Made {
  readonly startUs: number;
  status?: number;
  error?: string;
}

/** Requests that start from now on. */
export function startHttp(timeline: Timeline): TimelinePart {
  const channels = createRequire(import.meta.url)('node:diagnostics_channel') as Channels;
  const served = new WeakMap<ServerResponse, Served>();
  const made = new WeakMap<object, Made>();
  const names = new RouteNames();
  let on = true;
  const record = (name: string, startUs: number, args: TimelineArgs): void => {
    if (on) timeline.complete('http', name, startUs, timeline.nowUs() - startUs, args);
  };

  /** Ends the slice of a response, once. @param error why there was no whole answer */
  const endServed = (response: ServerResponse, error?: string): void => {
    const known = served.get(response);
    if (known === undefined) return;
    served.delete(response);
    const { startUs, method, url } = known;
    const path = pathOf(url);
    const name = names.of(method, path);
    if (error === undefined)
      record(name, startUs, { side: 'served', method, path, status: response.statusCode });
    else record(name, startUs, { side: 'served', method, path, error });
  };

  /**
   * What is being answered on each connection, for the answers that its end cuts short. A listener on each response
   * would say the same and cost a busy server twice what all the rest of this does.
   */
  const answering = new WeakMap<Socket, Set<ServerResponse>>();
  const answeringOn = (socket: Socket): Set<ServerResponse> => {
    let responses = answering.get(socket);
    if (responses === undefined) {
      const all = new Set<ServerResponse>();
      answering.set(socket, all);
      socket.once('close', () => {
        for (const response of all) endServed(response, 'closed before the answer was whole');
        all.clear();
      });
      responses = all;
    }
    return responses;
  };

  const endMade = (request: object, method: string, host: string, url: string): void => {
    const known = made.get(request);
    if (known === undefined) return;
    made.delete(request);
    const { startUs, ...outcome } = known;
    const path = pathOf(url);
    record(names.of(method, host + path), startUs, { side: 'made', method, host, path, ...outcome });
  };
  const endUndici = (request: UndiciRequest): void =>
    endMade(request, request.method, String(request.origin).replace(/^[a-z]+:\/\//, ''), request.path);

  const unsubscribe = subscribed(channels, {
    'http.server.request.start': ({ request, response, socket }: ServerMessage) => {
      // The URL now, because routers rewrite it on the way.
      const { method = '', url = '' } = request;
      served.set(response, { startUs: timeline.nowUs(), method, url });
      answeringOn(socket).add(response);
    },
    'http.server.response.finish': ({ response, socket }: ServerMessage) => {
      answering.get(socket)?.delete(response);
      endServed(response);
    },

    'http.client.request.start': ({ request }: ClientMessage) => {
      made.set(request, { startUs: timeline.nowUs() });
      request.once('close', () => endMade(request, request.method, hostOf(request), request.path));
    },
    'http.client.response.finish': ({ request, response }: ClientMessage) => {
      const known = made.get(request);
      if (known !== undefined && response?.statusCode !== undefined) known.status = response.statusCode;
    },
    'http.client.request.error': ({ request, error }: ClientMessage) => {
      const known = made.get(request);
      if (known !== undefined) known.error = codeOf(error);
    },

    'undici:request:create': ({ request }: UndiciMessage) => {
      made.set(request, { startUs: timeline.nowUs() });
    },
    'undici:request:headers': ({ request, response }: UndiciMessage) => {
      const known = made.get(request);
      if (known !== undefined && response !== undefined) known.status = response.statusCode;
    },
    'undici:request:trailers': ({ request }: UndiciMessage) => endUndici(request),
    'undici:request:error': ({ request, error }: UndiciMessage) => {
      const known = made.get(request);
      if (known !== undefined) known.error = codeOf(error);
      endUndici(request);
    },
  });
  return {
    drain() {},
    /** Requests under way are left out. */
    stop() {
      on = false;
      unsubscribe();
    },
  };
}

type Channels = typeof import('node:diagnostics_channel');

interface ServerMessage {
  readonly request: IncomingMessage;
  readonly response: ServerResponse;
  readonly socket: Socket;
}

interface ClientMessage {
  readonly request: ClientRequest;
  readonly response?: IncomingMessage;
  readonly error?: unknown;
}

interface UndiciMessage {
  readonly request: UndiciRequest;
  readonly response?: { readonly statusCode: number };
  readonly error?: unknown;
}

/** @returns how to unsubscribe from all again */
function subscribed(channels: Channels, handlers: Record<string, (message: never) => void>): () => void {
  const listeners = Object.entries(handlers) as [string, (message: unknown) => void][];
  for (const [name, listener] of listeners) channels.subscribe(name, listener);
  return () => {
    for (const [name, listener] of listeners) channels.unsubscribe(name, listener);
  };
}

/** The path alone, of the relative or absolute form that a request line may have. */
function pathOf(url: string): string {
  if (url.charCodeAt(0) !== 0x2f) return withoutQuery(url.replace(/^[a-z][a-z0-9+.-]*:\/\/[^/]*/i, ''));
  return withoutQuery(url);
}

function withoutQuery(path: string): string {
  const end = path.search(/[?#]/);
  return end < 0 ? path : path.slice(0, end);
}

/** Names of slices, made once for each method and path while there is room. */
class RouteNames {
  static readonly #LIMIT = 4096;
  readonly #names = new Map<string, Map<string, string>>();

  /** `GET /users/:id` of `GET` and `/users/17`. */
  of(method: string, path: string): string {
    let ofMethod = this.#names.get(method);
    if (ofMethod === undefined) {
      ofMethod = new Map();
      this.#names.set(method, ofMethod);
    }
    let name = ofMethod.get(path);
    if (name === undefined) {
      name = `${method} ${path.replace(IDENTIFIER, '/:id')}`;
      if (ofMethod.size < RouteNames.#LIMIT) ofMethod.set(path, name);
    }
    return name;
  }
}

const IDENTIFIER = /\/(?:\d+|[0-9a-f-]{16,}|[^/]{33,})(?=\/|$)/gi;

function hostOf(request: ClientRequest): string {
  const header = request.getHeader('host');
  return typeof header === 'string' ? header : request.host;
}

function codeOf(error: unknown): string {
  if (!(error instanceof Error)) return String(error);
  return 'code' in error && typeof error.code === 'string' ? error.code : error.name;
}
