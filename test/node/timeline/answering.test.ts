import assert from 'node:assert/strict';
import { EventEmitter } from 'node:events';
import type { ServerResponse } from 'node:http';
import type { Socket } from 'node:net';
import { describe, it } from 'node:test';
import { answering, type Served } from '../../../src/node/timeline/answering.js';
import { seededRandom } from '../../heap/seeded-random.js';

const socketOf = (): Socket => new EventEmitter() as Socket;
const responseOf = (): ServerResponse => ({}) as ServerResponse;

describe('the requests that are being answered', () => {
  it('are found by response and by connection, whatever the order they end in', () => {
    const random = seededRandom(20);
    const cuts: Served[] = [];
    const all = answering((served) => cuts.push(served));
    let sockets = Array.from({ length: 8 }, socketOf);
    /** What is under way: number, socket. */
    const model = new Map<ServerResponse, [number, Socket]>();
    const pick = <T>(list: readonly T[]): T => list[Math.floor(random() * list.length)]!;
    for (let i = 0; i < 20_000; i++) {
      const choice = random();
      if (choice < 0.5) {
        const [response, socket] = [responseOf(), pick(sockets)];
        all.start(response, socket, 'GET', `/${i}`, i);
        model.set(response, [i, socket]);
      } else if (choice < 0.99 && model.size > 0) {
        const response = pick([...model.keys()]);
        const [number, socket] = model.get(response)!;
        model.delete(response);
        const served = all.end(response);
        assert.deepEqual([served?.url, served?.startUs], [`/${number}`, number]);
        assert.equal(served?.socket, socket);
        assert.equal(all.end(response), undefined);
      } else {
        const closing = pick(sockets);
        const lost = [...model].filter(([, [, socket]]) => socket === closing);
        closing.emit('close');
        const numbers = cuts.splice(0).map(({ startUs }) => startUs);
        assert.deepEqual(
          numbers.sort((a, b) => a - b),
          lost.map(([, [number]]) => number),
        );
        for (const [response] of lost) {
          assert.equal(all.end(response), undefined);
          model.delete(response);
        }
        sockets = sockets.map((socket) => (socket === closing ? socketOf() : socket));
      }
    }
    assert.ok(model.size > 0);
  });

  it('leave nothing to see on what belongs to the program, and one listener on a connection', () => {
    const all = answering(() => {});
    const [response, socket] = [responseOf(), socketOf()];
    const keys = Reflect.ownKeys(socket);
    for (const each of [response, responseOf()]) all.start(each, socket, 'GET', '/', 0);
    assert.deepEqual(Reflect.ownKeys(response), []);
    assert.deepEqual(Reflect.ownKeys(socket), keys);
    assert.equal(socket.listenerCount('close'), 1);
  });

  it("are each watcher's own", () => {
    const [one, other] = [answering(() => {}), answering(() => {})];
    const [response, socket] = [responseOf(), socketOf()];
    one.start(response, socket, 'GET', '/one', 0);
    assert.equal(other.end(response), undefined);
    other.start(response, socket, 'GET', '/other', 0);
    assert.equal(one.end(response)?.url, '/one');
    assert.equal(other.end(response)?.url, '/other');
  });
});
