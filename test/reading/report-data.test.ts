import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import fc from 'fast-check';
import { REPORT_DATA_EVENT, reportDataJson } from '../../src/heap/report-data.js';
import { type HeapSnapshot, SOURCE_NAMES } from '../../src/heap/snapshot.js';
import { recordedSnapshot } from '../../src/reading/report-data.js';
import type { TraceEvent } from '../../src/reading/trace-event.js';

function eventOf(args: unknown, ts = 5): TraceEvent {
  return { name: REPORT_DATA_EVENT, ph: 'M', ts, pid: 7, tid: 0, args };
}

/** Text that a file keeps as it is. */
const text = fc.string({ unit: 'binary' }).map((any) => any.replaceAll('\0', ''));
const count = fc.integer({ min: 0, max: 2 ** 40 });
const frame = fc.record({ name: text, file: text, line: count, column: count });
const site = (source: (typeof SOURCE_NAMES)[number]) =>
  fc
    .record(
      {
        source: fc.constant(source),
        hash: fc.stringMatching(/^[0-9a-f]{16}$/),
        frames: fc.array(frame, { maxLength: 4 }),
        liveBytes: count,
        liveBlocks: count,
        totalBytes: count,
        totalBlocks: count,
        peak: fc.option(count, { nil: undefined }),
        errorBytes: count,
        bornBytes: fc.array(count, { minLength: 24, maxLength: 24 }),
        label: text,
        thread: text,
        className: text,
      },
      {
        requiredKeys: [
          'source',
          'hash',
          'frames',
          'liveBytes',
          'liveBlocks',
          'totalBytes',
          'totalBlocks',
          'peak',
        ],
      },
    )
    .map(({ peak, ...rest }) => (peak === undefined ? rest : { ...rest, peakBytes: peak, peakBlocks: peak }));
const snapshots: fc.Arbitrary<HeapSnapshot> = fc.record({
  takenUs: count,
  sources: fc.subarray([...SOURCE_NAMES]).chain((names) =>
    fc.tuple(
      ...names.map((source) =>
        fc.record({
          source: fc.constant(source),
          estimated: fc.constant(source === 'js'),
          hasTotals: fc.constant(true),
          liveBytes: count,
          liveBlocks: count,
          sites: fc.array(site(source), { minLength: 1, maxLength: 5 }),
          facts: fc.dictionary(fc.stringMatching(/^[a-z]{1,9}$/), text),
        }),
      ),
    ),
  ),
});

describe('a snapshot as data in the trace', () => {
  it('comes back as it was', () => {
    fc.assert(
      fc.property(snapshots, (snapshot) => {
        const read = recordedSnapshot(eventOf(JSON.parse(reportDataJson(snapshot, 'report', []))));
        assert.deepEqual(
          JSON.parse(JSON.stringify(read)),
          JSON.parse(JSON.stringify({ kind: 'report', snapshot, growing: [] })),
        );
      }),
      { seed: 1, numRuns: 50 },
    );
  });

  it('is read as far as it can be, whatever stands there', () => {
    fc.assert(
      fc.property(
        fc.object({
          maxDepth: 5,
          key: fc.constantFrom(
            'version',
            'sources',
            'sites',
            'frames',
            'stack',
            'live',
            'growth',
            'source',
            'births',
          ),
        }),
        (args) => {
          const read = recordedSnapshot(eventOf({ version: 1, ...args }));
          if (read !== undefined) assert.ok(Array.isArray(read.snapshot.sources));
        },
      ),
      { seed: 1, numRuns: 150 },
    );
    assert.equal(recordedSnapshot(eventOf({ version: 2 })), undefined);
    assert.equal(recordedSnapshot({ name: REPORT_DATA_EVENT, ph: 'I', args: { version: 1 } }), undefined);
  });
});
