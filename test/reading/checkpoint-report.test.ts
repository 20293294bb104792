import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { LastCheckpoints } from '../../src/reading/checkpoint-report.js';
import { type HeapReport, HeapReports } from '../../src/reading/heap-reports.js';
import type { TraceEvent } from '../../src/reading/trace-event.js';
import { recordedHeap } from '../heap/recorded-heap.js';

/** The event in which a program with three live blocks noted them. */
function checkpoint(ts: number, pid = 7): TraceEvent {
  const { heap, annexes } = recordedHeap();
  heap.enable();
  heap.setSampling(1);
  for (let key = 0; key < 3; key++) heap.alloc(key, 1000);
  heap.checkpoint();
  const { name, args } = annexes.at(-1)!;
  return { name, ph: 'M', ts, pid, tid: 0, args };
}

function report(ts: number, pid = 7): TraceEvent[] {
  const at = { ph: 'I', ts, pid, tid: pid };
  return [
    { ...at, name: 'heap_report_started', args: { status: 'begin' } },
    { ...at, name: 'heap_leaks', args: { leak_1: 'f (1 bytes, 1 allocations)' } },
    { ...at, name: 'heap_report_done', args: { status: 'end' } },
  ];
}

function read(events: readonly TraceEvent[]): HeapReport[] {
  const checkpoints = new LastCheckpoints();
  const reports = new HeapReports();
  for (const event of events) {
    checkpoints.add(event);
    reports.add(event);
  }
  for (const event of checkpoints.reports()) reports.add(event);
  return reports.reports();
}

describe('the last checkpoint of a process', () => {
  it('is the report of one that was killed after it', () => {
    const [made, ...others] = read([checkpoint(5)]);
    assert.deepEqual(others, []);
    assert.deepEqual([made!.kind, made!.complete, made!.pid], ['checkpoint', true, 7]);
    assert.equal(made!.stats['live_alloc_count'], '3');
    assert.equal(made!.leaks[0]!.bytes, 3000);
    assert.ok(made!.leaks[0]!.frames.length > 0);
  });

  it('follows the reports that the process had written, and is nothing once there is a later one', () => {
    const kinds = (events: readonly TraceEvent[]): string[] => read(events).map(({ kind }) => kind);
    assert.deepEqual(kinds([...report(3), checkpoint(5)]), ['report', 'checkpoint']);
    assert.deepEqual(kinds([checkpoint(5), ...report(9)]), ['report']);
    assert.deepEqual(kinds([...report(9), checkpoint(5)]), ['report'], 'a file need not be in order');
  });

  it('is one for each process', () => {
    const made = read([checkpoint(5, 7), checkpoint(6, 8), ...report(9, 8)]);
    assert.deepEqual(
      made.map(({ pid, kind }) => [pid, kind]),
      [
        [7, 'checkpoint'],
        [8, 'report'],
      ],
    );
  });
});
