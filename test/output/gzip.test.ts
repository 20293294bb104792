/** A gzip stream made in pieces is one that others can read. */
import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, it } from 'node:test';
import { crc32, gunzipSync } from 'node:zlib';
import fc from 'fast-check';
import { GzipEncoder, tableCrc32 } from '../../src/output/gzip.js';
import { seeded } from '../recorder/rig.js';
import { fileRig, readEvents, scratchFolder } from './scratch.js';

function compress(pieces: readonly Uint8Array[]): Buffer {
  const gzip = new GzipEncoder();
  const stored = pieces.map((piece) => {
    gzip.add(piece);
    return gzip.deflate(piece);
  });
  return Buffer.concat([gzip.header(), ...stored, gzip.trailer()]);
}

describe('gzip in pieces', () => {
  it('is read back the same, whatever the pieces', () => {
    fc.assert(
      fc.property(fc.array(fc.uint8Array({ maxLength: 300 }), { maxLength: 12 }), (pieces) => {
        assert.ok(gunzipSync(compress(pieces)).equals(Buffer.concat(pieces)));
      }),
      { seed: 21, numRuns: 100 },
    );
  });

  it('is read back the same when pieces are large', () => {
    const random = seeded(22);
    const pieces = [300_000, 1, 65_536, 65_535].map((size) => Buffer.alloc(size).map(() => random() * 256));
    assert.ok(gunzipSync(compress(pieces)).equals(Buffer.concat(pieces)));
  });

  it('has the same checksum on a Node that has none of its own', { skip: crc32 === undefined }, () => {
    const ofTable = tableCrc32();
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 100 }), fc.uint8Array({ maxLength: 100 }), (a, b) => {
        assert.equal(ofTable(b, ofTable(a, 0)), crc32(b, crc32(a, 0)));
      }),
      { seed: 23 },
    );
  });

  it('is a whole file that other programs read', (t) => {
    const path = join(scratchFolder(), 'trace.json.gz');
    const rig = fileRig();
    for (let i = 0; i < 1000; i++) rig.trace.instant('event', { i, text: `text ${i * i}` });
    const result = rig.trace.flush(path);
    assert.deepEqual(result, { written: true, path, events: 1000, bytes: readFileSync(path).length });
    assert.equal(readEvents(path).length, 1000);
    assert.ok(result.written && result.bytes < 30_000);
    const python = spawnSync('python3', [
      '-c',
      'import gzip,json,sys; print(len(json.load(gzip.open(sys.argv[1]))["traceEvents"]))',
      path,
    ]);
    if (python.error !== undefined) t.skip('no python3 here');
    else assert.equal(python.stdout.toString().trim(), '1002', python.stderr.toString());
  });
});
