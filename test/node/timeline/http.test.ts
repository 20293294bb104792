import assert from 'node:assert/strict';
import diagnosticsChannel from 'node:diagnostics_channel';
import http from 'node:http';
import net, { type AddressInfo } from 'node:net';
import { after, before, beforeEach, describe, it } from 'node:test';
import { startHttp } from '../../../src/node/timeline/http.js';
import type { TimelinePart } from '../../../src/node/timeline/timeline.js';
import { RecordedTimeline, type Slice } from './recorded.js';

describe('http', () => {
  let timeline = new RecordedTimeline();
  let part: TimelinePart;
  let host: string;
  let delayed: () => void = () => {};
  const server = http.createServer((request, response) => {
    if (request.url?.startsWith('/cut')) request.socket.destroy();
    else if (request.url?.startsWith('/hang')) delayed();
    else {
      response.statusCode = request.method === 'POST' ? 201 : 200;
      request.url = '/rewritten';
      response.end('whole');
    }
  });

  before(async () => {
    await new Promise<void>((done) => server.listen(0, '127.0.0.1', done));
    host = `127.0.0.1:${(server.address() as AddressInfo).port}`;
  });
  after(() => {
    server.close();
    server.closeAllConnections();
  });
  beforeEach(() => {
    timeline = new RecordedTimeline();
    part = startHttp(timeline);
  });

  /** Waits until both sides of a request are recorded. */
  async function sides(): Promise<{ served: Slice; made: Slice }> {
    while (timeline.slices.length < 2) await new Promise((turn) => setTimeout(turn, 1));
    part.stop();
    assert.equal(timeline.slices.length, 2);
    const of = (side: string): Slice => {
      const slice = timeline.slices.find(({ args }) => args?.['side'] === side);
      assert.ok(slice, side);
      assert.equal(slice.category, 'http');
      return slice;
    };
    return { served: of('served'), made: of('made') };
  }

  const request = (path: string, method = 'GET'): http.ClientRequest =>
    http.request(`http://${host}${path}`, { method, agent: false });

  it('records a request served and made by node:http, without its query', async () => {
    const startUs = timeline.nowUs();
    const response = await new Promise<http.IncomingMessage>((done) => {
      request('/users/42/files/9f86d081884c7d659a2feaa0c55ad015?token=secret', 'POST')
        .on('response', done)
        .end();
    });
    response.resume();
    const { served, made } = await sides();
    const path = '/users/42/files/9f86d081884c7d659a2feaa0c55ad015';
    assert.equal(served.name, 'POST /users/:id/files/:id');
    assert.deepEqual(served.args, { side: 'served', method: 'POST', path, status: 201 });
    assert.equal(made.name, `POST ${host}/users/:id/files/:id`);
    assert.deepEqual(made.args, { side: 'made', method: 'POST', host, path, status: 201 });
    assert.ok(made.startUs >= startUs && made.startUs <= served.startUs);
    assert.ok(served.startUs + served.durationUs <= timeline.nowUs());
    assert.ok(!JSON.stringify(timeline.slices).includes('secret'));
  });

  it('records a request made by fetch', async () => {
    const response = await fetch(`http://${host}/a?b=c`);
    assert.equal(await response.text(), 'whole');
    const { served, made } = await sides();
    assert.deepEqual(served.args, { side: 'served', method: 'GET', path: '/a', status: 200 });
    assert.deepEqual(made.args, { side: 'made', method: 'GET', host, path: '/a', status: 200 });
  });

  it('records a request that the server cut off', async () => {
    const error = await new Promise<Error>((done) => request('/cut').on('error', done).end());
    assert.ok(error);
    const { served, made } = await sides();
    assert.equal(served.args?.['error'], 'closed before the answer was whole');
    assert.equal(made.args?.['error'], 'ECONNRESET');
    assert.ok(!('status' in made.args) && !('status' in (served.args ?? {})));
  });

  it('records a fetch that the server cut off', async () => {
    await assert.rejects(fetch(`http://${host}/cut`));
    const { made } = await sides();
    assert.equal(made.args?.['error'], 'UND_ERR_SOCKET');
  });

  it('records a request that its maker gave up', async () => {
    const pending = request('/hang');
    delayed = () => pending.destroy();
    pending.on('error', () => {}).end();
    const { served, made } = await sides();
    assert.equal(served.args?.['error'], 'closed before the answer was whole');
    assert.equal(made.args?.['error'], 'ECONNRESET');
  });

  it('shows only the path of an absolute request line', async () => {
    const options = { host: '127.0.0.1', port: host.split(':')[1], agent: false };
    http.get({ ...options, path: 'http://user:password@other.example/a/b?c' }, (response) =>
      response.resume(),
    );
    const { served, made } = await sides();
    assert.equal(served.args?.['path'], '/a/b');
    assert.equal(made.args?.['path'], '/a/b');
  });

  it('keeps apart the requests that a client sends ahead on one connection', async () => {
    const socket = net.connect(Number(host.split(':')[1]), '127.0.0.1');
    const paths = ['/first', '/second?x', '/third/12'];
    socket.write(paths.map((path) => `GET ${path} HTTP/1.1\r\nHost: h\r\n\r\n`).join(''));
    socket.resume();
    while (timeline.slices.length < paths.length) await new Promise((turn) => setTimeout(turn, 1));
    socket.destroy();
    part.stop();
    assert.deepEqual(
      timeline.slices.map(({ name, args }) => [name, args?.['path'], args?.['status']]),
      [
        ['GET /first', '/first', 200],
        ['GET /second', '/second', 200],
        ['GET /third/:id', '/third/12', 200],
      ],
    );
  });

  it('names each of many paths', async () => {
    part.stop();
    part = startHttp(timeline, true);
    const paths = Array.from({ length: 300 }, (_, i) => `/p${i}`);
    for (const path of paths) {
      await new Promise((done) =>
        request(path)
          .on('response', (response) => response.resume().on('end', done))
          .end(),
      );
    }
    while (timeline.slices.length < 2 * paths.length) await new Promise((turn) => setTimeout(turn, 1));
    part.stop();
    const served = timeline.slices.filter(({ args }) => args?.['side'] === 'served');
    assert.deepEqual(served.map(({ name }) => name).sort(), paths.map((path) => `GET ${path}`).sort());
  });

  it('records a share of what a busy server answers and says how many it left out; all when asked to', async () => {
    const count = 2000;
    const every = new RecordedTimeline();
    for (const each of [timeline, every]) each.nowUs = () => 1e6; // all in one second
    const all = startHttp(every, true);
    const socket = net.connect(Number(host.split(':')[1]), '127.0.0.1');
    socket.write('GET /busy HTTP/1.1\r\nHost: h\r\n\r\n'.repeat(count));
    socket.resume();
    while (every.slices.length < count) await new Promise((turn) => setTimeout(turn, 1));
    socket.destroy();
    part.stop();
    all.stop();
    const leftOut = timeline.counters.get('http_requests_left_out');
    // The first 1,000, and of the others every second one.
    assert.equal(timeline.slices.length, 1500);
    assert.deepEqual(leftOut, { served: 500, made: 0 });
    assert.equal(every.counters.size, 0);
  });

  it('ends with one warning when somebody publishes what it can not read, and the program goes on', async () => {
    part.stop();
    const warnings: string[] = [];
    part = startHttp(timeline, false, (warning) => warnings.push(warning));
    const channel = diagnosticsChannel.channel('http.server.request.start');
    const surprise = (error: unknown): void => assert.fail(String(error));
    process.on('uncaughtException', surprise);
    for (let i = 0; i < 2; i++) channel.publish({ request: {} });
    await new Promise((turn) => setImmediate(turn)); // Node throws what a listener threw in a later tick
    process.off('uncaughtException', surprise);
    assert.equal(warnings.length, 1);
    assert.match(warnings[0]!, /^HTTP requests are no longer recorded \(TypeError/);
    await new Promise<void>((done) => request('/after').on('close', done).end());
    part.stop();
    assert.deepEqual(timeline.slices, []);
  });

  it('records nothing once stopped, not even what was under way', async () => {
    const pending = request('/hang');
    delayed = () => {
      part.stop();
      pending.destroy();
    };
    await new Promise((done) =>
      pending
        .on('error', () => {})
        .on('close', done)
        .end(),
    );
    await fetch(`http://${host}/a`);
    assert.deepEqual(timeline.slices, []);
  });
});
