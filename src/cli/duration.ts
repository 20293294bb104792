/** Times as people write them: `500ms`, `60s`, `5min`, `1h`; a plain number is seconds. */
import { InvalidArgumentError } from 'commander';

const UNITS_MS: ReadonlyMap<string, number> = new Map([
  ['ms', 1],
  ['', 1_000],
  ['s', 1_000],
  ['m', 60_000],
  ['min', 60_000],
  ['h', 3_600_000],
]);
const DURATION = /^(\d+(?:\.\d+)?|\.\d+)\s*([a-z]*)$/i;
/** Timers take no more. */
const MAX_MS = 2 ** 31 - 1;

/**
 * Milliseconds that a duration stands for.
 *
 * @throws InvalidArgumentError for anything else, and for 0 or more than 24 days
 * @example parseDuration('1.5min') // 90000
 */
export function parseDuration(text: string): number {
  const [, number, unit = ''] = DURATION.exec(text.trim()) ?? [];
  const factor = UNITS_MS.get(unit.toLowerCase());
  const ms = number === undefined || factor === undefined ? Number.NaN : Number(number) * factor;
  if (ms > 0 && ms <= MAX_MS) return ms;
  throw new InvalidArgumentError('It must be a time above 0, as 500ms, 60s, 5min or 1h.');
}
