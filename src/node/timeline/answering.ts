/**
 * The requests that are being answered, found by their response at each end and by their connection when it closes.
 *
 *     response  -- private field -->  Served  <-- place `at` --  list of all that are under way
 *     socket    -- private field -->  "its end is listened to"
 *
 * A private field on an object of somebody else (its constructor returns the object that it is given) is seen by
 * nobody and lies with the object's properties, where a weak map has a table of its own that the collector
 * goes through. And nothing is kept at the connection but that it is known: a young object in an old one costs the
 * collector more than all the rest. With a weak map from sockets to lists a busy server paid 0.7 us more a request; a
 * listener on each response cost twice what everything else here did.
 *
 * REQUIRES: a response starts once, with the socket that it is sent on.
 */
import type { ServerResponse } from 'node:http';
import type { Socket } from 'node:net';

/** A request that is being answered, or was. */
export class Served {
  readonly socket: Socket;
  readonly method: string;
  readonly url: string;
  readonly startUs: number;
  /** Its place in the list of all; -1 once it has ended. */
  at: number;

  constructor(socket: Socket, method: string, url: string, startUs: number, at: number) {
    this.socket = socket;
    this.method = method;
    this.url = url;
    this.startUs = startUs;
    this.at = at;
  }
}

export interface Answering {
  /** A request is there. @param url as it came: routers rewrite it on the way */
  start(response: ServerResponse, socket: Socket, method: string, url: string, startUs: number): void;
  /** Its answer is whole. @returns what started; undefined for what started before this did, or was cut off */
  end(response: ServerResponse): Served | undefined;
}

/** @param cut told of each that is under way on a connection that closes, after `end` would not find it any more */
export function answering(cut: (served: Served) => void): Answering {
  class Stamped extends Given {
    readonly #served: Served;
    constructor(response: ServerResponse, served: Served) {
      super(response);
      this.#served = served;
    }
    static of(response: object): Served | undefined {
      return #served in response ? response.#served : undefined;
    }
  }
  class Watched extends Given {
    readonly #isWatched = true;
    static has(socket: object): boolean {
      return #isWatched in socket;
    }
  }

  /** In no order: the last takes the place of one that leaves. */
  const list: Served[] = [];
  const leave = (served: Served): void => {
    const last = list.pop()!;
    if (last !== served) {
      list[served.at] = last;
      last.at = served.at;
    }
    served.at = -1;
  };
  const watch = (socket: Socket): void => {
    new Watched(socket);
    socket.once('close', () => {
      const ended = list.filter((served) => served.socket === socket);
      for (const served of ended) {
        leave(served);
        cut(served);
      }
    });
  };
  return {
    start(response, socket, method, url, startUs) {
      if (!Watched.has(socket)) watch(socket);
      const served = new Served(socket, method, url, startUs, list.length);
      list.push(served);
      new Stamped(response, served);
    },
    end(response) {
      const served = Stamped.of(response);
      if (served === undefined || served.at < 0) return undefined;
      leave(served);
      return served;
    },
  };
}

/** A class that extends it puts its private fields on the object that it is given. */
class Given {
  constructor(object: object) {
    // biome-ignore lint/correctness/noConstructorReturn: that is the point
    return object;
  }
}
