import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import fc from 'fast-check';
import { Columns } from '../../../src/heap/graph/columns.js';

type Column = Uint8Array | Uint32Array | Float64Array;

const KINDS = ['bytes', 'words', 'floats'] as const;

describe('Columns', () => {
  it('gives columns of zeros that do not touch one another, in the block and beyond it', () => {
    const request = fc.record({ kind: fc.constantFrom(...KINDS), length: fc.nat(40) });
    fc.assert(
      fc.property(fc.nat(600), fc.array(request, { maxLength: 12 }), (blockBytes, requests) => {
        const columns = new Columns(blockBytes);
        const taken: Column[] = [];
        for (const [i, { kind, length }] of requests.entries()) {
          const column: Column = columns[kind](length);
          assert.equal(column.length, length);
          assert.ok(column.every((entry) => entry === 0));
          column.fill(i + 1);
          taken.push(column);
        }
        for (const [i, column] of taken.entries()) assert.ok(column.every((entry) => entry === i + 1));
      }),
    );
  });

  it('has the room of a question again after it, for zeros', () => {
    const columns = new Columns(64);
    const kept = columns.words(2).fill(7);
    const first = columns.during(() => columns.words(8).fill(9));
    const second = columns.words(14);
    assert.equal(second.buffer, kept.buffer);
    assert.equal(second.byteOffset, first.byteOffset);
    assert.ok(second.every((entry) => entry === 0));
    assert.deepEqual([...kept], [7, 7]);
  });

  it('has the room again when the question throws', () => {
    const columns = new Columns(64);
    assert.throws(() =>
      columns.during(() => {
        columns.bytes(64);
        throw new Error('broken');
      }),
    );
    assert.equal(columns.bytes(64).buffer.byteLength, 64);
  });
});
