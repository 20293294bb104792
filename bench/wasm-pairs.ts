/**
 * What a pair of `new` and `delete` costs in a C++ module at a call depth of 10: untouched, and with each kind of tracing;
 * beside it the same source built for this machine, alone and under Debian's heaptrack. Each block is freed before the next is
 * allocated; and again with the oldest of 64 freed instead.
 *
 *     node --import tsx bench/wasm-pairs.ts
 *
 * Needs clang, lld, wasi-libc, libc++-14-dev-wasm32, libc++abi-14-dev-wasm32, and heaptrack for its part. All variants take
 * turns in short rounds in one process; the best round of each counts.
 */
import { spawnSync } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { traced } from '../test/sources/wasm/traced.js';
import { bestOf } from './alternate.js';

const SOURCE = new URL('wasm/pairs.cpp', import.meta.url).pathname;
const ROUNDS = 10_000;
const PAIRS = 200;

type Pairs = (count: number) => void;
/** The exports that do the work, by which block they free. */
const WORK = { pairs: 'the block just allocated', queue: 'the oldest of 64' } as const;

function run(command: string, ...args: string[]): string | undefined {
  const { status, stdout, error } = spawnSync(command, args, { encoding: 'utf8' });
  return error === undefined && status === 0 ? stdout : undefined;
}

function buildForWasm(folder: string): Uint8Array<ArrayBuffer> | undefined {
  const out = join(folder, 'pairs.wasm');
  const options = [
    '--target=wasm32-wasi',
    '-O2',
    '-fno-exceptions',
    '-nodefaultlibs',
    '-mexec-model=reactor',
  ];
  const built = run('clang++', ...options, '-o', out, SOURCE, '-lc++', '-lc++abi', '-lc');
  return built === undefined ? undefined : new Uint8Array(readFileSync(out));
}

function instantiate(bytes: Uint8Array<ArrayBuffer>, work: keyof typeof WORK): Pairs {
  const wasi = new Proxy({}, { get: () => () => 0, has: () => true }) as WebAssembly.ModuleImports;
  const imports = { wasi_snapshot_preview1: wasi };
  const instance = new WebAssembly.Instance(new WebAssembly.Module(bytes), imports);
  const exports = instance.exports as unknown as { _initialize(): void } & Record<keyof typeof WORK, Pairs>;
  exports._initialize();
  return exports[work];
}

/** The hooks of one source stay in place for the next: each variant is made in its turn with hooks of its own. */
function instantiateTraced(
  bytes: Uint8Array<ArrayBuffer>,
  work: keyof typeof WORK,
  contexts: boolean,
  sampling: number,
): Pairs {
  const { Module, Instance } = WebAssembly;
  const exportsOf = Object.getOwnPropertyDescriptor(Instance.prototype, 'exports')!;
  const { source } = traced({ contexts }, sampling);
  source.install();
  source.arm();
  const pairs = instantiate(bytes, work);
  Object.assign(WebAssembly, { Module, Instance });
  Object.defineProperty(Instance.prototype, 'exports', exportsOf);
  pairs(10);
  if (source.snapshot().sites.reduce((sum, site) => sum + site.totalBlocks, 0) < 10)
    throw new Error('not traced');
  return pairs;
}

function measureWasm(bytes: Uint8Array<ArrayBuffer>, work: keyof typeof WORK): void {
  const untouched = { name: 'untouched', run: instantiate(bytes, work) };
  const walking = [0.15, 1].map((sampling) => ({
    name: `a stack walk for ${sampling} of the allocations`,
    run: instantiateTraced(bytes, work, false, sampling),
  }));
  const others = [
    { name: 'hooked, sampling 0, no contexts', run: instantiateTraced(bytes, work, false, 0) },
    { name: 'with contexts, sampling 0', run: instantiateTraced(bytes, work, true, 0) },
    { name: 'with contexts, sampling 1', run: instantiateTraced(bytes, work, true, 1) },
  ];
  const best = new Map([...bestOf([untouched, ...others], ROUNDS, PAIRS), ...bestOf(walking, 30, 50)]);
  const base = best.get('untouched')!;
  console.log(`freeing ${WORK[work]}`);
  console.log(`untouched: ${base.toFixed(1)} ns a pair`);
  for (const { name } of [...others, ...walking]) {
    console.log(`${name}: +${(best.get(name)! - base).toFixed(1)} ns`);
  }
}

function measureNative(folder: string): void {
  const out = join(folder, 'pairs');
  if (
    run('clang++', '-O2', '-o', out, SOURCE) === undefined &&
    run('g++', '-O2', '-o', out, SOURCE) === undefined
  ) {
    console.log('native: skipped, there is no clang++ or g++');
    return;
  }
  const bestRun = (times: number, ...command: [string, ...string[]]): number => {
    const [program, ...args] = command;
    const runs = Array.from({ length: times }, () => run(program, ...args));
    return Math.min(...runs.map((output) => Number(/^[\d.]+$/m.exec(output ?? '')?.[0])));
  };
  const alone = bestRun(7, out, '2000000');
  console.log(`native: ${alone.toFixed(1)} ns a pair`);
  if (run('heaptrack', '--version') === undefined) {
    console.log('native under heaptrack: skipped, heaptrack is not installed');
    return;
  }
  const tracked = bestRun(5, 'heaptrack', '-o', join(folder, 'track'), out, '200000');
  console.log(`native under heaptrack: +${(tracked - alone).toFixed(1)} ns`);
}

const folder = mkdtempSync(join(tmpdir(), 'otrace-bench-'));
try {
  const bytes = buildForWasm(folder);
  if (bytes === undefined)
    console.log('WebAssembly: skipped, clang and its WASI libraries are not installed');
  else for (const work of ['pairs', 'queue'] as const) measureWasm(bytes, work);
  measureNative(folder);
} finally {
  rmSync(folder, { recursive: true });
}
