import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { readSettings, type Settings } from '../../src/node/environment.js';

function read(environment: Record<string, string>): { settings: Settings; warnings: string[] } {
  const warnings: string[] = [];
  return { settings: readSettings(environment, (message) => warnings.push(message)), warnings };
}

describe('environment', () => {
  it('is all defaults when nothing is set, or set to nothing', () => {
    for (const environment of [{}, { OTRACE_ENABLE: '', OTRACE_SAMPLE: ' ', OTRACE_HEAP: '' }]) {
      const { settings, warnings } = read(environment);
      assert.deepEqual(settings, {
        enabled: undefined,
        sampling: undefined,
        output: undefined,
        heap: undefined,
        heapSampling: undefined,
        heapStackDepth: undefined,
        heapShards: undefined,
        heapEveryBytes: undefined,
        heapBufferStacks: undefined,
        wasmAlloc: undefined,
        heapJsTotals: false,
        wasmContext: true,
        demangle: true,
      });
      assert.deepEqual(warnings, []);
    }
  });

  it('lets ENABLE win over DISABLE', () => {
    assert.equal(read({ OTRACE_ENABLE: '1', OTRACE_DISABLE: '1' }).settings.enabled, true);
    assert.equal(read({ OTRACE_ENABLE: '0', OTRACE_DISABLE: 'yes' }).settings.enabled, false);
    assert.equal(read({ OTRACE_ENABLE: 'off' }).settings.enabled, undefined);
  });

  it('reads every variable', () => {
    const { settings, warnings } = read({
      OTRACE_SAMPLE: '0.25',
      OTRACE_OUT: 'traces/run-%03u.json.gz',
      OTRACE_HEAP: 'js, manual',
      OTRACE_HEAP_SAMPLE: '7',
      OTRACE_HEAP_STACK_DEPTH: '16',
      OTRACE_HEAP_SHARDS: '64',
      OTRACE_HEAP_EVERY: '524288',
      OTRACE_HEAP_DEMANGLE: '0',
    });
    assert.deepEqual(warnings, []);
    assert.equal(settings.sampling, 0.25);
    assert.equal(settings.output, 'traces/run-%03u.json.gz');
    assert.deepEqual(settings.heap, ['js', 'manual']);
    assert.equal(settings.heapSampling, 1, 'clamped');
    assert.equal(settings.heapStackDepth, 16);
    assert.equal(settings.heapShards, 64);
    assert.equal(settings.heapEveryBytes, 524288);
    assert.equal(settings.demangle, false);
    assert.equal(read({ OTRACE_HEAP: '1' }).settings.heap, 'all');
    assert.deepEqual(read({ OTRACE_HEAP: '0' }).settings.heap, []);
  });

  const malformed: readonly [variable: string, value: string, accepted: RegExp][] = [
    ['OTRACE_ENABLE', 'maybe', /1 or 0/],
    ['OTRACE_DISABLE', '2', /1 or 0/],
    ['OTRACE_SAMPLE', 'NaN', /probability from 0 to 1/],
    ['OTRACE_HEAP', 'js,gpu', /js,wasm,buffers,manual/],
    ['OTRACE_HEAP_SAMPLE', '10%', /probability from 0 to 1/],
    ['OTRACE_HEAP_STACK_DEPTH', '0', /1 to 128/],
    ['OTRACE_HEAP_STACK_DEPTH', '10000', /1 to 128/],
    ['OTRACE_HEAP_SHARDS', '1.5', /1 to 1024/],
    ['OTRACE_HEAP_EVERY', '32KiB', /number of bytes/],
    ['OTRACE_HEAP_DEMANGLE', 'x', /1 or 0/],
  ];
  for (const [variable, value, accepted] of malformed) {
    it(`warns once of ${variable}=${value} and uses the default`, () => {
      const { settings, warnings } = read({ [variable]: value });
      assert.equal(warnings.length, 1);
      assert.ok(warnings[0]!.startsWith(`${variable}=${value} `), warnings[0]);
      assert.match(warnings[0]!, accepted);
      assert.deepEqual(settings, read({}).settings);
    });
  }
});
