/**
 * Sizes of LEB128 numbers, so that a writer can know a body's length before it writes the body. Writing is in
 * `byte-writer.ts`.
 */

/** Bytes that the unsigned LEB128 form of `value` takes. REQUIRES: 0 <= value < 2^32. */
export function unsignedLebSize(value: number): number {
  if (value < 0x80) return 1;
  if (value < 0x4000) return 2;
  if (value < 0x20_0000) return 3;
  if (value < 0x1000_0000) return 4;
  return 5;
}

/** Bytes that the signed LEB128 form of `value` takes. REQUIRES: -2^31 <= value < 2^31. */
export function signedLebSize(value: number): number {
  // A negative number needs as many bits as its complement; one more bit holds the sign.
  const magnitude = value < 0 ? ~value : value;
  if (magnitude < 0x40) return 1;
  if (magnitude < 0x2000) return 2;
  if (magnitude < 0x10_0000) return 3;
  if (magnitude < 0x800_0000) return 4;
  return 5;
}
