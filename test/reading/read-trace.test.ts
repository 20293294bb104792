import assert from 'node:assert/strict';
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, describe, it } from 'node:test';
import { gzipSync } from 'node:zlib';
import { readTrace } from '../../src/reading/read-trace.js';
import type { TraceEvent } from '../../src/reading/trace-event.js';

const folder = mkdtempSync(join(tmpdir(), 'otrace-reading-'));
after(() => rmSync(folder, { recursive: true }));
let files = 0;

function write(bytes: string | Uint8Array): string {
  const path = join(folder, `file-${files++}.txt`);
  writeFileSync(path, bytes);
  return path;
}

async function read(path: string) {
  const events: TraceEvent[] = [];
  return { ...(await readTrace(path, (event) => events.push(event))), events };
}

/** Events that do not pack to nothing. */
function someEvents(count: number): string {
  let state = 1;
  const lines = Array.from({ length: count }, (_, i) => {
    state = (Math.imul(state, 1664525) + 1013904223) >>> 0;
    return JSON.stringify({ ph: 'I', name: `event ${i}`, ts: i + (state % 1000) / 1000, args: { state } });
  });
  return `[\n${lines.join(',\n')}\n]\n`;
}

describe('a file', () => {
  it('of gzip with zeroes behind it, as a crash of the machine may leave, is read up to them', async () => {
    const text = someEvents(100);
    const { events, damage } = await read(write(Buffer.concat([gzipSync(text), Buffer.alloc(100_000)])));
    assert.deepEqual(events, JSON.parse(text));
    assert.equal(damage, null);
  });

  it('is read whole, in chunks', async () => {
    const text = someEvents(20_000);
    const { eventCount, events, damage, bytes, gzip, fileBytes } = await read(write(text));
    assert.equal(eventCount, 20_000);
    assert.deepEqual(events, JSON.parse(text));
    assert.equal(damage, null);
    assert.equal(gzip, false);
    assert.deepEqual([bytes, fileBytes], [text.length, text.length]);
  });

  it('of gzip is recognised by content, in one member and in several', async () => {
    const text = someEvents(20_000);
    const half = Math.floor(text.length / 2);
    const several = Buffer.concat([gzipSync(text.slice(0, half)), gzipSync(''), gzipSync(text.slice(half))]);
    for (const packed of [gzipSync(text), several]) {
      const { events, damage, gzip, bytes, fileBytes } = await read(write(packed));
      assert.deepEqual(events, JSON.parse(text));
      assert.equal(damage, null);
      assert.equal(gzip, true);
      assert.deepEqual([bytes, fileBytes], [text.length, packed.length]);
    }
  });

  it('of gzip that unpacks a thousandfold is read piece by piece', async () => {
    const one = `{"ph":"I","name":"${'x'.repeat(1_000_000)}"},\n`;
    const { eventCount, damage } = await readTrace(write(gzipSync(`[${one.repeat(60)}]`)), () => {});
    assert.equal(eventCount, 60);
    assert.equal(damage, null);
  });
});

describe('what the reader of events throws', () => {
  for (const [what, pack] of [
    ['plain', (text: string) => text],
    ['gzip', gzipSync],
  ] as const) {
    it(`comes out as it is from a ${what} file`, async () => {
      const full = Object.assign(new Error('no space left'), { code: 'ENOSPC', syscall: 'write' });
      let calls = 0;
      const reading = readTrace(write(pack(someEvents(20_000))), () => {
        if (++calls === 100) throw full;
      });
      await assert.rejects(reading, (error) => error === full);
      assert.equal(calls, 100);
    });
  }
});

describe('gzip data', () => {
  it('cut short at any byte gives what it holds up to there', async () => {
    const text = someEvents(300);
    const packed = gzipSync(text);
    const all = JSON.parse(text);
    let most = 0;
    for (let cut = 3; cut < packed.length; cut += 97) {
      const { events, damage } = await read(write(packed.subarray(0, cut)));
      assert.deepEqual(events, all.slice(0, events.length));
      assert.equal(damage?.kind, 'gzip');
      assert.match(damage.message, /^the gzip data is cut short at byte \d+ \(line \d+\)/);
      most = Math.max(most, events.length);
    }
    assert.ok(most > 250, `only ${most} events were read`);
  });

  it('damaged in the middle gives all but the last piece before the damage', async () => {
    const text = someEvents(20_000);
    const packed = gzipSync(text);
    packed.fill(0xff, Math.floor(packed.length / 2), Math.floor(packed.length / 2) + 64);
    const { events, damage } = await read(write(packed));
    assert.deepEqual(events.slice(0, 9000), JSON.parse(text).slice(0, 9000));
    assert.equal(damage?.kind, 'gzip');
    assert.match(damage.message, /^the gzip data is damaged/);
  });

  it('with a wrong checksum gives every event and says so', async () => {
    const packed = gzipSync(someEvents(10));
    packed[packed.length - 8]! ^= 1;
    const { eventCount, damage } = await read(write(packed));
    assert.equal(eventCount, 10);
    assert.equal(damage?.kind, 'gzip');
  });
});

describe('a file that is no trace is refused with what is wrong and what to do:', () => {
  const missing = join(folder, 'missing.json');
  mkdirSync(join(folder, 'directory'));
  for (const [what, path, expected] of [
    ['missing', missing, /missing\.json does not exist; check the path/],
    ['a directory', join(folder, 'directory'), /directory is a directory; name one trace file/],
    ['empty', write(''), /is empty; write it again/],
    ['spaces', write(' \n\n'), /holds nothing but space; write it again/],
    ['empty when unpacked', write(gzipSync('')), /holds nothing but space; write it again/],
    [
      'text',
      write('Hello'),
      /is not a trace: this is not JSON at byte 0 \(line 1\); give a file in Chrome Trace/,
    ],
    ['one letter', write('x'), /is not a trace: this is not JSON/],
    ['a log', write('[error] no\n[error] no\n'), /is not a trace: .* at byte 1 \(line 1\).*; give a file/],
    ['a broken object', write('{"a" 1}'), /is not a trace: a ":" should be here at byte 5 \(line 1\)/],
    ['an empty object', write('{}'), /is JSON but holds no trace events; give a file/],
    ['an empty array', write('[]'), /is JSON but holds no trace events/],
    [
      'another object',
      write('{"nodes":[1,{"ph":"X"}],"traceEvents":7}'),
      /is JSON but holds no trace events/,
    ],
    ['other lines', write('{"a":1}\n{"a":2}\n'), /is JSON but holds no trace events/],
    ['objects without ph', write('[{"name":"a"}]'), /is JSON but holds no trace events/],
  ] as const) {
    it(what, async () => {
      await assert.rejects(
        readTrace(path, () => assert.fail('no event is expected')),
        (error: unknown) => {
          assert.ok(error instanceof Error && 'code' in error);
          assert.equal(error.code, 'OTRACE_INPUT');
          assert.match(error.message, expected);
          assert.ok(error.message.startsWith(path));
          return true;
        },
      );
    });
  }

  it('but one cut short before its first event is damaged', async () => {
    const { eventCount, damage } = await read(write('{"traceEvents":[{"ph":"I'));
    assert.equal(eventCount, 0);
    assert.equal(damage?.kind, 'cut-short');
  });
});
