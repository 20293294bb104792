/** Numbered files: names, limits, and that every event is in exactly one of them. */
import assert from 'node:assert/strict';
import { readdirSync, readFileSync, statSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, it } from 'node:test';
import { gunzipSync } from 'node:zlib';
import { OtraceError } from '../../src/errors.js';
import type { Recorder } from '../../src/recorder/recorder.js';
import { parse } from '../recorder/rig.js';
import { assertPerfettoReads } from './perfetto-rules.js';
import { fileRig, readEvents, scratchFolder, smallDisk } from './scratch.js';

const isBadOption = (error: unknown): boolean =>
  error instanceof OtraceError && error.code === 'OTRACE_BAD_OPTION';

/** Records events numbered from `from` to `to`, with text that does not get much smaller. */
function record(trace: Recorder, from: number, to: number): void {
  for (let i = from; i < to; i++) trace.instant('event', { i, text: `${Math.sin(i)}${Math.cos(i)}` });
}

function numbersIn(folder: string): number[] {
  return readdirSync(folder)
    .sort()
    .flatMap((name) => readEvents(join(folder, name)))
    .filter(({ name }) => name === 'event')
    .map(({ args }) => args!['i'] as number);
}

const upTo = (count: number): number[] => Array.from({ length: count }, (_, i) => i);

