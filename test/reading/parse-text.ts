/** Runs the parser over a text held in memory, in chunks of any size, for the tests of this folder. */
import type { TraceEvent } from '../../src/reading/trace-event.js';
import { type TraceOutline, TraceParser } from '../../src/reading/trace-parser.js';

export interface ParsedText extends TraceOutline {
  readonly events: readonly TraceEvent[];
}

export function parseText(text: string | Uint8Array, chunkBytes = Number.POSITIVE_INFINITY): ParsedText {
  const bytes = typeof text === 'string' ? Buffer.from(text) : text;
  const events: TraceEvent[] = [];
  const parser = new TraceParser((event) => events.push(event));
  for (let from = 0; from < bytes.length; from += chunkBytes) {
    // A copy that is overwritten afterwards: the parser must not keep the caller's chunk.
    const chunk = Uint8Array.from(bytes.subarray(from, Math.min(bytes.length, from + chunkBytes)));
    parser.push(chunk);
    chunk.fill(0x78);
  }
  return { ...parser.end(), events };
}
