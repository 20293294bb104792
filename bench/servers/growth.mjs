// A server with one route that leaks and ten that do not, though each keeps something: the verdict must tell them
// apart. Prints its port. Every route answers with a little garbage of its own, as routes do.
import fastify from 'fastify';

const app = fastify();
const row = (i) => ({ id: i, name: `name ${i}`, tags: [`a${i % 7}`, `b${i % 11}`], at: new Date(0) });
let served = 0;

// The leak: every request leaves a session behind.
const sessions = new Map();
app.get('/login', async function login() {
  const id = `session-${served++}`;
  sessions.set(id, { id, user: row(served), visited: [] });
  return { done: true };
});

// An LRU cache that is full after a while and evicts from then on.
const lru = new Map();
app.get('/article', async function article() {
  const id = served++;
  lru.set(id, row(id));
  if (lru.size > 3_000) lru.delete(lru.keys().next().value);
  return lru.get(id);
});

// A cache of everything there is, which is not much.
const countries = new Map();
app.get('/country', async function country() {
  const id = served++ % 2_000;
  if (!countries.has(id)) countries.set(id, row(id));
  return countries.get(id);
});

// Bursts: once in a while a report is built and kept until the next one.
let report = [];
app.get('/report', async function buildReport() {
  if (served++ % 20_000 === 0) report = Array.from({ length: 20_000 }, (_, i) => row(i));
  return { rows: report.length };
});

// One burst, and its result is kept for good.
let index;
app.get('/index', async function buildIndex() {
  if (index === undefined && served++ > 5_000) index = Array.from({ length: 20_000 }, (_, i) => row(i));
  return { rows: index?.length ?? 0 };
});

// A batch that is filled and let go.
let batch = [];
app.get('/event', async function collect() {
  batch.push(row(served++));
  if (batch.length >= 2_000) batch = [];
  return { pending: batch.length };
});

// Released late: each entry lives for two seconds.
const pending = new Set();
app.get('/job', async function schedule() {
  const job = row(served++);
  pending.add(job);
  setTimeout(() => pending.delete(job), 2_000).unref();
  return { pending: pending.size };
});

// A pool that is made once.
const pool = Array.from({ length: 2_000 }, (_, i) => row(i));
app.get('/pool', async function take() {
  return pool[served++ % pool.length];
});

// A ring of the newest.
const recent = new Array(1_000);
app.get('/recent', async function remember() {
  recent[served++ % recent.length] = row(served);
  return { newest: served };
});

// Nothing but garbage.
app.get('/render', async function render() {
  return { rows: Array.from({ length: 20 }, (_, i) => row(i)) };
});
app.get('/plain', async () => 'ok');

await app.listen({ port: 0, host: '127.0.0.1' });
console.log(app.server.address().port);
process.on('SIGTERM', () => app.close());
