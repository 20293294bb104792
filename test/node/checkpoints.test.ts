import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { Checkpoints, checkpointPauseMs } from '../../src/node/checkpoints.js';

describe('Checkpoints', () => {
  it('charge a program for what comes after them, the more the longer it runs', (test) => {
    test.mock.timers.enable({ apis: ['setTimeout'] });
    let nowMs = 0;
    const taken: number[] = [];
    const checkpoints = new Checkpoints(
      (collect) => {
        if (!collect) return;
        taken.push(nowMs);
        nowMs += 8;
      },
      () => nowMs,
    );
    checkpoints.start();
    while (nowMs < 60_000) {
      nowMs += 10;
      test.mock.timers.tick(10);
    }
    assert.ok(taken.filter((at) => at < 6_000).length >= 4, `${taken}: enough for a verdict on seconds`);
    const late = taken.filter((at) => at > 10_000);
    const pauses = late.slice(1).map((at, i) => at - late[i]!);
    assert.ok(Math.min(...pauses) >= 4_800, `${pauses}: 8 ms and 40 are a hundredth of 4.8 s`);
    assert.ok(late.length >= 9, `${late}`);
  });

  it('keep to their budget, and grow rarer as the program runs', (test) => {
    test.mock.timers.enable({ apis: ['setTimeout', 'Date'] });
    let nowMs = 0;
    const taken: number[] = [];
    const uncollected: number[] = [];
    const checkpoints = new Checkpoints(
      (collect) => {
        (collect ? taken : uncollected).push(nowMs);
        if (collect) nowMs += 20; // a collection of 20 ms
      },
      () => nowMs,
    );
    checkpoints.start();
    for (let step = 0; step < 3_600; step++) {
      nowMs += 100;
      test.mock.timers.tick(100);
    }
    const pauses = taken.slice(1).map((at, i) => at - taken[i]!);
    assert.ok(Math.min(...pauses) >= 20 * 100, `${pauses}`);
    assert.ok(pauses.at(-1)! > 20_000, 'a sixteenth of six minutes');
    assert.ok(taken.length > 20 && taken.length < 60, `${taken.length} checkpoints in six minutes`);
    assert.ok(uncollected.filter((at) => at < 2_000).length >= 6, 'enough for a verdict on two seconds');
    assert.ok(uncollected.length < 120, `${uncollected.length} of exact heaps in six minutes`);
  });

  it('are often enough for a verdict in the first minute of a slow program, at twice the budget', () => {
    assert.equal(checkpointPauseMs(5_000, 50), 5_000);
    assert.equal(checkpointPauseMs(5_000, 150), 10_000);
    assert.equal(checkpointPauseMs(5_000, 2_000), 100_000);
    assert.equal(checkpointPauseMs(60_000, 150), 15_000);
  });
});
