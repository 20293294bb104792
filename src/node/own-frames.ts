/**
 * Tells otrace's own code in a stack by where its files are, so that nobody has to keep a list of function names.
 *
 * A package copied into a user's bundle has no files of its own and is not recognised.
 */
import { fileURLToPath } from 'node:url';

/** Any installed copy: two versions may be loaded at once, and each sees the frames of the other. */
const INSTALLED = /[\\/]node_modules[\\/]otrace[\\/]dist[\\/](?:esm|cjs)[\\/]/;

/**
 * @param moduleUrl `import.meta.url` of any module of the package: below `dist/esm`, `dist/cjs` or, unbuilt, `src`
 * @returns whether a script, as a path or as a `file:` URL, is part of the package
 *
 * @example
 * const isOwnFrame = ownFrames(import.meta.url);
 * isOwnFrame('file:///app/node_modules/otrace/dist/esm/index.js'); // true
 */
export function ownFrames(moduleUrl: string): (script: string) => boolean {
  const root = rootOf(moduleUrl);
  if (root === '') return (script) => INSTALLED.test(script);
  const path = fileURLToPath(root);
  return (script) => script.startsWith(root) || script.startsWith(path) || INSTALLED.test(script);
}

/** The folder that holds all of the package's code, with its closing slash; empty when it can't be told. */
function rootOf(moduleUrl: string): string {
  const built = /^(file:.*\/dist\/)(?:esm|cjs)\/[^/]+$/.exec(moduleUrl)?.[1];
  if (built !== undefined) return built;
  return /^(file:.*\/src\/)(?:node|sources|heap|recorder|output|cli)\/.+$/.exec(moduleUrl)?.[1] ?? '';
}
