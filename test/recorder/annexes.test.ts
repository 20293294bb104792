import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { Annexes } from '../../src/recorder/annexes.js';
import { Rig } from './rig.js';

describe('Annexes', () => {
  it('keep at most so many, spread over the run, the newest among them', () => {
    const annexes = new Annexes();
    for (let timeUs = 1; timeUs <= 1_000; timeUs++) annexes.add({ name: 'a', timeUs, argsJson: '{}' });
    const times = annexes.list(false).map(({ timeUs }) => timeUs);
    assert.ok(times.length <= 64 && times.length >= 32, String(times.length));
    assert.equal(times.at(-1), 1_000);
    assert.ok(times[0]! < 100, `${times}`);
    assert.ok(times.every((time, i) => i === 0 || time > times[i - 1]!));
  });

  it('keep at most so many bytes, but the newest always', () => {
    const annexes = new Annexes();
    const argsJson = `{"text":"${'x'.repeat(5 * 1024 * 1024)}"}`;
    for (let timeUs = 1; timeUs <= 20; timeUs++) annexes.add({ name: 'a', timeUs, argsJson });
    const held = annexes.list(false);
    assert.ok(held.length <= 3);
    assert.equal(held.at(-1)!.timeUs, 20);
    annexes.add({ name: 'a', timeUs: 21, argsJson: `{"text":"${'x'.repeat(20 * 1024 * 1024)}"}` });
    assert.deepEqual(
      annexes.list(false).map(({ timeUs }) => timeUs),
      [21],
    );
  });
});

describe('data that goes with a trace', () => {
  it('is a metadata event in the file at each flush, and only what is new in numbered files', () => {
    const rig = new Rig();
    rig.trace.annex('early', '{}');
    rig.trace.enable();
    rig.nowUs = 1_500;
    rig.trace.annex('otrace_test', '{"version":1,"list":[1,"two"]}');
    rig.trace.flush();
    const found = () =>
      JSON.parse(String(rig.output.bytes)).traceEvents.filter(
        ({ name }: { name: string }) => name === 'otrace_test',
      );
    assert.equal(found().length, 1);
    assert.equal(found()[0].ph, 'M');
    assert.deepEqual(found()[0].args, { version: 1, list: [1, 'two'] });
    rig.trace.flush();
    assert.equal(found().length, 1);
    rig.output.incremental = true;
    rig.trace.instant('new');
    rig.trace.flush();
    assert.equal(found().length, 0);
    assert.doesNotMatch(String(rig.output.bytes), /early/);
  });
});
