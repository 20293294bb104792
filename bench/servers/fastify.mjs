// A plain fastify server: a few routes that allocate as real ones do, none of which leaks. Prints its port.
import fastify from 'fastify';

const app = fastify();

app.get('/orders/:id', async (request) => {
  const id = Number(request.params.id);
  return { id, items: Array.from({ length: 20 }, (_, i) => ({ sku: `sku-${id}-${i}`, price: i * 3.5 })) };
});

app.get('/search', async (request) => {
  const words = String(request.query.q ?? '').split(' ');
  return { hits: words.map((word) => ({ word, score: word.length })) };
});

await app.listen({ port: 0, host: '127.0.0.1' });
console.log(app.server.address().port);
process.on('SIGTERM', () => app.close());
