/**
 * Source maps of WebAssembly modules, as AssemblyScript and Emscripten write them: one line, whose columns are byte
 * offsets in the module.
 *
 * A module tells the file of its map relative to its own, but not where it is itself: it is handed over as bytes. So
 * the map is looked for beside the script that brought the module and in the working directory, and in a folder
 * `build` or `dist` of either. Maps on the network are not fetched.
 */
import { existsSync } from 'node:fs';
import { createRequire } from 'node:module';
import { fileURLToPath, pathToFileURL } from 'node:url';
import type { ModuleSourceMap } from '../sources/wasm/instruction-sources.js';
import type { ModuleWithMaps, ParsedMap } from './parsed-map.js';
import { dataText, isOnDisk, readBounded } from './source-maps.js';

/** Mappings without a source that are stepped over. */
const MOST_STEPS = 8;
const FOLDERS = ['./', './build/', './dist/'];

interface SourceList {
  readonly sources?: readonly (string | null)[];
  readonly sourceRoot?: string;
}

/** @see OpenSourceMap */
export function openWasmSourceMap(reference: string, origin: string): ModuleSourceMap | undefined {
  const isInline = reference.startsWith('data:');
  const url = isInline ? baseOf(origin) : findMap(reference, origin);
  if (url === undefined) return undefined;
  const payload = JSON.parse(isInline ? dataText(reference) : readBounded(url)) as SourceList;
  const sources = (payload.sources ?? []).map((source) =>
    placeOf(source ?? '', payload.sourceRoot ?? '', url),
  );
  const { SourceMap } = createRequire(import.meta.url)('node:module') as ModuleWithMaps;
  const map = new SourceMap({ ...payload, sources, sourceRoot: '', sourcesContent: undefined });
  return { positionAt: (offset, least) => positionAt(map, offset, least) };
}

function positionAt(
  map: ParsedMap,
  offset: number,
  least: number,
): ReturnType<ModuleSourceMap['positionAt']> {
  let isExact = true;
  for (let at = offset, left = MOST_STEPS; at >= least && left > 0; left--) {
    const entry = map.findEntry(0, at);
    const { originalSource, originalLine, originalColumn, generatedColumn } = entry;
    if (generatedColumn === undefined || entry.generatedLine !== 0 || generatedColumn < least)
      return undefined;
    if (originalSource !== undefined && originalLine !== undefined) {
      const column = isExact ? (originalColumn ?? 0) + 1 : 0;
      return { name: '', file: originalSource, line: originalLine + 1, column };
    }
    // Code that the compiler put in between, often the call itself: the statement before it has the line.
    isExact = false;
    at = generatedColumn - 1;
  }
  return undefined;
}

function baseOf(origin: string): string {
  if (origin.startsWith('file:')) return origin;
  return pathToFileURL(isOnDisk(origin) ? origin : `${process.cwd()}/`).href;
}

function findMap(reference: string, origin: string): string | undefined {
  for (const base of [baseOf(origin), pathToFileURL(`${process.cwd()}/`).href]) {
    for (const folder of FOLDERS) {
      const url = new URL(reference, new URL(folder, base));
      if (url.protocol !== 'file:') return undefined;
      if (existsSync(url)) return url.href;
    }
  }
  return undefined;
}

/**
 * AssemblyScript names sources from the directory in which it ran, most often the one above its output; Emscripten
 * from the map. What is on no disk (`~lib/rt/tlsf.ts`) stays as it is.
 */
function placeOf(source: string, root: string, mapUrl: string): string {
  const places = [root === '' ? source : `${root.replace(/\/?$/, '/')}${source}`, source, `../${source}`];
  for (const place of places) {
    const url = URL.canParse(place, mapUrl) ? new URL(place, mapUrl) : undefined;
    if (url?.protocol === 'file:' && existsSync(url)) return fileURLToPath(url);
  }
  return source;
}
