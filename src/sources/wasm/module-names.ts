/**
 * Function names from the `name` custom section. A module without one, or with a damaged one, has no names;
 * the engine ignores a damaged name section too, so it is never an error.
 */
import { ByteReader } from './byte-reader.js';

const FUNCTION_NAMES = 1;

/**
 * @param start where the section's content begins, after the section's own name
 * @returns names by function index; as far as they could be read
 */
export function readFunctionNames(bytes: Uint8Array, start: number, end: number): Map<number, string> {
  const names = new Map<number, string>();
  try {
    const reader = new ByteReader(bytes, start, end, 'name section');
    while (!reader.atEnd) {
      const kind = reader.u8();
      const size = reader.u32();
      if (kind !== FUNCTION_NAMES) {
        reader.skip(size);
        continue;
      }
      for (let left = reader.count(2); left > 0; left--) {
        const index = reader.u32();
        names.set(index, reader.name());
      }
    }
  } catch {
    // What was read before the damage is still right.
  }
  return names;
}
