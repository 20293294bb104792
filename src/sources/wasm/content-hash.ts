/** Recognises module bytes seen before, at about memory speed: 64 bits in two lanes, four bytes at a step. */
export function contentHash(bytes: Uint8Array): string {
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  const words = bytes.byteLength >>> 2;
  let a = bytes.byteLength | 0;
  let b = 0x9747b28c;
  for (let i = 0; i < words; i++) {
    const word = view.getUint32(i * 4, true);
    a = Math.imul(a ^ word, 0x9e3779b1);
    a ^= a >>> 15;
    b = Math.imul(b + word, 0x85ebca6b) ^ (b >>> 13);
  }
  for (let i = words * 4; i < bytes.byteLength; i++) {
    a = Math.imul(a ^ bytes[i]!, 0x9e3779b1);
    b = Math.imul(b + bytes[i]!, 0x85ebca6b) ^ (b >>> 13);
  }
  return `${bytes.byteLength}:${(a >>> 0).toString(16)}:${(b >>> 0).toString(16)}`;
}
