/**
 * The whole heap, through a temporary file: V8 writes its snapshot there in one go, without help of JavaScript, and has
 * freed what it needed for that before the first byte is read back; reading goes in pieces. So the heap is never twice
 * in memory, and the program's own JavaScript heap does not grow.
 */
import { closeSync, mkdtempSync, openSync, readSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { writeHeapSnapshot } from 'node:v8';
import { GraphParser, type ParsedGraph } from '../../heap/graph/graph-parser.js';

const PIECE_BYTES = 1024 * 1024;

export class HeapFile {
  readonly #folder: string;
  readonly #path: string;

  /** Pauses the program for as long as V8 writes. */
  constructor() {
    this.#folder = mkdtempSync(join(tmpdir(), 'otrace-heap-'));
    this.#path = join(this.#folder, 'all.heapsnapshot');
    try {
      writeHeapSnapshot(this.#path);
    } catch (error) {
      this.remove();
      throw error;
    }
  }

  /** Reads the file, and removes it. */
  parse(): ParsedGraph {
    const parser = new GraphParser();
    try {
      const file = openSync(this.#path, 'r');
      try {
        const piece = new Uint8Array(PIECE_BYTES);
        for (;;) {
          const bytes = readSync(file, piece);
          if (bytes === 0) break;
          parser.push(bytes === PIECE_BYTES ? piece : piece.subarray(0, bytes));
        }
      } finally {
        closeSync(file);
      }
      return parser.finish();
    } finally {
      this.remove();
    }
  }

  remove(): void {
    rmSync(this.#folder, { recursive: true, force: true });
  }
}
