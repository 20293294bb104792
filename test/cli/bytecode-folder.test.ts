import assert from 'node:assert/strict';
import { chmodSync, mkdirSync, mkdtempSync, rmdirSync, rmSync, statSync, symlinkSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, test } from 'node:test';
import { bytecodeFolder } from '../../src/cli/bytecode-folder.js';

const temporary = mkdtempSync(join(tmpdir(), 'otrace-folder-'));
after(() => rmSync(temporary, { recursive: true, force: true }));

test('bytecode is kept in a folder of the user that nobody else can write to, or nowhere', () => {
  const before = process.env['TMPDIR'];
  process.env['TMPDIR'] = temporary;
  try {
    const folder = bytecodeFolder()!;
    assert.equal(folder, join(temporary, `otrace-bytecode-${process.getuid!()}`));
    assert.equal(statSync(folder).mode & 0o777, 0o700);
    assert.equal(bytecodeFolder(), folder, 'one that is there is used again');

    chmodSync(folder, 0o770);
    assert.equal(bytecodeFolder(), undefined, 'others may write to it');

    rmdirSync(folder);
    const elsewhere = join(temporary, 'elsewhere');
    mkdirSync(elsewhere, { mode: 0o700 });
    symlinkSync(elsewhere, folder);
    assert.equal(bytecodeFolder(), undefined, 'it leads elsewhere');
  } finally {
    if (before === undefined) delete process.env['TMPDIR'];
    else process.env['TMPDIR'] = before;
  }
});
