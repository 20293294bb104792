// `otrace attach` to a page in a real headless Chromium.
import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { existsSync } from 'node:fs';
import { createServer, type Server } from 'node:http';
import { join } from 'node:path';
import { after, before, describe, test } from 'node:test';
import { transformSync } from 'esbuild';
import { attach } from './attached-program.js';
import { Folder } from './running-program.js';

const CHROMIUM = [
  process.env['CHROMIUM'] ?? '',
  '/usr/bin/chromium',
  '/usr/bin/chromium-browser',
  '/usr/bin/google-chrome',
];
const FLAGS =
  '--headless --no-sandbox --disable-gpu --disable-quic --no-first-run --disable-background-networking --disable-component-update --disable-sync --remote-debugging-port=0';

const PAGE = '<!doctype html><title>Shop</title><script src="/js/cart.js?token=secret"></script>';
const SCRIPT = `const cart = [];
function addToCart() { for (let i = 0; i < 300; i++) cart.push(new Array(100).fill(i + 0.5)); }
addToCart();
setInterval(addToCart, 100);`;

/** A page of compiled scripts, with their maps in them, beside them and elsewhere, and a worker that leaks too. */
const BUNDLED = `<!doctype html><title>Bundled</title>
<script src="/js/inline.js"></script><script src="/js/beside.js"></script><script src="/js/far.js"></script>
<script>new Worker('/js/worker.js')</script>`;

function compiled(name: string, sourcemap: 'inline' | 'external'): { code: string; map: string } {
  const source = `
    interface Item { readonly at: number }
    const kept: Item[][] = [];
    function ${name}Leaks(): void {
      for (let i = 0; i < 300; i++) kept.push(new Array<Item>(100).fill({ at: i }));
    }
    setInterval(${name}Leaks, 50);`;
  return transformSync(source, { loader: 'ts', format: 'iife', sourcemap, sourcefile: `../src/${name}.ts` });
}

const beside = compiled('beside', 'external');
const SCRIPTS: Readonly<Record<string, string>> = {
  '/js/cart.js': SCRIPT,
  '/js/inline.js': compiled('inline', 'inline').code,
  '/js/beside.js': `${beside.code}//# sourceMappingURL=beside.js.map\n`,
  '/js/beside.js.map': beside.map,
  '/js/far.js': `${compiled('far', 'external').code}//# sourceMappingURL=http://maps.invalid/far.js.map\n`,
  '/js/worker.js': `const jobs = [];
    function workerLeaks() { for (let i = 0; i < 300; i++) jobs.push(new Array(100).fill(i + 0.5)); }
    setInterval(workerLeaks, 50);`,
};

const browser = CHROMIUM.find((path) => existsSync(path));

