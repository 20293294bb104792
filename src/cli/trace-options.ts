/** Values of the options that `run` and `attach` share. */
import { InvalidArgumentError } from 'commander';
import { OtraceError } from '../errors.js';
import { parseSize } from './size.js';

/** The interval of V8's sampler. @throws OtraceError `OTRACE_BAD_OPTION` */
export function everyBytes(text: string): number {
  const bytes = parseSize(text, '--every');
  if (bytes >= 64 && bytes <= 2 ** 30) return bytes;
  throw new OtraceError('OTRACE_BAD_OPTION', `--every takes 64 bytes to 1 GiB, not ${text}`);
}

/** A parser of whole numbers in a range, both ends included. */
export function whole(least: number, most: number): (text: string) => number {
  return (text) => {
    const value = Number(text);
    if (Number.isInteger(value) && value >= least && value <= most) return value;
    throw new InvalidArgumentError(`It must be a whole number from ${least} to ${most}.`);
  };
}