describe('numbered files', () => {
  it('are named by the pattern', () => {
    const patterns = {
      'run-%03u.json': ['run-000.json', 'run-001.json'],
      'run-%d.json.gz': ['run-0.json.gz', 'run-1.json.gz'],
      '%u': ['0', '1'],
      'a%2db.json': ['a 0b.json', 'a 1b.json'],
    };
    for (const [pattern, names] of Object.entries(patterns)) {
      const folder = join(scratchFolder(), 'made', 'for it');
      const rig = fileRig();
      rig.trace.setOutputPattern(join(folder, pattern));
      record(rig.trace, 0, 3);
      assert.equal(rig.trace.flush().written, true);
      record(rig.trace, 3, 5);
      assert.equal(rig.trace.flush().written, true);
      assert.deepEqual(readdirSync(folder).sort(), names);
      assert.deepEqual(numbersIn(folder), upTo(5));
    }
  });

  it('need an index in their name, and limits above zero', () => {
    const rig = fileRig();
    for (const pattern of ['trace.json', 'run-%s.json', 'run-%u/trace.json', '', '%']) {
      assert.throws(() => rig.trace.setOutputPattern(pattern), isBadOption, pattern);
    }
    for (const limits of [
      { maxBytes: 0 },
      { maxBytes: Number.NaN },
      { maxFiles: -1 },
      { maxFiles: Number.NaN },
    ]) {
      assert.throws(() => rig.trace.setOutputPattern('run-%u.json', limits), isBadOption);
    }
  });

  it('hold what is new at each flush', () => {
    const folder = scratchFolder();
    const rig = fileRig();
    rig.trace.setOutputPattern(join(folder, '%02u.json'));
    record(rig.trace, 0, 10);
    rig.trace.flush();
    assert.deepEqual(rig.trace.flush(), { written: false, reason: 'there is nothing new to write' });
    assert.equal(rig.trace.hasUnwritten, false);
    record(rig.trace, 10, 15);
    assert.equal(rig.trace.hasUnwritten, true);
    rig.trace.flush();
    assert.deepEqual(rig.warnings, []);
    assert.deepEqual(
      readEvents(join(folder, '01.json')).map(({ args }) => args!['i']),
      [10, 11, 12, 13, 14],
    );
  });

  it('still hold what a flush to another path wrote', () => {
    const folder = scratchFolder();
    const rig = fileRig();
    rig.trace.setOutputPattern(join(folder, 'n', '%u.json'));
    record(rig.trace, 0, 10);
    assert.equal(rig.trace.flush(join(folder, 'copy.json')).written, true);
    assert.equal(readEvents(join(folder, 'copy.json')).length, 10);
    rig.trace.flush();
    assert.deepEqual(numbersIn(join(folder, 'n')), upTo(10));
  });

  for (const suffix of ['.json', '.json.gz']) {
    it(`are never larger than allowed, each is whole, and no event is missing or twice: ${suffix}`, () => {
      const folder = scratchFolder();
      const rig = fileRig(8192);
      const maxBytes = 20_000;
      rig.trace.setOutputPattern(join(folder, `run-%03u${suffix}`), { maxBytes, maxFiles: 1000 });
      for (const [from, to] of [
        [0, 5000],
        [5000, 5001],
        [5001, 9000],
      ] as const) {
        record(rig.trace, from, to);
        const result = rig.trace.flush();
        assert.equal(result.written && result.events, to - from);
      }
      const names = readdirSync(folder).sort();
      assert.ok(names.length > 10, `${names.length} files`);
      let large = 0;
      for (const name of names) {
        const size = statSync(join(folder, name)).size;
        assert.ok(size <= maxBytes, `${name} has ${size} bytes`);
        if (size > maxBytes * 0.9) large++;
        const bytes = readFileSync(join(folder, name));
        assertPerfettoReads(suffix === '.json' ? bytes : gunzipSync(bytes));
      }
      assert.ok(large >= names.length - 3, 'the room allowed is used');
      assert.deepEqual(numbersIn(folder), upTo(9000));
    });
  }

  it('are too large only for a single event that is', () => {
    const folder = scratchFolder();
    const rig = fileRig();
    rig.trace.setThreadName('');
    rig.trace.setOutputPattern(join(folder, '%u.json'), { maxBytes: 2000 });
    record(rig.trace, 0, 5);
    rig.trace.instant('event', { i: 5, text: 'x'.repeat(5000) });
    record(rig.trace, 6, 10);
    rig.trace.flush();
    assert.deepEqual(numbersIn(folder), upTo(10));
    const sizes = readdirSync(folder).map((name) => statSync(join(folder, name)).size);
    assert.deepEqual(
      sizes.map((size) => size > 2000),
      [false, true, false],
    );
  });

  it('can hold one event each', () => {
    const folder = scratchFolder();
    const rig = fileRig();
    rig.trace.setOutputPattern(join(folder, '%02u.json'), { maxBytes: 1, maxFiles: 100 });
    record(rig.trace, 0, 20);
    rig.trace.flush();
    assert.equal(readdirSync(folder).length, 20);
    assert.deepEqual(numbersIn(folder), upTo(20));
  });

  it('are only so many, and the newest stay', () => {
    const folder = scratchFolder();
    const rig = fileRig();
    rig.trace.setOutputPattern(join(folder, 'r%u.json'), { maxFiles: 3 });
    for (let i = 0; i < 12; i++) {
      record(rig.trace, i, i + 1);
      rig.trace.flush();
    }
    assert.deepEqual(readdirSync(folder).sort(), ['r10.json', 'r11.json', 'r9.json']);
  });

  it('go on after those that are there, and leave other files alone', () => {
    const folder = scratchFolder();
    const others = [
      'run-07.json',
      'run-007.json',
      'run-x.json',
      'run-.json',
      'run--1.json',
      'run-1e2.json',
      'run-5.json.bak',
    ];
    for (const name of [...others, 'run-7.json', 'run-12.json']) writeFileSync(join(folder, name), 'earlier');
    const rig = fileRig();
    rig.trace.setOutputPattern(join(folder, 'run-%d.json'), { maxFiles: 2 });
    record(rig.trace, 0, 1);
    rig.trace.flush();
    assert.deepEqual(readdirSync(folder).sort(), [...others, 'run-12.json', 'run-13.json'].sort());
    assert.equal(readFileSync(join(folder, 'run-12.json'), 'utf8'), 'earlier');
  });

  it('tell what was lost once', () => {
    const folder = scratchFolder();
    const rig = fileRig(64);
    rig.trace.setOutputPattern(join(folder, '%03u.json'), { maxBytes: 3000, maxFiles: 100 });
    record(rig.trace, 0, 200);
    rig.trace.flush();
    record(rig.trace, 200, 300);
    rig.trace.flush();
    let lost = 0;
    let noted = 0;
    for (const name of readdirSync(folder)) {
      const document = parse(readFileSync(join(folder, name)));
      lost += document.otherData['lost_events'] as number;
      for (const { name, args } of document.traceEvents)
        if (name === 'events_lost') noted += args!['lost_events'] as number;
    }
    const held = numbersIn(folder).length;
    assert.equal(lost, 300 - held);
    assert.equal(noted, lost);
  });

  it('are all written by the next flush after one that failed', (t) => {
    const folder = smallDisk(t, 'size=64k');
    if (folder === undefined) return;
    const rig = fileRig(4096);
    rig.trace.setOutputPattern(join(folder, '%u.json'), { maxBytes: 20_000 });
    record(rig.trace, 0, 10);
    assert.equal(rig.trace.flush().written, true);
    record(rig.trace, 10, 1000);
    const result = rig.trace.flush();
    assert.match(result.written ? '' : result.reason, /no space left/);
    assert.deepEqual(readdirSync(folder), ['0.json'], 'neither half of the events nor a temporary file');
    const elsewhere = scratchFolder();
    rig.trace.setOutputPattern(join(elsewhere, '%u.json'), { maxBytes: 20_000, maxFiles: 100 });
    assert.equal(rig.trace.flush().written, true);
    assert.deepEqual(numbersIn(elsewhere), upTo(1000).slice(10));
  });
});
