// The parts of `otrace attach` that need no other process.
import assert from 'node:assert/strict';
import { createServer } from 'node:net';
import { describe, test } from 'node:test';
import { parseAddress } from '../../src/cli/attach/address.js';
import { isNode, portsTaken, readProcess, socketsOf } from '../../src/cli/attach/process-files.js';
import { chooseTarget } from '../../src/cli/attach/target-list.js';
import { parseDuration } from '../../src/cli/duration.js';

describe('what to attach to', () => {
  test('a process, a port, a socket', () => {
    assert.deepEqual(parseAddress('4321'), { kind: 'process', pid: 4321 });
    for (const text of ['localhost:9222', 'http://localhost:9222', 'http://localhost:9222/json/list']) {
      assert.deepEqual(parseAddress(text), { kind: 'port', host: 'localhost', port: 9222 });
    }
    assert.deepEqual(parseAddress('[::1]:9229'), { kind: 'port', host: '[::1]', port: 9229 });
    assert.deepEqual(parseAddress(':9229'), { kind: 'port', host: '127.0.0.1', port: 9229 });
    const url = 'ws://127.0.0.1:9229/0f2c936f-b1cd-4ac9-aab3-f63b0f33d55e';
    assert.deepEqual(parseAddress(url), { kind: 'socket', url });
  });

  test('nothing else', () => {
    for (const text of [
      '',
      '0',
      '99999999999',
      'host',
      'host:0',
      'host:99999',
      '-5',
      'ftp://a:1',
      'ws://',
      'a b:1',
    ]) {
      assert.throws(() => parseAddress(text), { code: 'OTRACE_BAD_OPTION' }, text);
    }
  });
});

describe('a target among those listed', () => {
  const shop = { type: 'page', title: 'Shop', url: 'http://localhost/shop', webSocketDebuggerUrl: 'ws://1' };
  const admin = {
    type: 'page',
    title: 'Admin',
    url: 'http://localhost/admin',
    webSocketDebuggerUrl: 'ws://2',
  };
  const worker = {
    type: 'worker',
    title: 'sw.js',
    url: 'http://localhost/sw.js',
    webSocketDebuggerUrl: 'ws://3',
  };

  test('the only page, or the one that is named', () => {
    assert.equal(chooseTarget([worker, shop], undefined), 'ws://1');
    assert.equal(chooseTarget([worker, shop, admin], 'ADMIN'), 'ws://2');
    assert.equal(chooseTarget([worker, shop, admin], '/sw'), 'ws://3');
  });

  test('several or none: they are listed', () => {
    assert.throws(
      () => chooseTarget([shop, admin], undefined),
      /several pages; .*--page[\s\S]*Shop[\s\S]*Admin/,
    );
    assert.throws(() => chooseTarget([shop, admin], 'news'), /nothing there fits[\s\S]*Shop[\s\S]*Admin/);
    assert.throws(() => chooseTarget([], undefined), /none is open/);
  });

  test('one that another debugger has to itself', () => {
    const { webSocketDebuggerUrl: _, ...taken } = shop;
    assert.throws(() => chooseTarget([taken], undefined), /another debugger has .*shop/);
  });
});

describe('what /proc says', { skip: process.platform !== 'linux' && 'needs /proc' }, () => {
  test('of this process', () => {
    const facts = readProcess(process.pid)!;
    assert.equal(facts.processId, process.pid);
    assert.equal(facts.executable, process.execPath);
    assert.ok(isNode(facts) && facts.handlesSigusr1 && facts.sharesNetwork);
    assert.ok(facts.flags.includes('--expose-gc'));
    assert.equal(readProcess(2 ** 31 - 2), undefined);
  });

  test('tells Node by its contents where it has another name', () => {
    assert.ok(isNode({ ...readProcess(process.pid)!, executable: '/opt/shop/server' }));
  });

  test('of its sockets', async () => {
    const server = createServer().listen(0, '127.0.0.1');
    await new Promise((resolve) => server.on('listening', resolve));
    const { port } = server.address() as { port: number };
    assert.deepEqual(
      socketsOf(process.pid).filter((socket) => socket.port === port),
      socketsOf(process.pid).filter((socket) => socket.port === port && socket.state === 'listening'),
    );
    assert.ok(socketsOf(process.pid).some((socket) => socket.port === port));
    assert.ok(portsTaken(process.pid).has(port));
    await new Promise((resolve) => server.close(resolve));
    assert.ok(!portsTaken(process.pid).has(port));
  });
});

describe('a duration', () => {
  test('with a unit, or in seconds', () => {
    const cases: readonly [string, number][] = [
      ['60s', 60_000],
      ['90', 90_000],
      ['500ms', 500],
      ['1.5min', 90_000],
      ['5m', 300_000],
      ['1h', 3_600_000],
    ];
    for (const [text, ms] of cases) assert.equal(parseDuration(text), ms);
  });

  test('nothing else', () => {
    for (const text of ['', '0', '-1s', 'soon', '5d', '1e3', '1000h']) {
      assert.throws(() => parseDuration(text), /60s, 5min or 1h/, text);
    }
  });
});
