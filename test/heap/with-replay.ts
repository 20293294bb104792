/** A live table that replays its journal in WebAssembly. */
import assert from 'node:assert/strict';
import type { TableMemory } from '../../src/heap/array-memory.js';
import { FREED } from '../../src/heap/block-words.js';
import { Guard } from '../../src/heap/guard.js';
import { LiveTable, type LiveTableOptions } from '../../src/heap/live-table.js';
import { ReplayEngine } from '../../src/heap/replay-memory.js';
import { replayProgram } from '../../src/heap/replay-program.js';
import { SiteTable } from '../../src/heap/sites.js';

export interface Replaying {
  readonly table: LiveTable;
  /** Has the table move into WebAssembly, as many journals do. */
  move(): void;
  /** Whether the memory can't grow. */
  refuse: boolean;
}

export function withReplay(options: LiveTableOptions = {}): Replaying {
  const engine = new ReplayEngine(WebAssembly, replayProgram);
  let opened: TableMemory | undefined;
  const openReplay = (words: number): TableMemory => {
    const memory = engine.open(new Guard(), words);
    assert.ok(memory !== undefined, 'the program can be compiled and has memory');
    const { reserve } = memory;
    memory.reserve = (needed) => {
      if (replaying.refuse && needed > memory.words.length) throw new RangeError('no memory');
      reserve.call(memory, needed);
    };
    opened = memory;
    return memory;
  };
  const table = new LiveTable({ ...options, openReplay });
  const replaying: Replaying = {
    table,
    refuse: false,
    move() {
      const sites = new SiteTable('manual');
      const frees = { unmatchedFrees: 0, impliedFrees: 0 };
      for (let turn = 0; turn < 1000 && opened === undefined; turn++) {
        table.entries.fill(FREED);
        table.replay(256, sites, frees);
      }
      assert.ok(opened !== undefined);
    },
  };
  return replaying;
}
