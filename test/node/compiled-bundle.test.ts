// The hooks run from the bytecode of an earlier run, and whatever is wrong with that does not show in the program.
import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import {
  cpSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  statSync,
  utimesSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { after, describe, it } from 'node:test';
import { fileURLToPath } from 'node:url';
import { RUN_VARIABLE, writeRunOptions } from '../../src/node/run-options.js';

const hooks = join(dirname(fileURLToPath(import.meta.url)), '..', '..', 'dist/cjs/hooks.js');
const folder = mkdtempSync(join(tmpdir(), 'otrace-bytecode-'));
after(() => rmSync(folder, { recursive: true, force: true }));

/** Runs a program under the hooks, which must find the trace on; with `flags` of V8. */
function run(bytecodeFolder: string, ...flags: string[]): void {
  runHooks(hooks, bytecodeFolder, flags);
}

/** @returns the stack of an error of otrace's own */
function runHooks(hooks: string, bytecodeFolder: string, flags: readonly string[] = []): string {
  const { NODE_OPTIONS: _, ...inherited } = process.env;
  const code = `
    const { trace, heap } = globalThis[Symbol.for('otrace.instances/1')];
    let stack = '';
    try { heap.setSampling(NaN); } catch (error) { stack = error.stack; }
    console.log(JSON.stringify({ enabled: trace.enabled, stack }));`;
  const { stdout, stderr } = spawnSync(process.execPath, [...flags, '--require', hooks, '-e', code], {
    encoding: 'utf8',
    env: {
      ...inherited,
      OTRACE_OUT: join(folder, 'trace.json'),
      [RUN_VARIABLE]: writeRunOptions({
        top: 10,
        reportEverySeconds: 0,
        exact: false,
        retainers: false,
        checkpoints: false,
        timeline: [],
        httpAll: false,
        maxFileBytes: 2 ** 30,
        resultFile: join(folder, 'result.json'),
        bytecodeFolder,
      }),
    },
  });
  assert.equal(stderr, '');
  const { enabled, stack } = JSON.parse(stdout) as { enabled: boolean; stack: string };
  assert.ok(enabled);
  return stack;
}

function keptFiles(): string[] {
  return readdirSync(folder)
    .filter((name) => name.startsWith('attach.js-'))
    .map((name) => join(folder, name));
}

describe('the bytecode of the hooks', () => {
  it('is left by the first run and used by the next', () => {
    run(folder);
    const [file] = keptFiles();
    const { ino, mode } = statSync(file!);
    assert.equal(mode & 0o777, 0o600);
    run(folder);
    assert.deepEqual(keptFiles(), [file]);
    assert.equal(statSync(file!).ino, ino, 'bytecode that V8 refuses is written anew');
  });

  it('is made anew when its file is damaged, or holds what V8 refuses', () => {
    const [file] = keptFiles();
    const whole = readFileSync(file!);
    const flipped = Buffer.from(whole);
    flipped[whole.length - 100]! ^= 1;
    for (const damaged of [flipped, whole.subarray(0, 1000), Buffer.alloc(1000), Buffer.alloc(0)]) {
      writeFileSync(file!, damaged);
      run(folder);
      const bytes = readFileSync(file!);
      const half = bytes.subarray(0, bytes.length / 2);
      assert.ok(bytes.length > 100_000 && half.equals(bytes.subarray(bytes.length / 2)));
    }
  });

  it('is made anew when it is old: another run calls more', () => {
    const [file] = keptFiles();
    utimesSync(file!, new Date(0), new Date(0));
    run(folder);
    assert.ok(statSync(file!).mtimeMs > 0);
  });

  it('is of these flags of V8 alone', () => {
    run(folder, '--no-turbo-inlining');
    assert.equal(keptFiles().length, 2);
  });

  it('is of this place alone, which frames name', () => {
    const elsewhere = join(folder, 'elsewhere');
    cpSync(dirname(hooks), elsewhere, { recursive: true });
    const before = keptFiles().length;
    for (let round = 0; round < 2; round++) {
      assert.ok(runHooks(join(elsewhere, 'hooks.js'), folder).includes(`${elsewhere}/attach.js`));
      assert.equal(keptFiles().length, before + 1);
    }
  });

  it('is nowhere when its folder is gone', () => {
    run(join(folder, 'gone'));
  });
});
