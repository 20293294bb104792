/**
 * An event that was read from a file as JSON again, whole: nothing is left out, whatever its size. Differs from what
 * was read only where Perfetto could not read it: numbers that JSON has not become texts, NUL its visible symbol,
 * integers past 63 bits texts. Lone surrogates are left to the encoding as UTF-8.
 */
import { numberJson, textJson } from '../recorder/safe-json.js';

/** REQUIRES: made of what `parseJson` makes. */
export function eventJson(value: unknown): string {
  switch (typeof value) {
    case 'string':
      return textJson(value);
    case 'number':
      return numberJson(value) ?? textJson(String(value));
    case 'bigint':
      return value >= -(2n ** 63n) && value < 2n ** 63n ? String(value) : textJson(String(value));
    case 'object':
      if (value === null) return 'null';
      return Array.isArray(value) ? listJson(value) : recordJson(value as Record<string, unknown>);
    default:
      return String(value);
  }
}

function listJson(list: readonly unknown[]): string {
  let text = '[';
  for (let i = 0; i < list.length; i++) text += (i === 0 ? '' : ',') + eventJson(list[i]);
  return `${text}]`;
}

function recordJson(record: Readonly<Record<string, unknown>>): string {
  let text = '{';
  for (const key of Object.keys(record)) {
    text += `${text.length === 1 ? '' : ','}${textJson(key)}:${eventJson(record[key])}`;
  }
  return `${text}}`;
}
