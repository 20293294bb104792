/** A durable file is on disk, whole, as far as it goes, and is a trace as every other when it is flushed. */
import assert from 'node:assert/strict';
import {
  existsSync,
  readdirSync,
  readFileSync,
  rmSync,
  statSync,
  symlinkSync,
  truncateSync,
  writeFileSync,
} from 'node:fs';
import { join } from 'node:path';
import { describe, it } from 'node:test';
import { gunzipSync } from 'node:zlib';
import fc from 'fast-check';
import { readTrace } from '../../src/reading/read-trace.js';
import type { TraceEvent as ReadEvent } from '../../src/reading/trace-event.js';
import type { Rig, TraceDocument, TraceEvent } from '../recorder/rig.js';
import { fileRig, readEvents, scratchFolder, smallDisk } from './scratch.js';

interface Durable {
  readonly rig: Rig;
  readonly path: string;
}

function durable(name = 'trace.json', capacity = 1024, maxBytes?: number): Durable {
  const path = join(scratchFolder(), name);
  const rig = fileRig(capacity);
  rig.trace.setOutputPath(path, { durable: true, ...(maxBytes !== undefined && { maxBytes }) });
  return { rig, path };
}

/** The file as it lies there, which has to be JSON: a list of events, or an object. */
function json(path: string): TraceEvent[] | TraceDocument {
  const bytes = readFileSync(path);
  return JSON.parse((path.endsWith('.gz') ? gunzipSync(bytes) : bytes).toString()) as TraceDocument;
}

function listed(path: string): TraceEvent[] {
  const content = json(path);
  assert.ok(Array.isArray(content), 'the file is an array while it grows');
  return content;
}

function names(events: readonly TraceEvent[]): string[] {
  return events.filter(({ ph }) => ph !== 'M').map(({ name }) => name);
}

