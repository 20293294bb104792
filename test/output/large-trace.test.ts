/** A file of any size is written through one chunk of memory. */
import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { writeTraceJson } from '../../src/output/trace-json.js';
import { recording } from '../recorder/rig.js';

describe('a large trace', () => {
  it('goes out in small chunks, and memory does not grow with it', () => {
    const rig = recording(1 << 20);
    for (let i = 0; i < 1 << 20; i++) {
      rig.trace.instant('an event with a name of some length', {
        i,
        text: 'text to make it larger',
      });
    }
    const contents = rig.trace.contents();
    const measure = (): number => {
      globalThis.gc!();
      const { heapUsed, arrayBuffers } = process.memoryUsage();
      return heapUsed + arrayBuffers;
    };
    let total = 0;
    let largest = 0;
    let peak = 0;
    let chunks = 0;
    const before = measure();
    const bytes = writeTraceJson(contents, (chunk) => {
      total += chunk.length;
      largest = Math.max(largest, chunk.length);
      if (++chunks % 50 === 0) peak = Math.max(peak, measure() - before);
    });
    assert.equal(bytes, total);
    assert.ok(total > 100e6, `${total} bytes`);
    assert.ok(largest <= 256 * 1024, `a chunk of ${largest} bytes`);
    // The lanes of all events are laid before the first is written: two bytes an event.
    assert.ok(peak < 4e6, `${peak} bytes more while writing`);
  });
});
