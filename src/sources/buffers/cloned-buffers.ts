/**
 * The buffers in what `structuredClone` has made. A clone is new and holds plain data alone, no getter and no Proxy,
 * so looking into it runs nothing of the program's.
 */
import { MOST_IN_JS_HEAP } from './buffer-blocks.js';

/** Objects looked into; a clone of more keeps what is beyond them to itself. */
const MOST_OBJECTS = 10_000;

export function clonedBuffers(clone: unknown): Set<ArrayBuffer | SharedArrayBuffer> {
  const found = new Set<ArrayBuffer | SharedArrayBuffer>();
  const seen = new Set<object>();
  const add = (value: unknown): void => {
    if (typeof value === 'object' && value !== null && seen.size < MOST_OBJECTS) seen.add(value);
  };
  add(clone);
  for (const object of seen) {
    if (ArrayBuffer.isView(object)) {
      if (object.byteLength > MOST_IN_JS_HEAP) found.add(object.buffer);
    } else if (object instanceof ArrayBuffer) {
      found.add(object);
    } else if (object instanceof Map) {
      for (const [key, value] of object) {
        add(key);
        add(value);
      }
    } else if (object instanceof Set || Array.isArray(object)) {
      for (const value of object as Iterable<unknown>) add(value);
    } else if (isPlain(object)) {
      for (const value of Object.values(object)) add(value);
    }
  }
  return found;
}

function isPlain(object: object): boolean {
  return Object.getPrototypeOf(object) === Object.prototype || object instanceof Error;
}
