// A reader that others wrote, the trace engine of Chrome's DevTools, finds in a file what was recorded.
import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { createRequire } from 'node:module';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { after, before, describe, it } from 'node:test';
import { fileURLToPath, pathToFileURL } from 'node:url';

const root = join(dirname(fileURLToPath(import.meta.url)), '..', '..');
const folder = mkdtempSync(join(tmpdir(), 'otrace-reader-'));
after(() => rmSync(folder, { recursive: true, force: true }));

interface Slice {
  readonly name: string;
  readonly cat: string;
  readonly ts: number;
  readonly dur: number;
}

/** What is used of the engine. */
interface Engine {
  readonly TraceModel: {
    readonly Model: { createWithAllHandlers(): EngineModel };
  };
}

interface EngineModel {
  parse(events: readonly object[]): Promise<void>;
  parsedTrace(): {
    readonly data: {
      readonly Meta: {
        readonly traceBounds: { readonly min: number; readonly max: number };
        readonly processNames: ReadonlyMap<number, { readonly args: { readonly name: string } }>;
      };
      readonly Renderer: {
        readonly processes: ReadonlyMap<
          number,
          {
            readonly threads: ReadonlyMap<
              number,
              { readonly name: string | null; readonly entries: readonly Slice[] }
            >;
          }
        >;
      };
    };
  };
}

describe('a trace in the DevTools trace engine', () => {
  let written: readonly (Slice & { readonly ph: string; readonly pid: number; readonly tid: number })[];
  let data: ReturnType<EngineModel['parsedTrace']>['data'];

  before(async () => {
    execFileSync(process.execPath, [join(root, 'examples/timeline.mjs')], { cwd: folder });
    written = JSON.parse(readFileSync(join(folder, 'timeline.json'), 'utf8')).traceEvents;
    // It is made for pages and misses one of their classes in Node.
    (globalThis as { DOMRect?: unknown }).DOMRect ??= class {};
    const manifest = createRequire(import.meta.url).resolve('@paulirish/trace_engine/package.json');
    const url = pathToFileURL(join(dirname(manifest), 'models/trace/trace.js')).href;
    const model = ((await import(url)) as Engine).TraceModel.Model.createWithAllHandlers();
    await model.parse(written);
    data = model.parsedTrace().data;
  });

  it('has the process by its name and the bounds of the events', () => {
    assert.deepEqual(
      [...data.Meta.processNames.values()].map(({ args }) => args.name),
      ['image pipeline'],
    );
    const times = written.filter(({ ph }) => ph !== 'M').map(({ ts, dur = 0 }) => [ts, ts + dur]);
    assert.equal(data.Meta.traceBounds.min, Math.min(...times.map(([start]) => start!)));
    assert.equal(data.Meta.traceBounds.max, Math.max(...times.map(([, end]) => end!)));
  });

  it('has every slice of every thread, with its time', () => {
    const slices = written.filter(({ ph }) => ph === 'X');
    assert.ok(slices.length >= 16);
    const read = [...data.Renderer.processes].flatMap(([pid, { threads }]) =>
      [...threads].flatMap(([tid, { entries }]) => entries.map((entry) => ({ pid, tid, ...entry }))),
    );
    for (const { pid, tid, name, ts, dur } of slices) {
      const found = read.find((entry) => entry.pid === pid && entry.tid === tid && entry.ts === ts);
      assert.deepEqual([found?.name, found?.dur], [name, dur]);
    }
  });
});
