/** Paths as compilers write them into debug information, put together: POSIX or Windows, absolute or not. */

/** The parts joined, from the last that is absolute on; without `.` and, where they cancel out, `..` */
export function joinPath(...parts: readonly string[]): string {
  const from = parts.findLastIndex(isAbsolute);
  const joined = parts
    .slice(Math.max(from, 0))
    .filter((part) => part !== '')
    .join('/');
  const segments: string[] = [];
  for (const [i, segment] of joined.split(/[/\\]/).entries()) {
    if (segment === '.' || (segment === '' && i > 0)) continue;
    const last = segments.at(-1);
    if (segment === '..' && last !== undefined && last !== '' && last !== '..') segments.pop();
    else segments.push(segment);
  }
  return segments.join('/');
}

function isAbsolute(path: string): boolean {
  return path.startsWith('/') || /^[A-Za-z]:[\\/]/.test(path) || path.startsWith('<');
}
