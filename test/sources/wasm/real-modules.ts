/** The bytes of modules that others built and published: compilers, ages and linkers of several kinds. */
import { existsSync, readFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { join } from 'node:path';

const require = createRequire(import.meta.url);

/** Folder of an installed package, whatever it exports. */
function folder(name: string): string {
  const found = require.resolve.paths(name)!.find((path) => existsSync(join(path, name)));
  if (found === undefined) throw new Error(`${name} is not installed`);
  return join(found, name);
}

const file = (name: string, path: string) => (): Uint8Array<ArrayBuffer> =>
  new Uint8Array(readFileSync(join(folder(name), path)));

/** yoga-layout carries its module as base64 in a script. */
function yoga(): Uint8Array<ArrayBuffer> {
  const script = readFileSync(join(folder('yoga-layout'), 'dist/binaries/yoga-wasm-base64-esm.js'), 'utf8');
  const base64 = /data:application\/octet-stream;base64,([A-Za-z0-9+/=]+)/.exec(script)?.[1];
  if (base64 === undefined) throw new Error('yoga-layout holds no module where it used to');
  return new Uint8Array(Buffer.from(base64, 'base64'));
}

export const REAL_MODULES: Readonly<Record<string, () => Uint8Array<ArrayBuffer>>> = {
  'sql.js': file('sql.js', 'dist/sql-wasm.wasm'),
  'source-map': file('source-map', 'lib/mappings.wasm'),
  'vscode-oniguruma': file('vscode-oniguruma', 'release/onig.wasm'),
  'web-tree-sitter': file('web-tree-sitter', 'tree-sitter.wasm'),
  'web-tree-sitter (debug)': file('web-tree-sitter', 'debug/tree-sitter.wasm'),
  'yoga-layout': yoga,
};
