// The built package: which programs load what replays journals, and what they do without WebAssembly.
import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { dirname, join } from 'node:path';
import { describe, it } from 'node:test';
import { fileURLToPath } from 'node:url';

const dist = join(dirname(fileURLToPath(import.meta.url)), '..', '..', 'dist/cjs');

/** @returns what the program prints, as JSON */
function run(script: string, ...args: readonly string[]): unknown {
  const { stdout, stderr, status } = spawnSync(process.execPath, [...args, '-e', script], {
    encoding: 'utf8',
  });
  assert.equal(status, 0, stderr);
  assert.doesNotMatch(stderr, /otrace/);
  return JSON.parse(stdout);
}

const program = (blocks: number, before = ''): string => `
  ${before}
  const { heap } = require(${JSON.stringify(join(dist, 'index.js'))});
  heap.enable();
  for (let key = 0; key < ${blocks}; key++) heap.alloc(key * 16, 8);
  for (let key = 0; key < ${blocks}; key += 2) heap.free(key * 16);
  const { liveBlocks, liveBytes } = heap.snapshot().sources.find(({ source }) => source === 'manual');
  const loaded = Object.keys(require.cache).some((file) => file.endsWith('replay-program.js'));
  console.log(JSON.stringify({ liveBlocks, liveBytes, loaded }));
`;

describe('the program that replays journals', () => {
  const many = { liveBlocks: 20_000, liveBytes: 160_000 };

  it('is loaded by a program that counts much', () => {
    assert.deepEqual(run(program(40_000)), { ...many, loaded: true });
  });

  it('is not loaded by one that counts little', () => {
    assert.deepEqual(run(program(1000)), { liveBlocks: 500, liveBytes: 4000, loaded: false });
  });

  it('is not needed under --jitless, which has no WebAssembly', () => {
    assert.deepEqual(run(program(40_000), '--jitless'), { ...many, loaded: false });
  });

  it('is not needed where WebAssembly may not be compiled', () => {
    const forbid = `
      WebAssembly.Module = function () {
        throw new WebAssembly.CompileError('Wasm code generation disallowed by embedder');
      };`;
    assert.deepEqual(run(program(40_000, forbid)), { ...many, loaded: true });
  });

  it('is nobody who allocates, to the sources that hook WebAssembly and buffers', () => {
    const script = `
      require(${JSON.stringify(join(dist, 'hooks.js'))});
      const { heap } = require(${JSON.stringify(join(dist, 'index.js'))});
      heap.enable();
      const others = () => heap.snapshot().sources
        .filter(({ source }) => source === 'wasm' || source === 'buffers')
        .map(({ source, liveBlocks, sites }) => [source, liveBlocks, sites.reduce((sum, site) => sum + site.totalBlocks, 0)]);
      void WebAssembly;
      const before = others();
      for (let key = 0; key < 200_000; key++) heap.alloc(key * 16, 8);
      const manual = heap.snapshot().sources.find(({ source }) => source === 'manual');
      console.log(JSON.stringify({ before, after: others(), live: manual.liveBlocks }));
    `;
    const { before, after, live } = run(script) as { before: unknown[]; after: unknown[]; live: number };
    assert.equal(before.length, 2);
    assert.deepEqual(after, before);
    assert.equal(live, 200_000);
  });
});
