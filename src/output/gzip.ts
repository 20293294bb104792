/**
 * A gzip stream made synchronously in pieces (a process that is exiting has no time for Node's streams): each
 * piece is deflated on its own and ends on a byte boundary, so the pieces put together are one raw deflate
 * stream, and with a header and a checksum one gzip member (RFC 1951, RFC 1952).
 */
import * as zlib from 'node:zlib';

const HEADER = Uint8Array.of(0x1f, 0x8b, 8, 0, 0, 0, 0, 0, 0, 255);
/** An empty last block with fixed codes: ends the stream. */
const END_OF_STREAM = Uint8Array.of(0x03, 0x00);

export class GzipEncoder {
  #crc = 0;
  #length = 0;

  /** The bytes that open the stream. */
  header(): Uint8Array {
    return HEADER;
  }

  /** What a piece becomes, without adding it to the stream: a caller may yet decide to put it elsewhere. */
  deflate(piece: Uint8Array): Uint8Array {
    return zlib.deflateRawSync(piece, { finishFlush: zlib.constants.Z_SYNC_FLUSH });
  }

  /** Counts a piece as part of the stream. */
  add(piece: Uint8Array): void {
    this.#crc = crc32(piece, this.#crc);
    this.#length += piece.length;
  }

  /** The bytes that close the stream. */
  trailer(): Uint8Array {
    const bytes = new Uint8Array(END_OF_STREAM.length + 8);
    bytes.set(END_OF_STREAM);
    const view = new DataView(bytes.buffer, END_OF_STREAM.length);
    view.setUint32(0, this.#crc >>> 0, true);
    view.setUint32(4, this.#length % 2 ** 32, true);
    return bytes;
  }
}

/** CRC-32 of more bytes. Node has had its own since 20.15 and 22.2; the table serves the ones before. */
const crc32: (bytes: Uint8Array, seed: number) => number =
  'crc32' in zlib ? (zlib.crc32 as (bytes: Uint8Array, seed: number) => number) : tableCrc32();

function tableCrc32(): (bytes: Uint8Array, seed: number) => number {
  const table = new Uint32Array(256).map((_, byte) => {
    let value = byte;
    for (let bit = 0; bit < 8; bit++) value = value & 1 ? (value >>> 1) ^ 0xedb88320 : value >>> 1;
    return value;
  });
  return (bytes, seed) => {
    let crc = ~seed;
    for (const byte of bytes) crc = table[(crc ^ byte) & 0xff]! ^ (crc >>> 8);
    return ~crc >>> 0;
  };
}