for (const name of ['trace.json', 'trace.json.gz']) {
  describe(`a durable file: ${name}`, () => {
    it('has every event after each drain, as an array, and no event twice', () => {
      const { rig, path } = durable(name);
      for (const event of ['one', 'two', 'three']) {
        rig.trace.instant(event);
        rig.trace.drain();
        rig.trace.drain();
        assert.equal(names(listed(path)).at(-1), event);
      }
      assert.deepEqual(names(listed(path)), ['one', 'two', 'three']);
      assert.deepEqual(
        listed(path)
          .filter(({ ph }) => ph === 'M')
          .map((entry) => entry.name),
        ['otrace_file', 'process_name', 'thread_name'],
      );
    });

    it('is an object when it is flushed, and grows on after that', () => {
      const { rig, path } = durable(name);
      rig.trace.instant('one');
      rig.trace.drain();
      rig.trace.instant('two');
      const result = rig.trace.flush();
      assert.deepEqual(result, { written: true, path, events: 2, bytes: statSync(path).size });
      assert.deepEqual((json(path) as TraceDocument).otherData['lost_events'], 0);
      assert.deepEqual(names(readEvents(path)), ['one', 'two']);
      rig.trace.instant('three');
      rig.trace.drain();
      assert.deepEqual(names(listed(path)), ['one', 'two', 'three']);
      rig.trace.flush();
      assert.deepEqual(names(readEvents(path)), ['one', 'two', 'three']);
    });

    it('has what a ring of 64 events overwrote long ago, in the array and in the object', () => {
      const { rig, path } = durable(name, 64);
      const count = 5000;
      for (let i = 0; i < count; i++) rig.trace.instant(`event ${i % 7}`, { i });
      const result = rig.trace.flush();
      assert.equal(result.written && result.events, count);
      const events = readEvents(path);
      assert.deepEqual(
        events.map(({ args }) => args!['i']),
        Array.from({ length: count }, (_, i) => i),
      );
      assert.equal((json(path) as TraceDocument).otherData['lost_events'], 0);
      rig.trace.instant('last');
      rig.trace.drain();
      assert.equal(names(listed(path)).length, count + 1);
      assert.deepEqual(rig.warnings, []);
    });

    it('has texts that fill the room for values many times over', () => {
      const { rig, path } = durable(name, 64);
      const text = (i: number): string => `${i} `.repeat(1 + ((i * 37) % 90));
      for (let i = 0; i < 800; i++) rig.trace.instant('t', { text: text(i) });
      rig.trace.flush();
      assert.deepEqual(
        readEvents(path).map(({ args }) => args!['text']),
        Array.from({ length: 800 }, (_, i) => text(i)),
      );
    });

    it('can be read as far as it goes wherever a kill cuts it', async () => {
      const { rig, path } = durable(name, 64);
      for (let i = 0; i < 300; i++) {
        rig.trace.instant('event', { i });
        if (i % 20 === 0) rig.trace.drain();
      }
      rig.trace.drain();
      const whole = readFileSync(path);
      const cut = `${path}.cut${name.endsWith('.gz') ? '.gz' : ''}`;
      let most = 0;
      for (let length = 700; length < whole.length; length += 97) {
        writeFileSync(cut, whole.subarray(0, length));
        const read: ReadEvent[] = [];
        await readTrace(cut, (event) => read.push(event));
        const numbers = read.filter(({ ph }) => ph === 'I').map(({ args }) => (args as { i: number }).i);
        assert.deepEqual(
          numbers,
          Array.from({ length: numbers.length }, (_, i) => i),
        );
        assert.ok(numbers.length >= most, 'a longer file has more');
        most = numbers.length;
      }
      assert.ok(most > 200);
    });

    it('stays readable on a full disk, says so once, and goes on when there is room', (t) => {
      const disk = smallDisk(t, 'size=128k');
      if (disk === undefined) return;
      const path = join(disk, name);
      const rig = fileRig(2048);
      rig.trace.setOutputPath(path, { durable: true });
      const ballast = join(disk, 'ballast');
      writeFileSync(ballast, new Uint8Array(90 * 1024));
      let recorded = 0;
      while (rig.warnings.length === 0) {
        rig.trace.instant('event', { i: recorded, text: `${Math.sin(recorded)}${Math.cos(recorded)}` });
        if (++recorded % 50 === 0) rig.trace.drain();
      }
      assert.match(rig.warnings.join(), /no space left on the disk/);
      const held = names(listed(path)).length;
      assert.ok(held > 50 && held < recorded, `${held} of ${recorded} events are in the file`);
      for (let i = 0; i < 3; i++) rig.trace.drain();
      assert.equal(rig.warnings.length, 1);
      assert.equal(names(listed(path)).length, held);
      rmSync(ballast);
      rig.trace.drain();
      assert.equal(names(listed(path)).length, recorded);
      rig.trace.setOutputPath('elsewhere.json'); // lets go of the file, so that its disk can go
    });
  });
}

