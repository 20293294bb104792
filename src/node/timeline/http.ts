/**
 * HTTP requests served and made, as slices of category `http`, from what Node publishes on `diagnostics_channel`:
 * `node:http` servers and clients, and undici (`fetch`).
 *
 *     slice   from the request's start until it is answered, or its connection is closed without
 *     name    method and route; path segments that look like identifiers are `:id`, so that names stay few
 *     args    side (served or made), method, host (made), path, status, and `error` when there was no whole answer
 *
 * Queries are left out: they carry secrets. What is known of a request that is being answered is in `answering.ts`; of
 * one made, it is kept by the request itself, weakly: one that never ends keeps nothing once it is collected.
 *
 * Of a busy server's requests a share is recorded (`request-share.ts`); the counter `http_requests_left_out` tells how
 * many were not, since the start.
 */
import type { ClientRequest, IncomingMessage, ServerResponse } from 'node:http';
import { createRequire } from 'node:module';
import type { Socket } from 'node:net';
import { warn } from '../warn.js';
import { answering, type Served } from './answering.js';
import { RequestShare } from './request-share.js';
import type { Timeline, TimelinePart } from './timeline.js';

/** What undici publishes of its requests. */
interface UndiciRequest {
  readonly method: string;
  readonly origin: string | URL;
  readonly path: string;
}

/** A request that is being made. */
interface Made {
  readonly method: string;
  readonly host: string;
  readonly url: string;
  readonly startUs: number;
  status?: number;
  error?: string;
}

const CUT = 'closed before the answer was whole';

/**
 * Requests that start from now on.
 *
 * @param all whether to record each, however many they are
 * @param tell a person that something failed, after which no request is recorded
 */
