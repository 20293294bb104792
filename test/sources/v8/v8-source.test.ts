import assert from 'node:assert/strict';
import { mkdtempSync, readdirSync, readFileSync } from 'node:fs';
import { Session } from 'node:inspector';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, describe, it } from 'node:test';
import { setImmediate as turn } from 'node:timers/promises';
import { displayPath } from '../../../src/node/display-path.js';
import { ownFrames } from '../../../src/node/own-frames.js';
import { SourceMaps } from '../../../src/node/source-maps.js';
import type { SamplingProfile } from '../../../src/sources/v8/sampler.js';
import { V8Source, type V8SourceOptions } from '../../../src/sources/v8/v8-source.js';
import { recordedHeap } from '../../heap/recorded-heap.js';
import { bundled, run } from './child.js';
import { dieWhileMarked } from './dying-while-marked.js';

const maps = new SourceMaps();
const major = Number(process.versions.node.split('.')[0]);
let armed: V8Source | undefined;

function armedSource(options: Partial<V8SourceOptions> = {}): V8Source {
  armed = new V8Source({
    everyBytes: 4096,
    isOwnFrame: ownFrames(new URL('../../../src/node/own-frames.ts', import.meta.url).href),
    mapFrame: (frame) => maps.mapFrame(frame),
    displayPath: displayPath(process.cwd()),
    warn: (message) => assert.fail(message),
    ...options,
  });
  armed.arm();
  return armed;
}

/** 8016 bytes of doubles and an array of 32 in each block, as V8 lays them out. */
const ARRAY_BYTES = 16 + 8 * 1000 + 32;

function holdArrays(kept: number[][], count: number, length = 1000): void {
  for (let i = 0; i < count; i++) kept.push(new Array<number>(length).fill(i + 0.5));
}

function arraysOf(source: V8Source): { liveBytes: number; liveBlocks: number } {
  const sites = source.snapshot().sites.filter((site) => site.frames[0]?.name === 'holdArrays');
  return {
    liveBytes: sites.reduce((sum, site) => sum + site.liveBytes, 0),
    liveBlocks: sites.reduce((sum, site) => sum + site.liveBlocks, 0),
  };
}

function assertNear(actual: number, expected: number, tolerance: number): void {
  assert.ok(Math.abs(actual - expected) <= expected * tolerance, `${actual}, expected about ${expected}`);
}