describe('a durable file and what is there', () => {
  it('leaves an earlier file alone until it has an event to write', () => {
    const { rig, path } = durable();
    writeFileSync(path, 'earlier');
    rig.trace.drain();
    assert.equal(readFileSync(path, 'utf8'), 'earlier');
    rig.trace.instant('one');
    rig.trace.drain();
    assert.deepEqual(names(listed(path)), ['one']);
    assert.deepEqual(readdirSync(join(path, '..')), ['trace.json']);
  });

  it('leaves an earlier file alone when the disk is full from the start', (t) => {
    const disk = smallDisk(t, 'size=64k');
    if (disk === undefined) return;
    const path = join(disk, 'trace.json');
    writeFileSync(path, 'earlier');
    const room = 64 * 1024 - 4096 * 2;
    writeFileSync(join(disk, 'ballast'), new Uint8Array(room));
    const rig = fileRig(4096);
    for (let i = 0; i < 2000; i++) rig.trace.instant('event', { text: 'x'.repeat(40) });
    rig.trace.setOutputPath(path, { durable: true });
    rig.trace.drain();
    assert.match(rig.warnings.join(), /no space left/);
    assert.equal(readFileSync(path, 'utf8'), 'earlier');
    assert.deepEqual(readdirSync(disk).sort(), ['ballast', 'trace.json']);
  });

  it('follows a link, and makes a new file where somebody removed it', () => {
    const { rig, path } = durable();
    const real = `${path}.real`;
    writeFileSync(real, 'earlier');
    symlinkSync(real, path);
    rig.trace.instant('one');
    rig.trace.drain();
    assert.deepEqual(names(listed(real)), ['one']);
    rmSync(real);
    rig.trace.instant('two');
    rig.trace.drain();
    assert.deepEqual(names(listed(path)), ['two']);
    rig.trace.flush();
    assert.deepEqual(names(readEvents(path)), ['one', 'two'], 'a flush writes all that is held');
  });

  it('is written at flushes only where it is a device', { skip: !existsSync('/dev/null') }, () => {
    const rig = fileRig();
    rig.trace.setOutputPath('/dev/null', { durable: true });
    rig.trace.instant('one');
    rig.trace.drain();
    assert.equal(rig.trace.flush().written, true);
    assert.ok(statSync('/dev/null').isCharacterDevice());
  });

  it('refuses a size that is none', () => {
    const { rig } = durable();
    assert.throws(() => rig.trace.setOutputPath('x.json', { durable: true, maxBytes: 0 }), /maxBytes/);
  });

  it('leaves another path given to flush as it is: a copy of what is held', () => {
    const { rig, path } = durable();
    rig.trace.instant('one');
    rig.trace.flush(`${path}.copy.json`);
    assert.deepEqual(names(readEvents(`${path}.copy.json`)), ['one']);
    rig.trace.instant('two');
    rig.trace.drain();
    assert.deepEqual(names(listed(path)), ['one', 'two']);
  });
});

describe('a durable file in a long run', () => {
  it('is set aside at half of its bytes, and the newest half is always there', () => {
    const maxBytes = 200_000;
    const { rig, path } = durable('trace.json', 256, maxBytes);
    const earlier = path.replace('.json', '-earlier.json');
    const count = 20_000;
    for (let i = 0; i < count; i++) {
      rig.trace.instant('event', { i });
      if (i % 500 === 0) {
        rig.trace.drain();
        const bytes = statSync(path, { throwIfNoEntry: false })?.size ?? 0;
        assert.ok(bytes + (statSync(earlier, { throwIfNoEntry: false })?.size ?? 0) <= maxBytes);
      }
    }
    rig.trace.flush();
    const numbers = [...readEvents(earlier), ...readEvents(path)].map(({ args }) => args!['i'] as number);
    assert.ok(numbers.length > 500);
    assert.deepEqual(
      numbers,
      Array.from({ length: numbers.length }, (_, i) => count - numbers.length + i),
      'the newest ones, without a gap',
    );
    const { otherData } = json(path) as TraceDocument;
    assert.equal(otherData['lost_events'], count - numbers.length);
    assert.deepEqual(readdirSync(join(path, '..')).sort(), ['trace-earlier.json', 'trace.json']);
  });

  it('is the last of numbered files, each a whole trace within its size', () => {
    const folder = scratchFolder();
    const rig = fileRig(256);
    const limits = { durable: true, maxBytes: 30_000, maxFiles: 4 };
    rig.trace.setOutputPattern(join(folder, 'run-%03u.json'), limits);
    const count = 3000;
    for (let i = 0; i < count; i++) {
      rig.trace.instant('event', { i });
      if (i % 100 === 0) rig.trace.drain();
      assert.ok(readdirSync(folder).length <= limits.maxFiles);
    }
    rig.trace.drain();
    const files = readdirSync(folder).sort();
    assert.equal(files.length, limits.maxFiles);
    const numbers = files.flatMap((name) => {
      const path = join(folder, name);
      assert.ok(statSync(path).size <= limits.maxBytes, `${name} has ${statSync(path).size} bytes`);
      const content = json(path);
      assert.equal(Array.isArray(content), name === files.at(-1), name);
      const events = Array.isArray(content) ? content : (content as TraceDocument).traceEvents;
      assert.ok(events.some((event) => event.name === 'thread_name'));
      return events.filter(({ ph }) => ph === 'I').map(({ args }) => args!['i'] as number);
    });
    assert.deepEqual(
      numbers,
      Array.from({ length: numbers.length }, (_, i) => count - numbers.length + i),
    );
    rig.trace.instant('event', { i: count });
    rig.trace.flush();
    assert.ok(!Array.isArray(json(join(folder, files.at(-1)!))), 'a flush ends the file');
  });
});

