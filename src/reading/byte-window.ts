/**
 * A sliding window over a stream of bytes: chunks are appended at one end, what has been dealt with is dropped
 * at the other, and what is between them is contiguous, so that a value cut by a chunk border can be sliced whole.
 *
 *     buffer  [ dropped | start ... not dealt with yet ... end | free ]
 *
 * Invariants:
 *   1. 0 <= start <= end <= buffer.length
 *   2. `offsetOf(start)` bytes and the newlines in them were dropped since the beginning
 * Cost: each byte is copied once into the window, and again only when the window is compacted or grows (it
 * doubles); the memory is twice the longest stretch that was kept.
 */
const FIRST_CAPACITY = 512 * 1024;
const NEWLINE = 0x0a;

export class ByteWindow {
  buffer = Buffer.allocUnsafe(FIRST_CAPACITY);
  start = 0;
  end = 0;
  /** Bytes of the stream before `buffer[0]`. */
  #base = 0;
  /** Newlines of the stream before `buffer[start]`. */
  #newlines = 0;

  append(chunk: Uint8Array): void {
    if (this.end + chunk.length > this.buffer.length) this.#makeRoom(chunk.length);
    this.buffer.set(chunk, this.end);
    this.end += chunk.length;
  }

  /** Drops everything before `position`. REQUIRES: start <= position <= end. */
  dropTo(position: number): void {
    this.#newlines += countNewlines(this.buffer, this.start, position);
    this.start = position;
  }

  /** Bytes of the stream before a position of the buffer. */
  offsetOf(position: number): number {
    return this.#base + position;
  }

  /** Line of the stream, from 1, on which a position of the buffer lies. REQUIRES: start <= position <= end. */
  lineOf(position: number): number {
    return 1 + this.#newlines + countNewlines(this.buffer, this.start, position);
  }

  /** Moves what is kept to the beginning of the buffer, of a larger one when it is more than half full. */
  #makeRoom(bytes: number): void {
    const kept = this.end - this.start;
    let capacity = this.buffer.length;
    while (kept + bytes > capacity / 2) capacity *= 2;
    const target = capacity === this.buffer.length ? this.buffer : Buffer.allocUnsafe(capacity);
    this.buffer.copy(target, 0, this.start, this.end);
    this.buffer = target;
    this.#base += this.start;
    this.start = 0;
    this.end = kept;
  }
}

function countNewlines(bytes: Uint8Array, from: number, to: number): number {
  let count = 0;
  for (let i = from; i < to; i++) if (bytes[i] === NEWLINE) count++;
  return count;
}
