// What is made of @datadog/pprof's profiles; the package itself is in test/cli/js-sampler.test.ts.
import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { type PprofNode, TotalsSampler } from '../../../src/sources/v8/totals-sampler.js';
import type { FrameRules } from '../../../src/sources/v8/trim.js';
import { V8Source } from '../../../src/sources/v8/v8-source.js';

const rules: FrameRules = {
  isOwnFrame: (script) => script.startsWith('/otrace/'),
  mapFrame: (frame) => frame,
  displayPath: (script) => script,
};

type Allocation = PprofNode['allocations'][number];

/** `count` objects of a size, of which `live` live, as the package tells them. */
function objects(size: number, live: number, count: number): Allocation {
  return {
    inuseObjects: live,
    inuseSpaceBytes: live * size,
    allocObjects: count,
    allocSpaceBytes: count * size,
  };
}

function node(
  name: string,
  script: string,
  allocations: Allocation[],
  children: PprofNode[] = [],
): PprofNode {
  return { name, scriptName: script, scriptId: 7, lineNumber: 9, columnNumber: 4, allocations, children };
}

function samplerOf(profiles: (PprofNode | undefined)[], onStop = (): void => {}): TotalsSampler {
  return new TotalsSampler({ start: () => {}, stop: onStop, v8Profile: () => profiles.shift() });
}

const root = (...children: PprofNode[]): PprofNode => ({
  name: '(root)',
  scriptName: '',
  scriptId: 0,
  lineNumber: 0,
  columnNumber: 0,
  allocations: [],
  children,
});

describe('the totals sampler', () => {
  it('puts right what rounding a sample to whole objects has added', () => {
    // An object of 8192 at that interval stands for 1.58, which V8 rounds to 2.
    const sampler = samplerOf([root(node('work', '/app/a.js', [objects(8192, 20, 200)]))]);
    assert.equal(sampler.start(8192, 8), undefined);
    const { sites } = sampler.sites(8, rules)!;
    const standsFor = 1 / (1 - Math.exp(-1));
    assert.equal(sites.length, 1);
    const [site] = sites;
    assert.deepEqual(site!.frames, [{ name: 'work', file: '/app/a.js', line: 9, column: 4 }]);
    assert.ok(Math.abs(site!.liveBytes - 10 * standsFor * 8192) < 1);
    assert.ok(Math.abs(site!.totalBytes - 100 * standsFor * 8192) < 1);
    assert.deepEqual([site!.liveBlocks, site!.totalBlocks], [16, 158]);
    assert.ok(Math.abs(site!.errorBytes! - 8192 * Math.sqrt(10 * standsFor * (standsFor - 1))) < 1);
  });

  it('leaves out what otrace and the package allocate for themselves', () => {
    const own = node('profile', '/otrace/index.js', [objects(64, 128, 128)]);
    const theirs = node('v8Profile', '/app/node_modules/@datadog/pprof/out/src/x.js', [
      objects(64, 256, 256),
    ]);
    const sampler = samplerOf([root(own, theirs, node('work', '/app/a.js', [objects(64, 128, 128)]))]);
    sampler.start(8192, 8);
    const { sites, ownBytes } = sampler.sites(8, rules)!;
    assert.deepEqual(
      sites.map(({ frames }) => frames[0]?.name),
      ['work'],
    );
    assert.equal(ownBytes, 384 * 64);
  });

  it('notices that somebody has stopped it, or begun a new run, and leaves that alone', () => {
    const profile = (count: number): PprofNode => root(node('work', '/app/a.js', [objects(64, 128, count)]));
    for (const next of [undefined, profile(500)]) {
      const sampler = samplerOf([profile(1000), next], () => assert.fail('stopped'));
      sampler.start(8192, 8);
      assert.ok(sampler.sites(8, rules) !== undefined && sampler.running);
      assert.equal(sampler.sites(8, rules), undefined);
      assert.equal(sampler.running, false);
      sampler.stop();
    }
  });

  it('says why it can not start', () => {
    const sampler = new TotalsSampler({
      start: () => {
        throw new Error('already started');
      },
      stop: () => {},
      v8Profile: () => undefined,
    });
    assert.match(sampler.start(8192, 8) ?? '', /does not tell totals \(already started\)/);
  });
});

describe('V8Source with totals', () => {
  it('tells totals until they have filled their memory, and goes on with what is live', () => {
    const warnings: string[] = [];
    const sampler = samplerOf(
      [1, 2].map((times) => root(node('work', '/app/a.js', [objects(64, 128, 128 * times)]))),
    );
    let full = false;
    const source = new V8Source({
      ...rules,
      warn: (message) => warnings.push(message),
      totals: {
        get running() {
          return sampler.running;
        },
        get isFull() {
          return full;
        },
        start: (...args) => sampler.start(...args),
        sites: (...args) => sampler.sites(...args),
        stop: () => sampler.stop(),
      },
    });
    source.arm();
    const first = source.snapshot();
    assert.equal(first.hasTotals, true);
    assert.equal(first.sites[0]!.totalBytes, first.sites[0]!.liveBytes);
    assert.equal(Math.round(first.sites[0]!.totalBytes / 64), 128);
    full = true;
    const second = source.snapshot();
    assert.equal(second.hasTotals, false);
    assert.match(warnings.join(), /totals of JavaScript sites have filled the memory/);
    const work = second.sites.find(({ frames }) => frames[0]?.name === 'work')!;
    assert.equal(work.totalBytes, 0);
    assert.ok(work.liveBytes > 0, 'what was live is kept');
    assert.match(second.facts['carried'] ?? '', /^~\d+ bytes$/);
    source.disarm();
  });
});