describe('slices that reach back over batches', () => {
  /** Throws where slices of a thread overlap in part. */
  const assertNested = (events: readonly TraceEvent[]): void => {
    const ns = (us: number): number => Math.round(us * 1000);
    const open = new Map<number, number[]>();
    const slices = events.filter(({ ph }) => ph === 'X');
    slices.sort((a, b) => a.ts - b.ts || b.dur! - a.dur!);
    for (const { tid, ts, dur, name } of slices) {
      const ends = open.get(tid) ?? [];
      open.set(tid, ends);
      const end = ns(ts) + ns(dur!);
      while (ends.length > 0 && ends.at(-1)! <= ns(ts)) ends.pop();
      assert.ok(ends.length === 0 || end <= ends.at(-1)!, `${name} at ${ts} overlaps another on ${tid}`);
      ends.push(end);
    }
  };

  it('nest, whatever is open at a drain', () => {
    const step = fc.oneof(
      { weight: 4, arbitrary: fc.constant({ kind: 'begin' } as const) },
      { weight: 4, arbitrary: fc.record({ kind: fc.constant('end' as const), which: fc.nat(20) }) },
      { weight: 2, arbitrary: fc.constant({ kind: 'drain' } as const) },
      {
        weight: 1,
        arbitrary: fc.record({ kind: fc.constant('past' as const), start: fc.nat(60), length: fc.nat(60) }),
      },
    );
    const folder = scratchFolder();
    let run = 0;
    fc.assert(
      fc.property(fc.array(step, { maxLength: 80 }), (steps) => {
        const path = join(folder, `${run++}.json`);
        const rig = fileRig(256);
        rig.trace.setOutputPath(path, { durable: true });
        const open: { end(): void }[] = [];
        let slices = 0;
        for (const one of steps) {
          if (one.kind === 'begin') open.push(rig.trace.scope(`s${slices++}`));
          else if (one.kind === 'end') open.splice(one.which % Math.max(1, open.length), 1)[0]?.end();
          else if (one.kind === 'past') {
            rig.trace.complete(`s${slices++}`, Math.max(0, rig.nowUs - one.start), one.length);
          } else rig.trace.drain();
        }
        for (const scope of open) scope.end();
        rig.trace.instant('end');
        rig.trace.drain();
        const events = listed(path);
        assert.equal(events.filter(({ ph }) => ph === 'X').length, slices);
        assertNested(events);
        const named = new Set(events.filter(({ name }) => name === 'thread_name').map(({ tid }) => tid));
        for (const { tid } of events.filter(({ ph }) => ph === 'X')) assert.ok(named.has(tid));
        rmSync(path);
      }),
      { seed: 5, numRuns: 150 },
    );
  });

  it('stay on their thread where they enclose what was written before', () => {
    const { rig, path } = durable();
    const request = rig.trace.scope('request');
    for (let i = 0; i < 5; i++) {
      rig.trace.scope('step').end();
      rig.trace.drain();
    }
    request.end();
    rig.trace.drain();
    const slices = listed(path).filter(({ ph }) => ph === 'X');
    assert.equal(slices.length, 6);
    assert.equal(new Set(slices.map(({ tid }) => tid)).size, 1);
  });
});

it('a gzip file cut short keeps the members before the cut', async () => {
  const { rig, path } = durable('trace.json.gz');
  for (let i = 0; i < 10; i++) {
    rig.trace.instant('event', { i });
    rig.trace.drain();
  }
  truncateSync(path, statSync(path).size - 40);
  const read: ReadEvent[] = [];
  const { damage } = await readTrace(path, (event) => read.push(event));
  assert.equal(damage?.kind, 'gzip');
  assert.ok(read.filter(({ ph }) => ph === 'I').length >= 9);
});
