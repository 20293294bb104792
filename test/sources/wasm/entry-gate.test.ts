import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import type { Frame } from '../../../src/heap/frame.js';
import { EntryGate } from '../../../src/sources/wasm/entry-gate.js';

const caller = (name: string): readonly Frame[] => [{ name, file: 'app.js', line: 1, column: 1 }];

/** Sends calls through a gate as the ledger does; tells who was captured, and what was assumed of whom. */
function send(gate: EntryGate, calls: Iterable<readonly Frame[]>) {
  let entries = 2;
  let left = 0;
  let captured = 0;
  const right = { assumed: 0, wrongly: 0 };
  for (const frames of calls) {
    if (left > 0) {
      left--;
      right.assumed++;
      if (gate.assumed!.frames !== frames) right.wrongly++;
      continue;
    }
    captured++;
    left = gate.next(frames, () => entries++);
  }
  return { captured, ...right };
}

function* times(count: number, ...frames: (readonly Frame[])[]): Generator<readonly Frame[]> {
  for (let i = 0; i < count; i++) yield frames[i % frames.length]!;
}

const [a, b] = [caller('a'), caller('b')];

describe('a gate for calls from JavaScript', () => {
  test('of one caller looks at few', () => {
    const gate = new EntryGate();
    const { captured, wrongly } = send(gate, times(100_000, a));
    assert.ok(captured < 1_500, `${captured} captured`);
    assert.equal(wrongly, 0);
    assert.ok(gate.assumed!.doubt < 0.01);
  });

  test('of callers in turns looks at all', () => {
    const { captured } = send(new EntryGate(), times(10_000, a, b));
    assert.equal(captured, 10_000);
  });

  test('notices another caller, at most after twice a sixteenth of the calls before and 512', () => {
    const gate = new EntryGate();
    send(gate, times(320, a));
    const { wrongly } = send(new EntryGate(), [...times(320, a), ...times(1000, b)]);
    assert.ok(wrongly <= 40, `${wrongly} taken for the wrong one`);
  });

  test('says how often it was wrong', () => {
    const gate = new EntryGate();
    function* calls(): Generator<readonly Frame[]> {
      for (let i = 0; i < 200_000; i++) yield i % 1000 === 999 ? b : a;
    }
    const { assumed, wrongly } = send(gate, calls());
    send(gate, times(200, a));
    assert.ok(assumed > 50_000);
    const { doubt } = gate.assumed!;
    assert.ok(
      doubt > 0.1 * (wrongly / assumed) && doubt < 0.2,
      `doubt ${doubt}, ${wrongly} of ${assumed} wrong`,
    );
  });
});
