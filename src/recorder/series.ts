/** The series of a counter that a graph can show: finite numbers only. */
import { nameText } from './string-table.js';

export interface FiniteSeries {
  readonly keys: readonly string[];
  readonly values: readonly number[];
  /** Series left out because their value was no finite number. */
  readonly rejected: number;
}

/**
 * Keeps of a counter's value what can be shown: booleans and bigints as numbers, everything else that is no finite
 * number left out. Never throws.
 *
 * @param name the counter's, which is also that of the one series of a plain value
 */
export function finiteSeries(name: string, value: unknown): FiniteSeries {
  const keys: string[] = [];
  const values: number[] = [];
  let rejected = 0;
  try {
    const given: readonly [string, unknown][] =
      typeof value === 'object' && value !== null ? Object.entries(value) : [[nameText(name), value]];
    for (const [key, entry] of given) {
      const number = typeof entry === 'bigint' || typeof entry === 'boolean' ? Number(entry) : entry;
      if (typeof number === 'number' && Number.isFinite(number)) {
        keys.push(key);
        values.push(number);
      } else {
        rejected++;
      }
    }
    if (given.length === 0) rejected++;
  } catch {
    return { keys: [], values: [], rejected: 1 }; // a getter or a proxy threw
  }
  return { keys, values, rejected };
}
