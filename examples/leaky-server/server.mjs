// A small HTTP server with a real leak: p-timeout 6.1.2 adds an `abort` listener to the signal it is given and never
// removes it (fixed in 6.1.4). The signal here lives as long as the server, so every request leaves a listener, a
// promise and an error object behind.
//
//   node server.mjs                  serves until it is told to stop
//   node server.mjs --requests 5000  sends itself that many requests, then shuts down
import { EventEmitter } from 'node:events';
import http from 'node:http';
import pTimeout from 'p-timeout';

const shutdown = new AbortController();
EventEmitter.setMaxListeners(0, shutdown.signal);

async function findOrder(id) {
  return { id, items: [`book-${id}`, `lamp-${id}`], total: id * 3 };
}

async function handleOrder(id) {
  // Ends early when the server shuts down, or after a minute.
  return pTimeout(findOrder(id), { milliseconds: 60_000, signal: shutdown.signal });
}

/** A clean route beside the leaking one: what it allocates is garbage as soon as it is sent. */
function handleStatus() {
  return {
    up: process.uptime(),
    memory: process.memoryUsage().heapUsed,
    load: Array.from({ length: 50 }, Math.random),
  };
}

async function handleRequest(request, response) {
  const url = new URL(request.url, 'http://localhost');
  const answer =
    url.pathname === '/status' ? handleStatus() : await handleOrder(Number(url.searchParams.get('id')));
  response.setHeader('content-type', 'application/json');
  response.end(JSON.stringify(answer));
}

const server = http.createServer(handleRequest);

server.listen(Number(process.env.PORT ?? 0), '127.0.0.1', async () => {
  const { port } = server.address();
  console.log(`orders on http://127.0.0.1:${port}/order?id=1`);
  const flag = process.argv.indexOf('--requests');
  if (flag < 0) return;
  await load(port, Number(process.argv[flag + 1]));
  server.close();
});

async function load(port, requests) {
  const agent = new http.Agent({ keepAlive: true, maxSockets: 16 });
  let next = 0;
  const client = async () => {
    while (next < requests) {
      const id = next++;
      await get(port, agent, id % 4 === 3 ? '/status' : `/order?id=${id}`);
    }
  };
  await Promise.all(Array.from({ length: 16 }, client));
  agent.destroy();
  console.log(`answered ${requests} requests`);
}

function get(port, agent, path) {
  return new Promise((resolve, reject) => {
    http
      .get({ host: '127.0.0.1', port, agent, path }, (response) => {
        response.resume();
        response.on('end', resolve);
      })
      .on('error', reject);
  });
}
