/**
 * The one way in which otrace speaks to a person: a line on stderr. Written synchronously, since the process may be
 * ending, and without `process.stderr`, which programs replace.
 */
import { writeSync } from 'node:fs';

export function warn(message: string): void {
  say(`otrace: ${message}\n`);
}

/** Text for a person, as it is. */
export function say(text: string): void {
  try {
    writeSync(2, text);
  } catch {
    // stderr is closed or full: there is nobody to tell.
  }
}
