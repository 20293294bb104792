/**
 * How a script's path or URL reads in a report: without `file://`, and relative to the working directory when it
 * lies in or near it.
 */
import { relative, sep } from 'node:path';
import { fileURLToPath } from 'node:url';

/**
 * @param cwd absolute path that the shown paths are relative to
 * @returns a function from path or URL to what is shown; what is not a file (`node:events`, `https://...`) is left as it is
 *
 * @example
 * displayPath('/app')('file:///app/src/a.js'); // 'src/a.js'
 */
export function displayPath(cwd: string): (script: string) => string {
  return (script) => {
    const path = script.startsWith('file:') ? pathOf(script) : script;
    if (!path.startsWith(sep) && !/^[A-Za-z]:\\/.test(path)) return path;
    const shown = relative(cwd, path);
    // Climbing further than one folder is harder to read than the absolute path.
    return shown === '' || shown.startsWith(`..${sep}..`) ? path : shown;
  };
}

function pathOf(url: string): string {
  try {
    return fileURLToPath(url);
  } catch {
    return url.slice('file://'.length);
  }
}