describe('otrace attach to a page', {
  skip: browser === undefined && 'no Chromium here; CHROMIUM names one',
}, () => {
  const folder = new Folder();
  let server: Server;
  let origin = '';
  let port = 0;
  let stop = async (): Promise<void> => {};

  before(async () => {
    server = createServer((request, response) => {
      const path = request.url?.replace(/[?].*/, '') ?? '';
      response.setHeader('content-type', path.startsWith('/js/') ? 'text/javascript' : 'text/html');
      response.end(SCRIPTS[path] ?? (path === '/bundled' ? BUNDLED : PAGE));
    }).listen(0, '127.0.0.1');
    await new Promise((resolve) => server.on('listening', resolve));
    origin = `http://127.0.0.1:${(server.address() as { port: number }).port}`;
    const child = spawn(
      browser!,
      [...FLAGS.split(' '), `--user-data-dir=${join(folder.path, 'profile')}`, `${origin}/shop`],
      { stdio: ['ignore', 'ignore', 'pipe'], detached: true },
    );
    const ended = new Promise((resolve) => child.on('close', resolve));
    stop = async () => {
      process.kill(-child.pid!, 'SIGKILL'); // and the processes that it has started
      await ended;
    };
    port = await new Promise((resolve, reject) => {
      let text = '';
      child.stderr.on('data', (chunk) => {
        text += chunk;
        const found = /DevTools listening on ws:\/\/[^:]+:(\d+)/.exec(text)?.[1];
        if (found !== undefined) resolve(Number(found));
      });
      void ended.then(() => reject(new Error(text)));
    });
    await listed(`${origin}/shop`);
  });

  after(async () => {
    await stop();
    server.closeAllConnections();
    server.close();
    folder.remove();
  });

  /** Waits until the page is loaded. */
  async function listed(url: string, title = 'Shop'): Promise<string> {
    for (;;) {
      const pages = (await (await fetch(`http://127.0.0.1:${port}/json/list`)).json()) as Record<
        string,
        string
      >[];
      const page = pages.find((each) => each['url'] === url && each['title'] === title);
      if (page !== undefined) return page['webSocketDebuggerUrl']!;
      await new Promise((resolve) => setTimeout(resolve, 50));
    }
  }

  test('the leaking function, by its path in the page, without origin and query', async () => {
    const out = 'page.json';
    const { code, stderr } = await attach(
      folder.path,
      ...['--for', '1500ms', '--report-every', '500ms', '--out', out, `127.0.0.1:${port}`],
    ).ended;
    assert.equal(code, 0, stderr);
    assert.match(stderr, new RegExp(`attached to Shop \\(${origin}/shop\\)`));
    assert.match(stderr, /js {4}addToCart {2}\/js\/cart\.js:2:/);
    assert.match(folder.rows('heap_leaks', out)[0]!, /^addToCart \(\/js\/cart\.js:2:19\) \(~\d+ bytes/);
    assert.ok(folder.events(out).filter(({ name }) => name === 'heap_report_done').length >= 2);
  });

  test('by its WebSocket; and the browser itself is none', async () => {
    const url = await listed(`${origin}/shop`);
    const { code, stderr } = await attach(folder.path, '--for', '500ms', '--out', 'socket.json', url).ended;
    assert.equal(code, 0, stderr);
    assert.match(folder.rows('heap_leaks', 'socket.json')[0]!, /^addToCart/);
    const version = (await (await fetch(`http://127.0.0.1:${port}/json/version`)).json()) as Record<
      string,
      string
    >;
    const refused = await attach(folder.path, version['webSocketDebuggerUrl']!).ended;
    assert.equal(refused.code, 2);
    assert.match(refused.stderr, /no page and no Node process .*host:port to choose by/);
  });

  test('several pages: they are listed, and --page chooses', async () => {
    await fetch(`http://127.0.0.1:${port}/json/new?${origin}/admin`, { method: 'PUT' });
    await listed(`${origin}/admin`);
    const several = await attach(folder.path, `127.0.0.1:${port}`).ended;
    assert.equal(several.code, 2);
    assert.match(
      several.stderr,
      /several pages; name one with --page[\s\S]*\/shop[\s\S]*\/admin|several pages[\s\S]*\/admin[\s\S]*\/shop/,
    );
    const { code, stderr } = await attach(
      folder.path,
      ...['--for', '500ms', '--page', 'admin', '--out', 'admin.json', `127.0.0.1:${port}`],
    ).ended;
    assert.equal(code, 0, stderr);
    assert.match(stderr, /\/admin\)/);
  });

  test('compiled scripts by their source maps, and a worker', async () => {
    await fetch(`http://127.0.0.1:${port}/json/new?${origin}/bundled`, { method: 'PUT' });
    await listed(`${origin}/bundled`, 'Bundled');
    const { code, stderr } = await attach(
      folder.path,
      ...['--for', '1500ms', '--page', 'bundled', '--out', 'bundled.json', `127.0.0.1:${port}`],
    ).ended;
    assert.equal(code, 0, stderr);
    const rows = folder.rows('heap_leaks', 'bundled.json').join('\n');
    assert.match(rows, /^inlineLeaks \(\/src\/inline\.ts:4:14\)/m);
    assert.match(rows, /^besideLeaks \(\/src\/beside\.ts:4:14\)/m);
    assert.match(rows, /^farLeaks \(\/js\/far\.js:\d+:\d+\)/m);
    assert.match(rows, /^workerLeaks \(\/js\/worker\.js:2:25\) <- \[thread \/js\/worker\.js\]/m);
    assert.match(
      stderr,
      /the source map of \S+\/js\/far\.js is on another host and was not fetched; --fetch-maps/,
    );
    assert.equal(stderr.match(/source map/g)!.length, 1, stderr);
  });
});
