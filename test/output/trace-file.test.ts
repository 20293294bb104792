/** One file: it appears whole or not at all, wherever it goes, and failures are told without harm. */
import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import {
  chmodSync,
  existsSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  rmSync,
  statSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs';
import { basename, join } from 'node:path';
import { describe, it } from 'node:test';
import type { FlushResult } from '../../src/recorder/trace-output.js';
import { fileRig, readEvents, scratchFolder, smallDisk } from './scratch.js';

const isRoot = process.getuid?.() === 0;

function failed(result: FlushResult): string {
  assert.equal(result.written, false);
  return result.written ? '' : result.reason;
}

describe('a trace file', () => {
  it('goes where the output path says, and missing folders are made', () => {
    const path = join(scratchFolder(), 'a', 'b', 'trace.json');
    const rig = fileRig();
    rig.trace.setOutputPath(path);
    rig.trace.instant('one');
    assert.deepEqual(rig.trace.flush(), { written: true, path, events: 1, bytes: statSync(path).size });
    assert.deepEqual(
      readEvents(path).map(({ name }) => name),
      ['one'],
    );
    assert.deepEqual(rig.warnings, []);
  });

  it('is rewritten with everything held by each flush', () => {
    const path = join(scratchFolder(), 'trace.json');
    const rig = fileRig();
    rig.trace.setOutputPath(path);
    for (const name of ['one', 'two', 'three']) {
      rig.trace.instant(name);
      rig.trace.flush();
    }
    assert.deepEqual(
      readEvents(path).map(({ name }) => name),
      ['one', 'two', 'three'],
    );
  });

  it('may go to another path for once', () => {
    const folder = scratchFolder();
    const rig = fileRig();
    rig.trace.setOutputPath(join(folder, 'usual.json'));
    rig.trace.instant('one');
    rig.trace.flush(join(folder, 'once.json'));
    assert.deepEqual(readdirSync(folder), ['once.json']);
    assert.equal(readEvents(join(folder, 'once.json')).length, 1);
  });

  it('is not touched until the new one is whole, and leaves no temporary file', () => {
    const folder = scratchFolder();
    const path = join(folder, 'trace.json');
    writeFileSync(path, 'earlier');
    const rig = fileRig();
    let seen: unknown;
    // Looked at in the middle of the flush, from a getter of the contents.
    const identity = { tid: 9, name: 'w', sortIndex: 0 };
    const contents = rig.trace.contents();
    Object.defineProperty(contents, 'processName', {
      get: () => {
        seen = [readFileSync(path, 'utf8'), readdirSync(folder).sort()];
        return identity.name;
      },
    });
    rig.trace.contents = () => contents;
    assert.equal(rig.trace.flush(path).written, true);
    assert.deepEqual(seen, ['earlier', ['trace.json', `trace.json.${process.pid}.tmp`]]);
    assert.deepEqual(readdirSync(folder), ['trace.json']);
    assert.deepEqual(readEvents(path), []);
  });

  it('follows a link to the file behind it', () => {
    const folder = scratchFolder();
    mkdirSync(join(folder, 'far'));
    writeFileSync(join(folder, 'far', 'real.json'), 'earlier');
    symlinkSync(join('far', 'real.json'), join(folder, 'link.json'));
    const rig = fileRig();
    rig.trace.instant('one');
    assert.equal(rig.trace.flush(join(folder, 'link.json')).written, true);
    assert.equal(readEvents(join(folder, 'far', 'real.json')).length, 1);
    assert.deepEqual(readdirSync(folder).sort(), ['far', 'link.json']);
  });

  it('does not take the place of a device', { skip: !existsSync('/dev/null') }, () => {
    const rig = fileRig();
    rig.trace.instant('one');
    const result = rig.trace.flush('/dev/null');
    assert.equal(result.written, true);
    assert.ok(statSync('/dev/null').isCharacterDevice());
  });

  it('is written into a pipe that somebody reads', (t) => {
    const folder = scratchFolder();
    const pipe = join(folder, 'pipe');
    if (spawnSync('mkfifo', [pipe]).status !== 0) {
      t.skip('no mkfifo here');
      return;
    }
    const reader = spawnSync('sh', [
      '-c',
      `cat ${pipe} > ${join(folder, 'read.json')} 2>/dev/null & echo $!`,
    ]);
    assert.equal(reader.status, 0);
    const rig = fileRig();
    rig.trace.instant('one');
    assert.equal(rig.trace.flush(pipe).written, true);
    spawnSync('sh', [
      '-c',
      `while kill -0 ${reader.stdout.toString().trim()} 2>/dev/null; do sleep 0.01; done`,
    ]);
    assert.equal(readEvents(join(folder, 'read.json')).length, 1);
    assert.ok(statSync(pipe).isFIFO());
  });
});

describe('a trace file that can not be written', () => {
  /** Flushes twice to a bad path, then to a good one. */
  const assertHarmless = (path: string, reason: RegExp): void => {
    const folder = scratchFolder();
    const rig = fileRig();
    rig.trace.setOutputPath(path);
    rig.trace.instant('one');
    const told = failed(rig.trace.flush());
    assert.match(told, reason);
    assert.ok(told.includes(path), 'the path is named');
    assert.match(told, /; (?:name|choose|free)/, 'a remedy is named');
    assert.equal(failed(rig.trace.flush()), told);
    assert.deepEqual(rig.warnings, [told], 'one warning, however often it fails');
    assert.equal(rig.trace.hasUnwritten, true);
    const good = join(folder, 'good.json');
    rig.trace.setOutputPath(good);
    assert.equal(rig.trace.flush().written, true);
    assert.deepEqual(
      readEvents(good).map(({ name }) => name),
      ['one'],
    );
  };

  it('because it is a folder', () => {
    const folder = scratchFolder();
    assertHarmless(folder, /it is a directory; name a file in it/);
    assert.deepEqual(readdirSync(folder), []);
  });

  it('because its folder is a file', () => {
    const file = join(scratchFolder(), 'file');
    writeFileSync(file, 'mine');
    assertHarmless(join(file, 'trace.json'), /a part of the path is a file/);
    assertHarmless(join(file, 'deeper', 'trace.json'), /a part of the path is a file/);
    assert.equal(readFileSync(file, 'utf8'), 'mine');
  });

  it('because its name is too long', () => {
    assertHarmless(join(scratchFolder(), 'x'.repeat(300)), /the name is too long/);
  });

  it('because its folder is read-only', { skip: isRoot ? 'root may write anywhere' : false }, () => {
    const folder = scratchFolder();
    chmodSync(folder, 0o500);
    assertHarmless(join(folder, 'trace.json'), /permission denied/);
  });

  it('because its file system is read-only', (t) => {
    const disk = smallDisk(t, 'ro,size=64k');
    if (disk !== undefined) assertHarmless(join(disk, 'trace.json'), /the file system is read-only/);
  });

  for (const name of ['trace.json', 'trace.json.gz']) {
    it(`because the disk is full: ${name}`, (t) => {
      const disk = smallDisk(t, 'size=64k');
      if (disk === undefined) return;
      const path = join(disk, name);
      const rig = fileRig(16_384);
      rig.trace.setOutputPath(path);
      rig.trace.instant('small');
      assert.equal(rig.trace.flush().written, true);
      const before = readFileSync(path);
      // Text that does not get smaller.
      for (let i = 0; i < 8000; i++) rig.trace.instant('large', { text: `${Math.sin(i)}${Math.cos(i)}` });
      const reason = failed(rig.trace.flush());
      assert.match(reason, /no space left on the disk; free some/);
      assert.deepEqual(rig.warnings, [reason]);
      assert.deepEqual(readdirSync(disk), [name], 'no temporary file is left');
      assert.ok(readFileSync(path).equals(before), 'the earlier file is as it was');
      const elsewhere = join(scratchFolder(), basename(path));
      rig.trace.setOutputPath(elsewhere);
      assert.equal(rig.trace.flush().written, true);
      assert.equal(readEvents(elsewhere).length, 8001);
    });
  }

  it('because there is no such path at all', () => {
    for (const path of ['a\0b', 5, {}, null]) {
      const rig = fileRig();
      rig.trace.setOutputPath(path as string);
      rig.trace.instant('one');
      assert.notEqual(failed(rig.trace.flush()), '');
      assert.equal(rig.warnings.length, 1);
    }
  });

  it('leaves descriptors and folders as they were', () => {
    const folder = scratchFolder();
    const open = (): number => (existsSync('/proc/self/fd') ? readdirSync('/proc/self/fd').length : 0);
    const rig = fileRig();
    const before = open();
    for (let i = 0; i < 20; i++) {
      rig.trace.flush(folder);
      rig.trace.flush(join(folder, 'x'.repeat(300)));
      rig.trace.flush(join(folder, 'fine.json'));
    }
    assert.equal(open(), before);
    assert.deepEqual(readdirSync(folder), ['fine.json']);
    rmSync(join(folder, 'fine.json'));
  });
});