describe('V8Source', () => {
  afterEach(() => {
    armed?.disarm();
    armed = undefined;
  });

  it('does not show what has died while V8 was about to collect', async () => {
    const source = armedSource();
    for (let round = 0; round < 3; round++) {
      await dieWhileMarked();
      for (let turns = 0; turns < 2; turns++) await turn(); // then it is known that V8 has begun
      const { sites } = source.snapshot(true);
      const batches = sites.filter(({ frames }) => frames.some(({ name }) => name === 'makeBatch'));
      assert.ok(batches.reduce((bytes, { liveBytes }) => bytes + liveBytes, 0) < 100_000);
    }
  });

  it('names the function, file and TypeScript line that hold memory, with their bytes and blocks', () => {
    const source = armedSource();
    const kept: number[][] = [];
    holdArrays(kept, 500);
    const snapshot = source.snapshot();
    const top = snapshot.sites.toSorted((a, b) => b.liveBytes - a.liveBytes)[0];
    const frame = top?.frames[0];
    assert.equal(frame?.name, 'holdArrays');
    assert.equal(frame.file, 'test/sources/v8/v8-source.test.ts');
    const text = readFileSync(new URL(import.meta.url), 'utf8').split('\n');
    assert.match(text[frame.line - 1] ?? '', /^function holdArrays/);
    // Doubles of 8016 bytes at an interval of 4096: six of seven are samples, so the estimate is close.
    const { liveBytes, liveBlocks } = arraysOf(source);
    assertNear(liveBytes, 500 * ARRAY_BYTES, 0.1);
    // 500 blocks of doubles and 500 arrays of 32 bytes; of those some 4 are samples, standing for 128 each.
    assert.ok(liveBlocks >= 450 && liveBlocks <= 2000, `${liveBlocks}, expected about 1000`);
    assert.deepEqual([snapshot.estimated, snapshot.hasTotals, snapshot.source], [true, false, 'js']);
    assert.ok(top && top.hash.length === 16);
    // Six of seven are samples, so the count is off by some sqrt(500 / 6) = 9 of them, or 73 KB.
    assert.ok(top.errorBytes! > 30_000 && top.errorBytes! < 120_000, `${top.errorBytes}`);
    assertNear(liveBytes, 500 * ARRAY_BYTES, (4 * top.errorBytes!) / (500 * ARRAY_BYTES));
    assert.ok(snapshot.liveBytes >= top.liveBytes);
    assert.equal(kept.length, 500);
  });

  it('no longer counts what was collected', () => {
    const source = armedSource();
    const kept: number[][] = [];
    holdArrays(kept, 500);
    assert.ok(arraysOf(source).liveBytes > 3_000_000);
    kept.length = 0;
    assert.ok(arraysOf(source).liveBytes < 200_000);
  });

  it('shows at most the wanted number of frames, and none of otrace or of the test runner', () => {
    const source = armedSource({ stackDepth: 2 });
    const kept: number[][] = [];
    holdArrays(kept, 100);
    const { sites } = source.snapshot();
    assert.ok(sites.length > 0);
    for (const { frames } of sites) {
      assert.ok(frames.length >= 1 && frames.length <= 2);
      assert.ok(!frames.some((frame) => frame.file.startsWith('src/')));
    }
    assert.equal(kept.length, 100);
  });

  it('keeps what was live when it is turned off, and goes on from there', () => {
    const source = armedSource();
    const kept: number[][] = [];
    holdArrays(kept, 300);
    source.disarm();
    holdArrays(kept, 300);
    assertNear(arraysOf(source).liveBytes, 300 * ARRAY_BYTES, 0.1);
    source.arm();
    holdArrays(kept, 200);
    assertNear(arraysOf(source).liveBytes, 500 * ARRAY_BYTES, 0.1);
    assert.match(source.snapshot().facts['carried'] ?? '', /^~\d+ bytes$/);
    source.reset();
    assert.equal(arraysOf(source).liveBytes, 0);
    assert.equal(kept.length, 800);
  });

  it('goes on at another interval', () => {
    const source = armedSource();
    const kept: number[][] = [];
    holdArrays(kept, 300);
    source.setEveryBytes(1024);
    holdArrays(kept, 300);
    assert.equal(source.snapshot().facts['sampling_interval'], '1024 bytes');
    assertNear(arraysOf(source).liveBytes, 600 * ARRAY_BYTES, 0.1);
    assert.equal(kept.length, 600);
  });

  it('goes on at another interval that the program sets on its heap', () => {
    const { heap } = recordedHeap();
    assert.throws(() => heap.setJsSampling({ everyBytes: 1024 }), {
      code: 'OTRACE_BAD_OPTION',
      message: /not attached/,
    });
    const source = armedSource();
    heap.attach(source);
    heap.enable(['js']);
    heap.setJsSampling({ everyBytes: 1024 });
    assert.equal(source.everyBytes, 1024);
    assert.equal(heap.snapshot().sources[0]?.facts['sampling_interval'], '1024 bytes');
    assert.throws(() => heap.setJsSampling({ everyBytes: 0 }), { code: 'OTRACE_BAD_OPTION' });
    assert.deepEqual(heap.armedSources, ['js']);
    heap.disable();
  });

  it('refuses an interval or a depth that is none', () => {
    for (const everyBytes of [0, -1, Number.NaN, Number.POSITIVE_INFINITY]) {
      assert.throws(() => armedSource({ everyBytes }), { code: 'OTRACE_BAD_OPTION' });
    }
    assert.throws(() => armedSource({ stackDepth: 0 }), { code: 'OTRACE_BAD_OPTION' });
  });

  it('turns the stacks off when a frame can not be shown, and the program goes on', () => {
    const warnings: string[] = [];
    const source = armedSource({
      mapFrame: () => {
        throw new Error('no such map');
      },
      warn: (message) => warnings.push(message),
    });
    const kept: number[][] = [];
    holdArrays(kept, 100);
    assert.deepEqual(source.snapshot().sites, []);
    assert.deepEqual(source.snapshot().sites, []);
    assert.equal(warnings.length, 1);
    assert.match(warnings[0] ?? '', /no such map/);
    assert.equal(kept.length, 100);
  });

  it('says so when another tool has stopped the sampler', () => {
    const warnings: string[] = [];
    const source = armedSource({ warn: (message) => warnings.push(message) });
    const tool = new Session();
    tool.connect();
    tool.post('HeapProfiler.stopSampling');
    tool.disconnect();
    assert.deepEqual(source.snapshot().sites, []);
    assert.equal(warnings.length, 1);
    assert.match(warnings[0] ?? '', /has stopped the heap sampler/);
  });

  it('leaves a sampler alone that another tool has put in place of ours, also when it ends', () => {
    const warnings: string[] = [];
    const source = armedSource({ warn: (message) => warnings.push(message) });
    const kept: number[][] = [];
    holdArrays(kept, 100);
    source.snapshot();
    const tool = new Session();
    tool.connect();
    tool.post('HeapProfiler.stopSampling');
    tool.post('HeapProfiler.startSampling', { samplingInterval: 1024 });
    holdArrays(kept, 100, 900); // of the same size they could be the very samples that ours had
    assert.deepEqual(source.snapshot().sites, [], 'those are the samples of another');
    assert.match(warnings.join(), /has stopped the heap sampler/);
    source.disarm();
    source.arm();
    assert.match(warnings.join(), /already samples the JavaScript heap/);
    source.disarm();
    globalThis.gc!();
    let samples = 0;
    tool.post('HeapProfiler.stopSampling', (error, result) => {
      assert.equal(error, null);
      samples = (result.profile as unknown as SamplingProfile).samples.length;
    });
    assert.ok(samples > 50, `${samples}`);
    tool.disconnect();
    assert.equal(kept.length, 200);
  });

  it('says so when a second source wants the only sampler, and leaves it to the first', () => {
    const source = armedSource();
    const kept: number[][] = [];
    const warnings: string[] = [];
    const second = new V8Source({
      isOwnFrame: () => false,
      mapFrame: (frame) => frame,
      displayPath: (script) => script,
      warn: (message) => warnings.push(message),
    });
    second.arm();
    holdArrays(kept, 100);
    assert.deepEqual(second.snapshot().sites, []);
    second.disarm();
    assert.equal(warnings.length, 1);
    assert.match(warnings[0] ?? '', /already samples the JavaScript heap/);
    assertNear(arraysOf(source).liveBytes, 100 * ARRAY_BYTES, 0.2);
    assert.equal(kept.length, 100);
  });
});

