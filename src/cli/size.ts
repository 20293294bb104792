/**
 * Sizes in bytes as people write and read them. Written: `512KiB`, `10MiB`, `1.5GB`, plain bytes. KiB, MiB, GiB and
 * TiB are powers of 1024; kB, MB, GB and TB powers of 1000.
 */
import { OtraceError } from '../errors.js';

const UNITS: ReadonlyMap<string, number> = new Map([
  ['', 1],
  ['b', 1],
  ['kib', 1024],
  ['mib', 1024 ** 2],
  ['gib', 1024 ** 3],
  ['tib', 1024 ** 4],
  ['kb', 1000],
  ['mb', 1000 ** 2],
  ['gb', 1000 ** 3],
  ['tb', 1000 ** 4],
]);
const SIZE = /^(\d+(?:\.\d+)?|\.\d+)\s*([a-z]*)$/;
const SHOWN_UNITS = ['B', 'KiB', 'MiB', 'GiB', 'TiB', 'PiB'];

/**
 * Bytes that a size stands for, rounded to whole bytes.
 *
 * @param text the size; upper and lower case are the same
 * @param name what the size is for, as the user wrote it: `--every`
 * @throws OtraceError OTRACE_BAD_OPTION
 * @example parseSize('1.5GB', '--max-live') // 1500000000
 */
export function parseSize(text: string, name: string): number {
  const [, number, unit] = SIZE.exec(text.trim().toLowerCase()) ?? [];
  const factor = unit === undefined ? undefined : UNITS.get(unit);
  const bytes = factor === undefined ? Number.NaN : Math.round(Number(number) * factor);
  if (!Number.isSafeInteger(bytes)) {
    throw new OtraceError(
      'OTRACE_BAD_OPTION',
      `${name} is ${JSON.stringify(text)}, which is not a size; write bytes or a unit: 4096, 512KiB, 10MiB, 1.5GB`,
    );
  }
  return bytes;
}

/** Bytes for people, to three or four digits: `24 B`, `1.9 MiB`, `117 MiB`. */
export function formatBytes(bytes: number): string {
  let value = Math.abs(bytes);
  let unit = 0;
  // 1023.5 would be shown as 1024 of the smaller unit.
  while (value >= 1023.5 && unit < SHOWN_UNITS.length - 1) {
    value /= 1024;
    unit++;
  }
  const digits = unit === 0 || value >= 99.95 ? 0 : 1;
  return `${bytes < 0 ? '-' : ''}${value.toFixed(digits)} ${SHOWN_UNITS[unit]}`;
}
