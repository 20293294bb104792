import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { describe, it } from 'node:test';
import { setTimeout as sleep } from 'node:timers/promises';
import { startEventLoop } from '../../../src/node/timeline/event-loop.js';
import { block, RecordedTimeline } from './recorded.js';

describe('event loop', () => {
  it('records a stall, not longer than it was and at most half a threshold shorter', async () => {
    const timeline = new RecordedTimeline();
    const part = startEventLoop(timeline, 100);
    await sleep(120);
    timeline.slices.length = 0;
    const startUs = timeline.nowUs();
    block(300);
    const blockedUs = timeline.nowUs() - startUs;
    await sleep(60);
    part.stop();
    const stall = timeline.slices[0];
    assert.ok(stall, 'no stall');
    assert.deepEqual([stall.category, stall.name], ['event_loop', 'stall']);
    assert.ok(stall.durationUs >= 240_000, `${stall.durationUs} of ${blockedUs}`);
    assert.ok(stall.startUs >= startUs - 1000 && stall.startUs <= startUs + 60_000);
  });

  it('records the stall that goes on when it is drained', async () => {
    const timeline = new RecordedTimeline();
    const part = startEventLoop(timeline, 100);
    await sleep(120);
    timeline.slices.length = 0;
    block(300);
    part.drain();
    assert.equal(timeline.slices.length, 1);
    part.drain();
    part.stop();
    part.stop();
    assert.equal(timeline.slices.length, 1);
  });

  it('takes loading the program for no stall', () => {
    const timeline = new RecordedTimeline();
    const part = startEventLoop(timeline, 50);
    block(120);
    part.stop();
    assert.deepEqual(timeline.slices, []);
  });

  it('does not keep the process alive', () => {
    const module = new URL('../../../src/node/timeline/event-loop.ts', import.meta.url).href;
    const program = `const { startEventLoop } = await import(${JSON.stringify(module)});
      startEventLoop({ nowUs: () => performance.now() * 1000, complete() {} });
      console.log('done');`;
    const child = spawnSync(process.execPath, ['--import', 'tsx', '--input-type=module', '--eval', program], {
      encoding: 'utf8',
      timeout: 20_000,
    });
    assert.equal(child.stdout, 'done\n', child.stderr);
    assert.equal(child.status, 0);
  });
});