export function startHttp(timeline: Timeline, all = false, tell = warn): TimelinePart {
  const channels = createRequire(import.meta.url)('node:diagnostics_channel') as Channels;
  const made = new WeakMap<object, Made>();
  const routes = new Routes();
  let on = true;

  let toldLeftOut = 0;
  const tellLeftOut = (): void => {
    const [served, requested] = [shares.served.leftOut, shares.made.leftOut];
    if (served + requested === toldLeftOut) return;
    toldLeftOut = served + requested;
    timeline.counter('http', 'http_requests_left_out', { served, made: requested });
  };
  const shares = { served: new RequestShare(tellLeftOut), made: new RequestShare(tellLeftOut) };

  /** How long a request took that ends now; undefined for one that is left out. */
  const tookUs = (startUs: number, share: RequestShare, failed: boolean): number | undefined => {
    if (!on) return undefined;
    const nowUs = timeline.nowUs();
    return all || share.keeps(nowUs, nowUs - startUs, failed) ? nowUs - startUs : undefined;
  };
  const recordServed = (
    { method, url, startUs }: Served,
    durationUs: number,
    outcome: { status: number } | { error: string },
  ): void => {
    const { name, path } = routes.of(method, url);
    timeline.complete('http', name, startUs, durationUs, { side: 'served', method, path, ...outcome });
  };
  const served = answering((cut) => {
    const durationUs = tookUs(cut.startUs, shares.served, true);
    if (durationUs !== undefined) recordServed(cut, durationUs, { error: CUT });
  });

  const startMade = (request: object, method: string, host: string, url: string): void => {
    made.set(request, { method, host, url, startUs: timeline.nowUs() });
  };
  const endMade = (request: object): void => {
    const known = made.get(request);
    if (known === undefined) return;
    made.delete(request);
    const { method, host, url, startUs, ...outcome } = known;
    const { status = 0, error } = outcome;
    const durationUs = tookUs(startUs, shares.made, error !== undefined || status >= 500);
    if (durationUs === undefined) return;
    const { name, path } = routes.of(method, url, host);
    timeline.complete('http', name, startUs, durationUs, { side: 'made', method, host, path, ...outcome });
  };

  const failed = (error: unknown): void => {
    if (!on) return;
    on = false;
    unsubscribe();
    tell(`HTTP requests are no longer recorded (${String(error)})`);
  };
  const unsubscribe = subscribed(channels, failed, {
    'http.server.request.start': ({ request, response, socket }: ServerMessage) => {
      served.start(response, socket, request.method ?? '', request.url ?? '', timeline.nowUs());
    },
    'http.server.response.finish': ({ response }: ServerMessage) => {
      const ended = served.end(response);
      if (ended === undefined) return;
      const status = response.statusCode;
      const durationUs = tookUs(ended.startUs, shares.served, status >= 500);
      if (durationUs !== undefined) recordServed(ended, durationUs, { status });
    },

    'http.client.request.start': ({ request }: ClientMessage) => {
      startMade(request, request.method, hostOf(request), request.path);
      request.once('close', () => endMade(request));
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
      const { method, origin, path } = request;
      startMade(request, method, String(origin).replace(/^[a-z]+:\/\//, ''), path);
    },
    'undici:request:headers': ({ request, response }: UndiciMessage) => {
      const known = made.get(request);
      if (known !== undefined && response !== undefined) known.status = response.statusCode;
    },
    'undici:request:trailers': ({ request }: UndiciMessage) => endMade(request),
    'undici:request:error': ({ request, error }: UndiciMessage) => {
      const known = made.get(request);
      if (known !== undefined) known.error = codeOf(error);
      endMade(request);
    },
  });
  return {
    drain: tellLeftOut,
    /** Requests under way are left out. */
    stop() {
      tellLeftOut();
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

/**
 * Anybody can publish on these channels, and what a listener throws would end the program.
 *
 * @param failed told what a listener threw
 * @returns how to unsubscribe from all again
 */
function subscribed(
  channels: Channels,
  failed: (error: unknown) => void,
  handlers: Record<string, (message: never) => void>,
): () => void {
  const listeners = Object.entries(handlers).map(([name, handle]) => {
    const listener = (message: unknown): void => {
      try {
        handle(message as never);
      } catch (error) {
        failed(error);
      }
    };
    channels.subscribe(name, listener);
    return { name, listener };
  });
  return () => {
    for (const { name, listener } of listeners) channels.unsubscribe(name, listener);
  };
}

/** What requests of one kind have in common. */
interface Route {
  readonly method: string;
  /** Empty for requests served. */
  readonly host: string;
  readonly path: string;
  /** `GET /users/:id` of `/users/17` */
  readonly name: string;
}

/**
 * The routes met of late, so that a path that comes again is cut into its parts and named once. 256 places; different
 * paths at one place take turns. A hit costs about 50 ns, a new path a microsecond.
 */
class Routes {
  static readonly #PLACES = 256;
  /** Longer paths are not kept: they are data more than names. */
  static readonly #LONGEST = 256;
  readonly #routes: Route[] = new Array(Routes.#PLACES).fill({ method: '', host: '', path: '', name: '' });
  /** The path of each as it was given. */
  readonly #given: string[] = new Array(Routes.#PLACES).fill('');

  of(method: string, url: string, host = ''): Route {
    const query = url.indexOf('?');
    const given = query < 0 ? url : url.slice(0, query);
    const { length } = given;
    const middle = given.charCodeAt(length >> 1);
    const spread = length * 5 + middle * 7 + given.charCodeAt(length - 2) * 11 + given.charCodeAt(length - 1);
    const place = spread & (Routes.#PLACES - 1);
    const known = this.#routes[place]!;
    if (this.#given[place] === given && known.method === method && known.host === host) return known;
    const path = pathOf(given);
    const name = `${method} ${host}${path.replace(IDENTIFIER, '/:id')}`;
    const route = { method, host, path, name };
    if (length <= Routes.#LONGEST) {
      this.#routes[place] = route;
      this.#given[place] = given;
    }
    return route;
  }
}

const IDENTIFIER = /\/(?:\d+|[0-9a-f-]{16,}|[^/]{33,})(?=\/|$)/gi;

/** The path alone, of the relative or absolute form that a request line may have. */
function pathOf(url: string): string {
  const path = url.startsWith('/') ? url : url.replace(/^[a-z][a-z0-9+.-]*:\/\/[^/?#]*/i, '');
  return path.replace(/[?#].*$/s, '');
}

function hostOf(request: ClientRequest): string {
  const header = request.getHeader('host');
  return typeof header === 'string' ? header : request.host;
}

function codeOf(error: unknown): string {
  if (!(error instanceof Error)) return String(error);
  return 'code' in error && typeof error.code === 'string' ? error.code : error.name;
}