describe('V8Source in programs of its own', () => {
  const script = bundled('holds-arrays');
  const holdsBytes = 500 * ARRAY_BYTES;

  it('survives a recursion of 10,000 frames at a depth of 10,000', () => {
    const child = run(script, ['--expose-gc', '--stack-size=4000'], { DEPTH: '10000', RECURSION: '10000' });
    assert.equal(child.stderr, '');
    const { top } = JSON.parse(child.stdout);
    assert.equal(top[0].frames[0].name, 'holdArrays');
    assert.ok(top[0].frames.length > 100);
  });

  it('leaves the sampler to --heap-prof, and the lane goes on', () => {
    const dir = mkdtempSync(join(tmpdir(), 'otrace-heap-prof-'));
    const child = run(script, ['--expose-gc', '--heap-prof', `--heap-prof-dir=${dir}`]);
    assert.equal(child.stderr, '');
    const { warnings, lane, snapshot, top } = JSON.parse(child.stdout);
    assert.equal(warnings.length, 1);
    assert.match(warnings[0], /--heap-prof/);
    assert.deepEqual(top, []);
    assert.match(snapshot.facts.stacks, /^off: /);
    assertNear(lane, holdsBytes, 0.25);
    const [profile] = readdirSync(dir);
    assert.match(readFileSync(join(dir, profile ?? ''), 'utf8'), /holdArrays/);
  });

  it('goes on without stacks where the permission model denies the inspector', () => {
    const permission = major < 24 ? '--experimental-permission' : '--permission';
    const child = run(script, ['--expose-gc', permission, '--allow-fs-read=*']);
    assert.equal(child.status, 0, child.stderr);
    const { warnings, lane } = JSON.parse(child.stdout);
    assert.equal(warnings.length, 1);
    assert.match(warnings[0], /permission model/);
    assertNear(lane, holdsBytes, 0.25);
  });

  it('shows in the lane what survived a collection', () => {
    const { lane, snapshot } = JSON.parse(run(script, ['--expose-gc']).stdout);
    assertNear(lane, holdsBytes, 0.25);
    assert.match(snapshot.facts.heap_used, /^\d+ bytes$/);
  });
});
