// Source maps of scripts that run elsewhere: which are read, and what is said of the others.
import assert from 'node:assert/strict';
import { once } from 'node:events';
import { createServer, type Server } from 'node:http';
import { after, before, describe, test } from 'node:test';
import { ProtocolSession } from '../../src/cli/attach/protocol-session.js';
import { ScriptMaps } from '../../src/cli/attach/script-maps.js';

/** Line 1, column 1 came from line 5, column 1 of `source`. */
const mapOf = (source: string): string =>
  JSON.stringify({ version: 3, sources: [source], names: [], mappings: 'AAIA' });
const inline = (source: string): string =>
  `data:application/json;base64,${Buffer.from(mapOf(source)).toString('base64')}`;

describe('source maps of scripts that run elsewhere', () => {
  let server: Server;
  let origin = '';
  const fetched: string[] = [];

  before(async () => {
    server = createServer(({ url = '' }, response) => {
      fetched.push(url);
      if (url === '/moved.map') response.writeHead(302, { location: '/near.map' }).end();
      else if (url.startsWith('/near')) response.end(`)]}'\n${mapOf('../src/near.ts')}`);
      else response.writeHead(404).end();
    }).listen(0, '127.0.0.1');
    await once(server, 'listening');
    origin = `http://127.0.0.1:${(server.address() as { port: number }).port}`;
  });
  after(() => server.close());

  /** Where the first line of a script was written, if its map is there; and what was said. */
  async function shown(
    script: string,
    sourceMapURL: string,
    options: { readonly isLocal?: boolean; readonly fetchAll?: boolean } = {},
  ): Promise<{ file: string; said: string; posted: readonly string[] }> {
    const said: string[] = [];
    const posted: string[] = [];
    const session: ProtocolSession = new ProtocolSession((message) => {
      const { id, method } = message as { id: number; method: string };
      posted.push(method);
      if (method === 'Debugger.enable')
        session.receive({ method: 'Debugger.scriptParsed', params: { url: script, sourceMapURL } });
      session.receive({ id, result: {} });
    });
    const maps = new ScriptMaps({
      isLocal: false,
      fetchAll: false,
      ...options,
      warn: (line) => said.push(line),
    });
    await maps.learn([script], session);
    await maps.learn([script], session);
    const { file, line } = maps.mapFrame({ name: 'f', file: script, line: 1, column: 1 });
    return { file: line === 5 ? file : '', said: said.join('\n'), posted };
  }

  test('inline, or from its own origin on this machine; asked once, with all pauses off', async () => {
    const { file, said, posted } = await shown(`${origin}/js/a.js`, inline('../src/a.ts'));
    assert.deepEqual([file, said], [`${origin}/src/a.ts`, '']);
    assert.deepEqual(posted, ['Debugger.enable', 'Debugger.setSkipAllPauses', 'Debugger.disable']);
    assert.equal((await shown(`${origin}/js/b.js`, '/near.map')).file, `${origin}/src/near.ts`);
    assert.equal(
      (await shown('https://shop.example/a.js', inline('a.ts'))).file,
      'https://shop.example/a.ts',
    );
  });

  test('from anywhere else only when that was asked for', async () => {
    fetched.length = 0;
    const other = await shown('https://shop.example/a.js', `${origin}/near.map`);
    assert.deepEqual([other.file, fetched], ['', []]);
    assert.match(other.said, /shop\.example\/a\.js is on another host and was not fetched; --fetch-maps/);
    const moved = await shown(`${origin}/js/c.js`, '/moved.map');
    assert.match(moved.said, /could not be read/);
    assert.deepEqual(fetched, ['/moved.map']);
    const asked = await shown('https://shop.example/a.js', `${origin}/near.map`, { fetchAll: true });
    assert.equal(asked.file, `${new URL('../src/near.ts', `${origin}/near.map`)}`);
  });

  test('a file only of a script that is one, where files are files of this machine', async () => {
    const passwd = await shown(`${origin}/js/d.js`, 'file:///etc/hostname', { isLocal: true });
    assert.match(passwd.said, /is a file, and the script is none of this machine/);
    assert.match(
      (await shown('file:///app/a.js', 'a.js.map')).said,
      /is a file, and the script is none of this machine/,
    );
    const missing = await shown('file:///no/such/a.js', 'a.js.map', { isLocal: true });
    assert.match(missing.said, /could not be read \(ENOENT/);
  });

  test('what is no map, or not there, is said in one line', async () => {
    assert.match(
      (await shown(`${origin}/e.js`, '/none.map')).said,
      /could not be read \(HTTP 404\); its frames keep/,
    );
    assert.match((await shown(`${origin}/f.js`, 'data:,nonsense')).said, /could not be read \(/);
  });
});
